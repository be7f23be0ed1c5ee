#include "backends/spatial/model/broadcast_chain.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/spatial/model/accelerator.h"
#include "workloads/layer.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

constexpr std::int64_t kLargestSide = 4096;  // of an engine, and engines
constexpr std::int64_t kMostPes = 1 << 20;

std::int64_t side(const TomlTable& root, std::string_view key) {
  const auto value = root.integer(key, 1, kLargestSide);
  if (!value) root.fail_missing(key, fmt::format("give it, as {} = 8, or give `pes` for engines of the filter's shape", key));
  return *value;
}

}  // namespace

std::string BroadcastChainArray::shape() const {
  if (pes > 0) return fmt::format("{} PEs in engines of the filter's shape", pes);
  return fmt::format("{} engines of {} x {} PEs", engines, rows, columns);
}

BroadcastChainMapping::BroadcastChainMapping(const BroadcastChainArray& array, const LayerSpec& l) {
  std::int64_t engines = array.engines;
  if (array.pes > 0) {
    columns = std::min(l.kernel_width, array.pes);
    rows = std::min(l.kernel_height, array.pes / columns);
    engines = array.pes / (rows * columns);
  } else {
    rows = std::min(l.kernel_height, array.rows), columns = std::min(l.kernel_width, array.columns);
  }
  channels = std::min({array.chain, l.in_channels_per_group(), engines});
  filters = std::min(engines / channels, l.out_channels_per_group());
}

std::int64_t BroadcastChainPart::latency(const LayerSpec& l) const { return (rows - 1) * l.dilation_height * width + (columns - 1) * l.dilation_width + 1; }

BroadcastChainPart part_of(const LayerSpec& l, const BroadcastChainMapping& m, std::int64_t row, std::int64_t column) {
  BroadcastChainPart p{};
  p.first_row = row * m.rows, p.first_column = column * m.columns;
  p.rows = std::min(m.rows, l.kernel_height - p.first_row), p.columns = std::min(m.columns, l.kernel_width - p.first_column);
  p.y = p.first_row * l.dilation_height - l.pad_top, p.x = p.first_column * l.dilation_width - l.pad_left;
  p.height = (l.out_height - 1) * l.stride_height + (p.rows - 1) * l.dilation_height + 1;
  p.width = (l.out_width - 1) * l.stride_width + (p.columns - 1) * l.dilation_width + 1;
  return p;
}

BroadcastChainArray read_broadcast_chain(const TomlTable& root, const Accelerator& shared) {
  BroadcastChainArray array;
  if (const auto pes = root.integer("pes", 1, kMostPes)) {
    for (const char* key : {"engines", "rows", "columns"})
      if (root.has(key)) root.fail_at(key, fmt::format("`pes` lets engines take the filter's shape, `{}` fixes it; leave one of them out", key));
    array.pes = *pes;
  } else {
    array.engines = side(root, "engines"), array.rows = side(root, "rows"), array.columns = side(root, "columns");
  }
  array.chain = root.integer("chain", 1, kLargestSide).value_or(1);
  if (array.pes == 0 && array.chain > array.engines)
    root.fail_at("chain", fmt::format("`chain` must not exceed the {} engines, got `{}`", array.engines, array.chain));
  array.images = root.integer("images_in_a_pass", 1, 1 << 20).value_or(0);
  if (const auto buffers = root.table("buffer"); buffers && buffers->has("weight"))
    buffers->fail_at("weight", "weights go straight into the PEs of this dataflow; leave [buffer.weight] out");
  array.buffers = read_edge_buffers(root);
  require_words(root, array.buffers, "input", array.chain, shared.word_bits);
  require_words(root, array.buffers, "output", array.pes > 0 ? 1 : array.engines, shared.accumulator.bits);
  return array;
}

}  // namespace convroof::spatial
