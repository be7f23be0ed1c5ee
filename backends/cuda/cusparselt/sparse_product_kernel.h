// A 1x1 or fully connected layer through cuSPARSELt: the reference beside our own 2:4 kernels.
#pragma once

#include <memory>
#include <string>

#include "backends/backend.h"

namespace convroof::cuda {

// Why a case is no such product: another window, groups, channels that are no multiple of 16, weights that are not 2:4. Empty where it is one.
std::string sparse_product_refusal(const Case& c);

// The fastest algorithm of the library's own search. Bias and activation follow in a kernel of ours, on the rounded product.
// Throws std::runtime_error (the library refuses, too little memory), std::invalid_argument (weights that are not 2:4) or CudaError. Needs a device.
std::unique_ptr<Kernel> make_sparse_product_kernel(const Case& c, const Operands& operands);

}  // namespace convroof::cuda
