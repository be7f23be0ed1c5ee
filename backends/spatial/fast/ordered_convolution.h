// The output of a convolution on a machine whose sums are narrow: each sum starts at its bias and takes its products in one order, and meets the ends of
// its accumulator as it goes. Where no sum can meet an end, this is exact_convolution.
#pragma once

#include <cstdint>
#include <span>

#include "backends/spatial/model/accumulator.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Fills `output` (NCHW). `order`: in which order the reduction indices k (channel, filter row, tap) are added; a permutation of 0 ... K - 1, empty: as
// they are. Bit for bit what Accumulator::add gives one product at a time.
void ordered_convolution(const Problem& problem, const Accumulator& accumulator, std::span<std::int64_t> output, int threads,
                         std::span<const std::int64_t> order = {});

// No sum of this problem, in whatever order, leaves the accumulator's range.
bool stays_inside(const Problem& problem, const Accumulator& accumulator, int threads);

}  // namespace convroof::spatial::fast
