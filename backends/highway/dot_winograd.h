// 3x3 convolutions of stride 1 by Winograd F(2x2,3x3) in bf16 and in 8 bits: 2.25 times fewer multiplications than the direct kernels, at the price of rounding
// inputs and weights once more, in the transformed domain.
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

Algorithm bf16_winograd_algorithm();
Algorithm int8_winograd_algorithm();

}  // namespace convroof::highway
