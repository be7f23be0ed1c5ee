// Variant `gemm`: layers as matrix products.
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

Algorithm gemm_algorithm();

}  // namespace convroof::highway
