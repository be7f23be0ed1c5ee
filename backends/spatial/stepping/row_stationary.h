// Row-stationary arrays, clock by clock: buses bring weights and columns of inputs into scratchpads, PEs multiply one pair of words a clock, sums climb
// through the PEs of a column and go back to the global buffer. Everything is counted where it happens; no closed form is known here.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::stepping {

// One PE in one clock. Its place: PE set (of t on filters, of r on channels), filter row, output row of the set.
struct RowCell {
  bool multiplies = false;
  std::int64_t image = 0, filter = 0, channel = 0, y = 0, x = 0, tap = 0;  // filter and channel of the whole layer; y, x: of the output; tap: filter column
  std::int64_t input = 0, weight = 0, sum = 0;                             // sum: of this PE, after this clock
};

struct RowClock {
  std::uint64_t number = 0;                                               // from 1, of the whole layer
  std::uint64_t pass = 0;                                                 // from 1
  std::int64_t weights_in = 0, inputs_in = 0, sums_in = 0, sums_out = 0;  // words on the four buses
  std::function<RowCell(std::int64_t filter_set, std::int64_t channel_set, std::int64_t row, std::int64_t column)> cell;
};

using RowObserver = std::function<void(const RowClock&)>;

// Computes the layer into `output` (NCHW, all of it) and returns what happened.
Outcome run(const Accelerator& accelerator, const RowStationaryArray& array, const Problem& problem, std::span<std::int64_t> output,
            const RowObserver& observer = {});

}  // namespace convroof::spatial::stepping
