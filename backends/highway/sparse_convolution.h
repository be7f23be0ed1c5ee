// Convolution and batched fully connected layers on pruned weights, f32 or s8: only the kept (non-zero) weights are stored, loaded and
// multiplied; in 8 bits words of four neighbouring channels, kept if any of the four is.
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

Support sparse_convolution_supports(const Case& c);
std::unique_ptr<Kernel> make_sparse_convolution(const Case& c, const Operands& operands);

// Multiplications of a direct convolution that skips zero weights and padding: for each kept weight, the output positions whose tap is inside the input.
std::uint64_t sparse_macs(const Case& c, const Tensor& weights);

}  // namespace convroof::highway
