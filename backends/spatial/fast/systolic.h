// Systolic arrays by closed forms: the same clocks, stalls and accesses as the stepping engine, without stepping.
#pragma once

#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Counts depend on shapes alone; the problem's numbers are not looked at (its `bias` only for being there).
// Throws std::overflow_error where a count exceeds 63 bits.
Outcome count(const Accelerator& accelerator, const SystolicArray& array, const Problem& problem, int threads);

void compute(const Accelerator& accelerator, const SystolicArray& array, const Problem& problem, std::span<std::int64_t> output, int threads);

// Clocks of the array alone: groups one after another, R x C PEs, N = output pixels x batch, K = reduction, M = filters.
//   weight stationary  ceil(K/R) ceil(M/C) (N + 2R + C - 2)
//   input stationary   ceil(K/R) ceil(N/C) (M + 2R + C - 2)
//   output stationary  ceil(N/R) ceil(M/C) (K +  R + C - 2)
// Samajdar et al., ISPASS 2020, section III; their tool prints one clock less.
std::uint64_t systolic_clocks(const SystolicArray& array, const Problem& problem);

}  // namespace convroof::spatial::fast
