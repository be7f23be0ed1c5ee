#include "backends/spatial/model/shifting_neighbour.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "backends/spatial/model/accelerator.h"
#include "workloads/checked.h"
#include "workloads/layer.h"
#include "workloads/nearest.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

constexpr std::int64_t kLargestSide = 4096;  // of a block, and blocks
constexpr std::array<std::pair<std::string_view, Outermost>, 4> kOutermost = {
    {{"images", Outermost::images}, {"strips", Outermost::strips}, {"filters", Outermost::filters}, {"least", Outermost::least}}};

std::int64_t side(const TomlTable& root, std::string_view key) {
  const auto value = root.integer(key, 1, kLargestSide);
  if (!value) root.fail_missing(key, fmt::format("give it, as {} = 8", key));
  return *value;
}

std::int64_t bytes_of(std::int64_t words, int bits) { return ceil_div(checked_product(words, bits), 8); }

}  // namespace

std::string_view name_of(Outermost outermost) {
  for (const auto& [name, value] : kOutermost)
    if (value == outermost) return name;
  return "";
}

std::string ShiftingNeighbourArray::shape() const {
  return filters == 1 ? fmt::format("{} x {} PEs", rows, columns) : fmt::format("{} blocks of {} x {} PEs", filters, rows, columns);
}

ShiftingNeighbourTile::ShiftingNeighbourTile(const Accelerator& a, const ShiftingNeighbourArray& array, const LayerSpec& layer)
    : filters(array.filters), rows(array.rows), columns(array.columns) {
  if (layer.out_height == 1 && layer.out_width == 1) filters = array.multipliers(), rows = columns = 1;
  if (!array.keeps_weights) return;
  const std::int64_t held = array.buffers.words(array.buffers.weight_bytes, a.word_bits) / layer.reduction_length();
  filters = std::clamp<std::int64_t>(held, 1, filters);
}

std::int64_t neighbour_distance(std::int64_t stride, std::int64_t dilation, std::int64_t taps) {
  return stride % dilation == 0 ? std::min(stride / dilation, taps) : taps;
}

ShiftingNeighbourArray read_shifting_neighbour(const TomlTable& root, const Accelerator& shared) {
  ShiftingNeighbourArray array;
  array.filters = root.integer("filters", 1, kLargestSide).value_or(1);
  array.rows = side(root, "rows");
  array.columns = side(root, "columns");
  array.has_outer_memory = root.boolean("outer_memory").value_or(true);
  if (const auto word = root.text("outermost")) {
    const auto known = std::find_if(kOutermost.begin(), kOutermost.end(), [&](const auto& entry) { return entry.first == *word; });
    if (known == kOutermost.end()) root.fail_at("outermost", unknown_name("loop", *word, {"images", "strips", "filters", "least"}));
    array.outermost = known->second;
  }
  array.keeps_weights = root.boolean("keep_weights").value_or(false);
  array.buffers = read_edge_buffers(root);
  require_words(root, array.buffers, "input", array.rows * array.columns, shared.word_bits);
  require_words(root, array.buffers, "weight", array.filters, shared.word_bits);
  require_words(root, array.buffers, "output", array.multipliers(), shared.output_bits);
  if (array.has_outer_memory) return array;
  if (root.has("dram")) root.fail_at("dram", "`outer_memory = false` and a `[dram]` contradict each other; leave one of them out");
  if (root.has("outermost")) root.fail_at("outermost", "`outer_memory = false` leaves nothing to order; leave `outermost` out");
  if (!array.buffers.input_bytes || !array.buffers.weight_bytes || !array.buffers.output_bytes)
    root.fail_at("outer_memory", "without outer memory all three buffers need a size; give [buffer.input], [buffer.weight] and [buffer.output]");
  array.buffers.is_double = false;
  return array;
}

std::string why_not(const Accelerator& a, const ShiftingNeighbourArray& array, const LayerSpec& l, std::int64_t batch) {
  const EdgeBuffers& b = array.buffers;
  if (!array.has_outer_memory) {
    std::string missing;
    const auto check = [&](std::string_view what, std::int64_t words, int bits, const std::optional<std::int64_t>& have) {
      if (const std::int64_t bytes = bytes_of(words, bits); bytes > *have)
        missing += fmt::format("{}{} need {} bytes of {}", missing.empty() ? "" : ", ", what, bytes, *have);
    };
    check("inputs", checked_product(batch, input_elements(l)), a.word_bits, b.input_bytes);
    check("weights", weight_count(l), a.word_bits, b.weight_bytes);
    check("outputs", checked_product(batch, output_elements(l)), a.output_bits, b.output_bytes);
    return missing.empty() ? "" : fmt::format("{} has no outer memory and the layer does not fit its buffers: {}", a.name, missing);
  }
  // Channel by channel, what lies under one tile must be in the working part of the input buffer.
  const ShiftingNeighbourTile tile(a, array, l);
  const auto reach = [](std::int64_t outs, std::int64_t out, std::int64_t stride, std::int64_t taps, std::int64_t dilation, std::int64_t in) {
    return std::min(in, (std::min(outs, out) - 1) * stride + (taps - 1) * dilation + 1);
  };
  const std::int64_t words = reach(tile.rows, l.out_height, l.stride_height, l.kernel_height, l.dilation_height, l.in_height) *
                             reach(tile.columns, l.out_width, l.stride_width, l.kernel_width, l.dilation_width, l.in_width);
  if (const std::int64_t have = b.words(b.input_bytes, a.word_bits); words > have)
    return fmt::format("the inputs under one tile of a channel are {} words, the working part of {}'s input buffer holds {}", words, a.name, have);
  return "";
}

}  // namespace convroof::spatial
