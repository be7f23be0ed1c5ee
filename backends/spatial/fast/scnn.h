// SCNN by counting: how many stored inputs and weights meet, which of their products compete for a bank, and who waits for whom.
#pragma once

#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Clocks of a PE in a block of filters: the sum over channels and phases of ceil(inputs / I) x ceil(weights / F), stored ones, each pair of vectors for as
// many clocks as its fullest bank gets products. Clocks of a block: its slowest PE's, or the halo's of the block before if that takes longer.
Outcome count(const Accelerator& accelerator, const Scnn& array, const Problem& problem, int threads);

void compute(const Accelerator& accelerator, const Scnn& array, const Problem& problem, std::span<std::int64_t> output, int threads);

}  // namespace convroof::spatial::fast
