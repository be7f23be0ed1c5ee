// Variant `bf16-direct`: convolution and fully connected layers by dot products of bf16, and the layers without weights.
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

Algorithm bf16_direct_algorithm();

}  // namespace convroof::highway
