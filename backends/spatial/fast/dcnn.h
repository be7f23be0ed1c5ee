// DCNN by closed forms. Clocks: images x groups x ceil(reduction / lanes) x (pixels of the fullest tile) x filters; fully connected: images x
// ceil(reduction / lanes) x ceil(filters / PEs).
#pragma once

#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

Outcome count(const Accelerator& accelerator, const Dcnn& array, const Problem& problem, int threads);

void compute(const Accelerator& accelerator, const Dcnn& array, const Problem& problem, std::span<std::int64_t> output, int threads);

}  // namespace convroof::spatial::fast
