// What the outer memory of a systolic array sees: words that cross its bus, and the clocks that the array waits for them.
#pragma once

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Adds inputs, weights and spilled sums to the level `dram`, and the stalls. Throws std::overflow_error where a count exceeds 63 bits.
void add_outer_memory(const Accelerator& accelerator, const SystolicArray& array, const Problem& problem, Outcome& outcome);

}  // namespace convroof::spatial::fast
