// The sums of a convolution in s64, exactly, at vector speed: in s32, two products at a time, as long as no partial sum can leave 32 bits.
#pragma once

#include <cstdint>
#include <span>

#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Fills `output` (NCHW) with activation(sum + bias), using so many threads.
void exact_convolution(const Problem& problem, std::span<std::int64_t> output, int threads);

}  // namespace convroof::spatial::fast
