// Outputs of machines whose sums may leave their accumulator, so that the order of additions matters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backends/spatial/model/accumulator.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Every output begins at 0 and adds its products in the order of `reduction` (each k of Problem once), padding's zeros included; bias and ReLU follow.
// Where no sum can leave the accumulator and products are kept whole, takes the exact vectorised convolution, whose order is another.
void ordered_sums(const Problem& problem, const Accumulator& accumulator, std::span<const std::int64_t> reduction, std::span<std::int64_t> output, int threads);

// 0, 1, ... k - 1: channel by channel, filter row by row.
std::vector<std::int64_t> natural_reduction(const Problem& problem);

}  // namespace convroof::spatial::fast
