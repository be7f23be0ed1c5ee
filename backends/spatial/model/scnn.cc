#include "backends/spatial/model/scnn.h"

#include <fmt/format.h>

#include "backends/spatial/model/accelerator.h"
#include "workloads/nearest.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {

std::string Scnn::shape() const { return fmt::format("{} x {} PEs of {} x {} multipliers", pe_rows, pe_columns, weights, inputs); }

ScnnPlan::ScnnPlan(const Scnn& a, const LayerSpec& layer)
    : rows(TileAxis::rows(layer, a.pe_rows)), columns(TileAxis::columns(layer, a.pe_columns)), sums_high(rows.most_reach()), sums_wide(columns.most_reach()) {
  filters_at_once = std::min(layer.out_channels_per_group(), a.banks * a.bank_entries / checked_product(sums_high, sums_wide));
  bank_row = ceil_div(columns.in_share(), layer.stride_width);
  blocks = filters_at_once > 0 ? ceil_div(layer.out_channels_per_group(), filters_at_once) : 0;
}

Scnn read_scnn(const TomlTable& root, const Accelerator&) {
  Scnn a;
  const auto needed = [&](std::string_view key, std::int64_t high, std::int64_t example) {
    const auto value = root.integer(key, 1, high);
    if (!value) root.fail_missing(key, fmt::format("give it, as {} = {}", key, example));
    return *value;
  };
  a.pe_rows = needed("pe_rows", 1024, 8), a.pe_columns = needed("pe_columns", 1024, 8);
  a.weights = needed("weights", 15, 4), a.inputs = needed("inputs", 15, 4);
  a.banks = needed("banks", 256, 32), a.bank_entries = needed("bank_entries", 1 << 20, 32);
  a.index_bits = static_cast<int>(root.integer("index_bits", 1, 16).value_or(4));
  a.contention = root.boolean("contention").value_or(true);
  if (const auto word = root.text("neighbours")) {
    if (*word != "filters" && *word != "taps") root.fail_at("neighbours", unknown_name("neighbours", *word, {"filters", "taps"}));
    a.neighbours = *word == "taps" ? Neighbours::taps : Neighbours::filters;
  }
  a.input_ram_bytes = root.integer("input_ram_bytes", 1, 1ll << 40);
  a.weight_fifo_vectors = root.integer("weight_fifo_vectors", 1, 1ll << 40);
  return a;
}

std::string why_not(const Accelerator&, const Scnn& a, const LayerSpec& layer, std::int64_t) {
  if (ScnnPlan::is_flat(layer)) return "";
  const ScnnPlan plan(a, layer);
  if (plan.filters_at_once > 0) return "";
  return fmt::format("a PE's tile adds up to {} x {} sums a filter and its accumulators hold {}", plan.sums_high, plan.sums_wide, a.banks * a.bank_entries);
}

}  // namespace convroof::spatial
