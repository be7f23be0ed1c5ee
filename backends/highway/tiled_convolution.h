// Convolutions, pointwise convolutions and fully connected layers as a list of tile products (tile_product.h). `direct` and `gemm` are this kernel.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace convroof::highway {

// The bound of any order of summation, and for long reductions, which are summed in parts, 1e-6 of the whole output (relative,
// Euclidean).
ErrorModel tiled_convolution_error(const Case& c);

std::unique_ptr<Kernel> prepare_tiled_convolution(const Case& c, const Operands& operands);

}  // namespace convroof::highway
