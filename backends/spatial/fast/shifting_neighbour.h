// Arrays of shifting neighbours, counted: the same numbers as the stepping engine from sums over the two axes of a layer.
#pragma once

#include <cstdint>
#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

Outcome count(const Accelerator& accelerator, const ShiftingNeighbourArray& array, const Problem& problem, int threads);
void compute(const Accelerator& accelerator, const ShiftingNeighbourArray& array, const Problem& problem, std::span<std::int64_t> output, int threads);

// groups x images x blocks of filters x tiles x reduction length.
std::uint64_t shifting_neighbour_clocks(const Accelerator& accelerator, const ShiftingNeighbourArray& array, const Problem& problem);

}  // namespace convroof::spatial::fast
