// Convolutions and fully connected layers by tiles of dot products (dot_tile.h), for u8 x s8 -> s32 and for bf16.
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

// No where the installed Highway is too old, the layer has no weights, or its activation needs floating point.
Support dot_convolution_supports(const Case& c);
std::unique_ptr<Kernel> make_dot_convolution(const Case& c, const Operands& operands);

}  // namespace convroof::highway
