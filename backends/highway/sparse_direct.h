// The variant `sparse-direct`: convolution and fully connected layers on pruned f32 weights.
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

Algorithm sparse_direct_algorithm();

}  // namespace convroof::highway
