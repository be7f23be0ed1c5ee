#include "backends/spatial/model/feie.h"

#include <fmt/format.h>

#include <vector>

#include "backends/spatial/model/accelerator.h"
#include "workloads/checked.h"
#include "workloads/layer.h"
#include "workloads/nearest.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

std::int64_t needed(const TomlTable& table, std::string_view key, std::int64_t high, std::string_view example) {
  const auto value = table.integer(key, 1, high);
  if (!value) table.fail_missing(key, fmt::format("give it, as {} = {}", key, example));
  return *value;
}

// Which of the words; the first is the default.
std::size_t choice(const TomlTable& table, std::string_view key, const std::vector<std::string>& words) {
  const auto word = table.text(key);
  if (!word) return 0;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == *word) return i;
  table.fail_at(key, unknown_name(key, *word, words));
}

}  // namespace

std::string FeieArray::shape() const { return fmt::format("{} PEs in {} tiles", multipliers(), tiles); }

FeieLayer::FeieLayer(const LayerSpec& l)
    : groups(l.groups),
      channels(l.in_channels_per_group()),
      filters(l.out_channels_per_group()),
      in_height(l.in_height),
      in_width(l.in_width),
      out_height(l.out_height),
      out_width(l.out_width),
      rows(l.kernel_height),
      taps(l.kernel_width),
      stride_y(l.stride_height),
      stride_x(l.stride_width),
      dilation_y(l.dilation_height),
      dilation_x(l.dilation_width),
      pad_top(l.pad_top),
      pad_left(l.pad_left) {
  if (l.op != Op::fc) return;
  channels = l.reduction_length();
  in_height = in_width = out_height = out_width = rows = taps = stride_y = stride_x = dilation_y = dilation_x = 1;
  pad_top = pad_left = 0;
}

FeieMode::FeieMode(const FeieArray& array, const FeieLayer& layer) : pes(ceil_div(layer.reach(), layer.stride_x)) {
  if (pes <= array.pes_per_tile) {
    const std::int64_t in_tile = array.pes_per_tile / pes;  // filters of one tile
    filters = array.tiles * in_tile;
    sums = array.sums_per_pe * (array.pes_per_tile / in_tile);
  } else {
    const std::int64_t tiles = ceil_div(pes, array.pes_per_tile);  // of one filter
    filters = array.tiles / tiles;
    sums = array.sums_per_pe * tiles * array.pes_per_tile;
  }
}

FeieArray read_feie(const TomlTable& root, const Accelerator& shared) {
  FeieArray array;
  const auto geometry = root.table("array");
  if (!geometry) root.fail_missing("array", "describe the PEs, as [array] with tiles = 32, pes_per_tile = 6, sums_per_pe = 64");
  geometry->allow_only({"tiles", "pes_per_tile", "sums_per_pe"});
  array.tiles = needed(*geometry, "tiles", 1 << 16, "32");
  array.pes_per_tile = needed(*geometry, "pes_per_tile", 1 << 10, "6");
  array.sums_per_pe = needed(*geometry, "sums_per_pe", 1 << 24, "64");
  if (const auto schedule = root.table("schedule")) {
    schedule->allow_only({"segments", "last_segment", "ragged_filters", "unused_pixels", "pass_overhead", "weight_words_per_clock"});
    constexpr Segments kSegments[] = {Segments::raster, Segments::row, Segments::unlimited};
    array.segments = kSegments[choice(*schedule, "segments", {"raster", "row", "unlimited"})];
    array.pads_last_segment = choice(*schedule, "last_segment", {"exact", "padded"}) == 1;
    array.packs_ragged_filters = choice(*schedule, "ragged_filters", {"idle", "packed"}) == 1;
    array.streams_unused_pixels = choice(*schedule, "unused_pixels", {"skip", "stream"}) == 1;
    array.pass_overhead = schedule->integer("pass_overhead", 0, 1 << 20).value_or(0);
    array.weight_words_per_clock = schedule->integer("weight_words_per_clock", 0, 1 << 20).value_or(0);
  }
  if (const auto zeros = root.table("zeros")) {
    zeros->allow_only({"skipped", "index_bits"});
    array.skips_zeros = zeros->boolean("skipped").value_or(true);
    array.index_bits = static_cast<int>(zeros->integer("index_bits", 0, 16).value_or(0));
    if (array.index_bits > 0 && !array.skips_zeros) zeros->fail_at("index_bits", "offsets are stored only where zeros are skipped; leave `index_bits` out");
  }
  if (shared.accumulator.dropped_bits > 0)
    root.table("accumulator")->fail_at("dropped_bits", "these PEs add whole products; leave `dropped_bits` out, or set it to 0");
  return array;
}

std::string why_not(const Accelerator&, const FeieArray& array, const LayerSpec& layer, std::int64_t /*batch*/) {
  const FeieLayer l(layer);
  const std::int64_t pes = ceil_div(l.reach(), l.stride_x);
  if (pes <= array.pes_per_tile || ceil_div(pes, array.pes_per_tile) <= array.tiles) return "";
  return fmt::format("a filter row over {} pixels with stride {} needs {} PEs in whole tiles; the array has {}", l.reach(), l.stride_x, pes, array.shape());
}

}  // namespace convroof::spatial
