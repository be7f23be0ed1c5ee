// Products of a non-zero input and a non-zero weight that belong to an output.
#pragma once

#include <cstdint>

#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Of one image and group. Where the problem's `input` or `weights` are empty, all of them are taken for non-zero.
std::uint64_t non_zero_pairs(const Problem& problem, std::int64_t image, std::int64_t group, int threads);

}  // namespace convroof::spatial::fast
