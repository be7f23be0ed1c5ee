// Systolic arrays, clock by clock: every PE has registers, values move from neighbour to neighbour, and everything is counted where it happens.
// Slow and plain on purpose; it knows no closed form. Kung: Why Systolic Architectures?, IEEE Computer 15(1), 1982, for the idea.
//
// Stationary operand (weights or inputs): PE (r, c) holds one value. The other operand enters row r from the left, one clock later per row, and moves
// right; partial sums enter column c from above, one clock later per column, and move down. The held values are shifted in from above, R clocks.
// Stationary output: inputs enter rows from the left, weights enter columns from above, both skewed; PE (r, c) adds up one output and puts it
// on its column's bus in the clock of its last product.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::stepping {

// The array at the end of one clock. Indices are into the matrix product (n, k, m); -1: none.
struct SystolicCell {
  bool multiplies = false;
  std::int64_t n = -1, k = -1, m = -1;
  std::int64_t input = 0, weight = 0, sum = 0;  // sum: after this clock's addition
};

struct SystolicClock {
  std::uint64_t number = 0;                                      // from 1, of the whole layer
  std::int64_t group = 0, pass = 0;                              // pass over the array within the group, from 0
  bool loading = false;                                          // the stationary operand is being shifted in
  std::function<SystolicCell(std::int64_t, std::int64_t)> cell;  // (row, column)
  std::span<const std::int64_t> finished;                        // indices of outputs (canonical layout) that left the array in this clock
};

using SystolicObserver = std::function<void(const SystolicClock&)>;

// Computes the layer into `output` (NCHW, all of it) and returns what happened. `observer` sees every clock.
Outcome run(const Accelerator& accelerator, const SystolicArray& array, const Problem& problem, std::span<std::int64_t> output,
            const SystolicObserver& observer = {});

}  // namespace convroof::spatial::stepping
