#include <fmt/format.h>

#include "backends/spatial/verbs/explain.h"
#include "workloads/checked.h"

namespace convroof::spatial {

std::string clock_terms(const Accelerator&, const BroadcastChainArray& array, const Problem& p, const Outcome& o) {
  const LayerSpec& l = p.layer;
  const BroadcastChainMapping m(array, l);
  const std::int64_t rows = ceil_div(l.kernel_height, m.rows), columns = ceil_div(l.kernel_width, m.columns);
  const std::int64_t filter_blocks = ceil_div(p.m(), m.filters), channels = l.in_channels_per_group(), channel_blocks = ceil_div(channels, m.channels);
  const std::int64_t images = array.images > 0 ? std::min(array.images, p.batch) : p.batch, rounds = ceil_div(p.batch, images);
  std::string text = fmt::format("shape     {} filters, {} channels, {} x {} taps, {} images, {} groups\n", p.m(), channels, l.kernel_height, l.kernel_width,
                                 p.batch, l.groups);
  text += fmt::format("mapping   engines of {} x {} PEs: {} filters at a time, {} channels in a chain; the filter in {} x {} parts; {} images a pass\n", m.rows,
                      m.columns, m.filters, m.channels, rows, columns, images);
  std::string sum;
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < columns; ++column) {
      const BroadcastChainPart part = part_of(l, m, row, column);
      const std::int64_t stream = p.batch * part.pixels(), taps = rounds * part.rows * part.columns;
      // Each engine but the first of a chain starts later by the latency of the one before.
      const std::int64_t waits = rounds * (channels - channel_blocks) * part.latency(l);
      text += fmt::format("part      rows {}-{}, columns {}-{}: {} clocks to load + {} x {} x {} pixels, times {} chains, + {} clocks of later engines = {}\n",
                          part.first_row, part.first_row + part.rows - 1, part.first_column, part.first_column + part.columns - 1, taps, p.batch, part.height,
                          part.width, channel_blocks, waits, channel_blocks * (taps + stream) + waits);
      sum += fmt::format("{}{}", sum.empty() ? "" : " + ", channel_blocks * (taps + stream) + waits);
    }
  return text + fmt::format("clocks    groups x blocks of filters x parts = {} x {} x ({}) = {}\n", l.groups, filter_blocks, sum, o.cycles);
}

}  // namespace convroof::spatial
