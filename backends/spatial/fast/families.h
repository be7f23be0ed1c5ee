// The fast engine of whatever family an accelerator belongs to.
#pragma once

#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// What the layer costs. Machines that skip zeros look at the problem's numbers, and where its `input` or `weights` are empty, take all of them for
// non-zero; the others look at shapes alone. Throws std::overflow_error where a count exceeds 63 bits.
Outcome count(const Accelerator& accelerator, const Problem& problem, int threads = 1);

// The output (NCHW), added up in the machine's own order and width.
void compute(const Accelerator& accelerator, const Problem& problem, std::span<std::int64_t> output, int threads);

}  // namespace convroof::spatial::fast
