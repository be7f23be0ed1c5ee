// Our own kernels as the contract's Kernel.
#pragma once

#include <memory>

#include "backends/backend.h"
#include "backends/cuda/convolution/geometry.h"

namespace convroof::cuda {

// Convolution and fully connected. Throws std::invalid_argument (weights that are not 2:4), std::runtime_error or CudaError. Needs a device.
std::unique_ptr<Kernel> make_convolution_kernel(KernelClass kind, const Case& c, const Operands& operands);

// Pooling, LRN, addition, ReLU, softmax.
std::unique_ptr<Kernel> make_plain_kernel(const Case& c, const Operands& operands);

}  // namespace convroof::cuda
