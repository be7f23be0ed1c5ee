// The stepping engine of whatever family an accelerator belongs to. Each family's own header has a second form with an observer that sees every clock.
#pragma once

#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::stepping {

// Computes the layer into `output` (NCHW, all of it) and returns what happened.
Outcome run(const Accelerator& accelerator, const Problem& problem, std::span<std::int64_t> output);

}  // namespace convroof::spatial::stepping
