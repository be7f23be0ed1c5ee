#include "backends/spatial/model/row_stationary.h"

#include <fmt/format.h>

#include <stdexcept>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/row_geometry.h"
#include "backends/spatial/model/row_mapper.h"
#include "workloads/nearest.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

constexpr std::int64_t kLargestSide = 1024;         // of an array
constexpr std::int64_t kLargestScratchpad = 65536;  // words
constexpr std::int64_t kLargestBuffer = 1ll << 40;  // bytes
constexpr std::int64_t kWidestBus = 4096;           // words a clock

std::int64_t needed(const TomlTable& table, std::string_view key, std::int64_t high, std::string_view example) {
  const auto value = table.integer(key, 1, high);
  if (!value) table.fail_missing(key, fmt::format("give it, as {} = {}", key, example));
  return *value;
}

TomlTable needed_table(const TomlTable& root, std::string_view key, std::string_view mend) {
  const auto table = root.table(key);
  if (!table) root.fail_missing(key, mend);
  return *table;
}

StatedMapping read_stated(const TomlTable& table) {
  table.allow_only({"name", "channels", "filters", "kernel", "stride", "out", "m", "n", "e", "p", "q", "r", "t"});
  StatedMapping stated;
  stated.name = table.text("name").value_or("");
  const auto take = [&](std::string_view key) { return needed(table, key, 1 << 20, "1"); };
  stated.channels = take("channels"), stated.filters = take("filters"), stated.kernel = take("kernel"), stated.stride = take("stride");
  stated.out = take("out");
  stated.mapping = {take("m"), take("n"), take("e"), take("p"), take("q"), take("r"), take("t")};
  return stated;
}

}  // namespace

std::string to_string(const RowMapping& map) {
  return fmt::format("m {}, n {}, e {}, p {}, q {}, r {}, t {}", map.m, map.n, map.e, map.p, map.q, map.r, map.t);
}

bool StatedMapping::is_for(const LayerSpec& l) const {
  return l.op == Op::conv && l.in_channels_per_group() == channels && l.out_channels == filters && l.kernel_height == kernel && l.kernel_width == kernel &&
         l.stride_height == stride && l.stride_width == stride && l.out_height == out && l.out_width == out && l.dilation_height == 1 && l.dilation_width == 1;
}

std::string RowStationaryArray::shape() const { return fmt::format("{} x {} PEs", rows, columns); }
std::int64_t RowStationaryArray::buffer_words(const Accelerator& a) const { return buffer_bytes * 8 / a.word_bits; }
std::int64_t RowStationaryArray::weight_buffer_words(const Accelerator& a) const { return weight_buffer_bytes * 8 / a.word_bits; }

std::int64_t RowStationaryArray::sets_that_fit(std::int64_t height, std::int64_t width) const {
  if (width <= columns) return rows / height * (columns / width);
  return rows / checked_product(height, ceil_div(width, columns));
}

RowStationaryArray read_row_stationary(const TomlTable& root, const Accelerator& shared) {
  RowStationaryArray array;
  array.rows = needed(root, "rows", kLargestSide, "12");
  array.columns = needed(root, "columns", kLargestSide, "14");
  if (shared.word_bits != 16) root.fail_at("word_bits", "a row-stationary array here has words of 16 bits; leave `word_bits` out");
  if (!shared.accumulator.is_exact()) root.table("accumulator")->fail("a row-stationary array here adds up exactly, in 64 bits; leave [accumulator] out");

  const TomlTable pads = needed_table(root, "scratchpad", "give the words of a PE's scratchpads, as [scratchpad] with weight = 224, input = 12, psum = 24");
  pads.allow_only({"weight", "input", "psum"});
  array.weight_words = needed(pads, "weight", kLargestScratchpad, "224");
  array.input_words = needed(pads, "input", kLargestScratchpad, "12");
  array.psum_words = needed(pads, "psum", kLargestScratchpad, "24");

  const TomlTable buffer = needed_table(root, "global_buffer", "give its parts, as [global_buffer] with bytes = 102400, weight_bytes = 8192");
  buffer.allow_only({"bytes", "weight_bytes"});
  array.buffer_bytes = needed(buffer, "bytes", kLargestBuffer, "102400");
  array.weight_buffer_bytes = needed(buffer, "weight_bytes", kLargestBuffer, "8192");
  if (array.buffer_words(shared) < 2)
    buffer.fail_at("bytes",
                   fmt::format("the buffer is smaller than one tile, an input and a sum of {} bits; got `{}` bytes", shared.word_bits, array.buffer_bytes));
  if (array.weight_buffer_words(shared) < 1) buffer.fail_at("weight_bytes", "this part is smaller than one tile, a weight of 16 bits; enlarge it");

  if (const auto bus = root.table("bus")) {
    bus->allow_only({"weight", "input", "psum"});
    array.weight_bus_words = bus->integer("weight", 1, kWidestBus).value_or(1);
    array.input_bus_words = bus->integer("input", 1, kWidestBus).value_or(1);
    array.psum_bus_words = bus->integer("psum", 1, kWidestBus).value_or(1);
  }
  array.gates_zeros = root.boolean("zero_gating").value_or(false);
  const std::string compression = root.text("compression").value_or("none");
  if (compression != "none" && compression != "run-length") root.fail_at("compression", unknown_name("compression", compression, {"none", "run-length"}));
  array.compresses = compression == "run-length";
  if (array.compresses && shared.output_bits != 16) root.fail_at("compression", "the code holds values of 16 bits; write output_bits = 16");

  const std::string mapping = root.text("mapping").value_or("search");
  if (mapping != "search" && mapping != "stated") root.fail_at("mapping", unknown_name("mapping", mapping, {"search", "stated"}));
  for (const TomlTable& table : root.tables("stated_mapping")) {
    const StatedMapping stated = read_stated(table);
    if (array.sets_that_fit(stated.kernel, stated.mapping.e) < checked_product(stated.mapping.r, stated.mapping.t))
      table.fail(fmt::format("{} x {} sets of {} x {} PEs do not fit {}; make e, r or t smaller", stated.mapping.r, stated.mapping.t, stated.kernel,
                             stated.mapping.e, array.shape()));
    if (mapping == "stated") array.stated.push_back(stated);
  }
  return array;
}

LayerSpec as_rows(const RowStationaryArray& array, const LayerSpec& layer) {
  LayerSpec rows = layer;
  if (layer.op != Op::fc) return rows;
  rows.op = Op::conv;
  if (layer.kernel_height <= array.rows && window_span(layer) <= array.input_words) return rows;
  rows.in_channels = checked_product({layer.in_channels, layer.in_height, layer.in_width});
  rows.in_height = rows.in_width = rows.kernel_height = rows.kernel_width = 1;
  return rows;
}

std::int64_t input_share(const LayerSpec& l, const RowMapping& map) {
  const std::int64_t high = (map.e - 1) * l.stride_height + l.dilation_height * (l.kernel_height - 1) + 1;
  const std::int64_t wide = (l.out_width - 1) * l.stride_width + window_span(l);
  return checked_product({map.n, map.q, map.r, high, wide});
}

std::int64_t psum_share(const LayerSpec& l, const RowMapping& map) { return checked_product({map.n, map.m, map.e, l.out_width}); }

std::string why_not(const Accelerator& a, const RowStationaryArray& array, const LayerSpec& l, const RowMapping& map) {
  if (l.kernel_height > array.rows) return fmt::format("the filter is {} rows high, the array {}", l.kernel_height, array.rows);
  if (checked_product(map.q, window_span(l)) > array.input_words)
    return fmt::format("{} windows of {} inputs do not fit the scratchpad of {} words", map.q, window_span(l), array.input_words);
  if (checked_product({map.p, map.q, l.kernel_width}) > array.weight_words)
    return fmt::format("{} x {} filter rows of {} weights do not fit the scratchpad of {} words", map.p, map.q, l.kernel_width, array.weight_words);
  if (map.p > array.psum_words) return fmt::format("{} partial sums do not fit the scratchpad of {} words", map.p, array.psum_words);
  if (checked_product(map.r, map.t) > array.sets_that_fit(l.kernel_height, map.e))
    return fmt::format("{} x {} sets of {} x {} PEs do not fit {}", map.r, map.t, l.kernel_height, map.e, array.shape());
  const std::int64_t filters = checked_product({l.kernel_height, l.kernel_width, map.q, map.r, map.p, map.t});
  if (filters > array.weight_buffer_words(a))
    return fmt::format("the {} weights of one pass do not fit their {} words of the buffer", filters, array.weight_buffer_words(a));
  const std::int64_t inputs = input_share(l, map), sums = psum_share(l, map);
  if (checked_sum(inputs, sums) > array.buffer_words(a))
    return fmt::format("one strip of {} inputs and {} partial sums does not fit the buffer of {} words", inputs, sums, array.buffer_words(a));
  return "";
}

std::string why_not(const Accelerator& a, const RowStationaryArray& array, const LayerSpec& layer, std::int64_t /*batch*/) {
  return why_not(a, array, as_rows(array, layer), RowMapping{});  // the least of everything
}

RowMapping mapping_for(const Accelerator& a, const RowStationaryArray& array, const LayerSpec& layer, std::int64_t batch) {
  const LayerSpec rows = as_rows(array, layer);
  std::vector<RowMapping> wanted;
  if (array.forced) wanted.push_back(*array.forced);
  for (const StatedMapping& stated : array.stated)
    if (stated.is_for(rows)) wanted.push_back(stated.mapping);
  for (RowMapping map : wanted) {
    map.n = std::min(map.n, batch), map.m = std::min(map.m, rows.out_channels_per_group());
    if (why_not(a, array, rows, map).empty()) return map;
  }
  const auto best = best_mapping(a, array, rows, batch);
  if (!best) throw std::invalid_argument(fmt::format("layer {}: {}", layer.name, why_not(a, array, layer, batch)));
  return *best;
}

}  // namespace convroof::spatial
