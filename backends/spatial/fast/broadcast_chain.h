// Broadcast chains, counted: the same numbers as the stepping engine, pass by pass and without a clock.
#pragma once

#include <cstdint>
#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

Outcome count(const Accelerator& accelerator, const BroadcastChainArray& array, const Problem& problem, int threads);
void compute(const Accelerator& accelerator, const BroadcastChainArray& array, const Problem& problem, std::span<std::int64_t> output, int threads);

}  // namespace convroof::spatial::fast
