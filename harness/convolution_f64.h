// Convolution and fully connected layers in double, fast enough to run before every measurement: implicit matrix product, threaded, in vectors.
#pragma once

#include <span>
#include <vector>

#include "backends/backend.h"

namespace convroof {

// Sums of products of one layer, without bias and activation, and what bounds the sum of their absolute values (Cauchy-Schwarz):
// |patch| * |filter|, with the patch being the inputs under the filter.
struct ConvolutionSums {
  std::vector<double> patch_norm;   // [n][group][y][x]
  std::vector<double> filter_norm;  // [k]
};

// Writes the sums to `out`, [n][k][y][x]. Doubles hold integer sums exactly up to 2^53; inputs are at most 24 bits wide, so they fit a float. Sums of
// integers that can never leave 24 bits are added up in floats, as exactly. Without `with_norms` the norms stay empty.
ConvolutionSums convolve_f64(const Case& c, const Operands& operands, std::span<double> out, bool with_norms = true);

// Bytes that convolve_f64 allocates besides its output.
std::int64_t convolution_workspace_bytes(const Case& c);

}  // namespace convroof
