// The sums of a convolution in s64, exactly, at vector speed: integers are multiplied and added in floating point wherever no partial sum can leave
// the range in which every integer is a float (2^24) or a double (2^53).
#pragma once

#include <cstdint>
#include <span>

#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Fills `output` (NCHW) with activation(sum + bias), using so many threads.
void exact_convolution(const Problem& problem, std::span<std::int64_t> output, int threads);

}  // namespace convroof::spatial::fast
