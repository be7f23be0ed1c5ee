// The clocks of one pass over a row-stationary array.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "backends/spatial/model/row_stationary.h"

namespace convroof::spatial::fast {

// The input columns that a PE takes for one row, in order.
struct RowColumns {
  std::int64_t all = 0, inside = 0;  // inside: no padding
  std::vector<std::int64_t> taps;    // of output column x and filter column s, at [x * S + s]: places in that order
  explicit RowColumns(const LayerSpec& layer);
};

struct RowPass {
  std::int64_t out_rows, rows, channels, filters, images;  // rows: input rows that PEs take
  bool first_channels;                                     // no sums of channels before wait in the buffer
  std::int64_t leaving;                                    // clocks that the last sums of the pass before need to leave
  auto operator<=>(const RowPass&) const = default;
};

// Clocks that the sums of a window need: up through the PEs of a column, and over the bus.
std::int64_t climb_clocks(const LayerSpec& layer, const RowMapping& mapping, const RowPass& pass);
std::int64_t exchange_clocks(const RowStationaryArray& array, const RowPass& pass);

// Buses work beside the PEs. Weights come first, while the last sums of the pass before leave. A column (all rows and channels of the pass) enters as soon
// as the input bus is free and there is room: in the scratchpad, and for one column more in the FIFO before it. A window takes p q S clocks, one
// multiplication a PE and clock, filter column by filter column, or as long as the partial sums of its output column need on their bus. A column that no
// later window needs leaves as soon as it has been multiplied. The clocks end with the last window; its sums leave during the next pass.
std::uint64_t pass_clocks(const RowStationaryArray& array, const LayerSpec& layer, const RowMapping& mapping, const RowColumns& columns, const RowPass& pass);

}  // namespace convroof::spatial::fast
