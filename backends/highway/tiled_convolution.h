// Convolutions, pointwise convolutions and fully connected layers as a list of tile products (tile_product.h). `direct` and `gemm` are this kernel.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace convroof::highway {

std::unique_ptr<Kernel> prepare_tiled_convolution(const Case& c, const Operands& operands);

}  // namespace convroof::highway
