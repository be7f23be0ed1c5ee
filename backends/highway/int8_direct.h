// Variant `int8-direct`: convolution and fully connected layers by dot products of 8-bit integers, and the layers without weights.
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

Algorithm int8_direct_algorithm();

}  // namespace convroof::highway
