// Machines without local reuse: closed forms where every input is multiplied, counts of the actual zeros where they are skipped.
#pragma once

#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Clocks of a window: (taps inside the input) x ceil(channels / lanes) dense; skipping, the longest lane's non-zero inputs and empty bricks.
// Clocks of the layer: groups x ceil(filters / filters at once) x the sum over windows.
Outcome count(const Accelerator& accelerator, const NoLocalReuse& array, const Problem& problem, int threads);

void compute(const Accelerator& accelerator, const NoLocalReuse& array, const Problem& problem, std::span<std::int64_t> output, int threads);

}  // namespace convroof::spatial::fast
