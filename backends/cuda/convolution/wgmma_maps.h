// What the copy engine must be told for a wgmma convolution. Pure: the driver (or the emulated machine) turns the descriptions into maps.
#pragma once

#include "backends/cuda/convolution/geometry.h"
#include "backends/cuda/kernels/tensor_map.h"

namespace convroof::cuda {

// Whether pixels must be gathered by threads: groups of channels that are no multiple of 64, or windows beyond what a map can describe
// (CUDA driver API, cuTensorMapEncodeIm2col at rank 4: corners in [-128, 127], taps in [0, 255], strides up to 8).
bool must_gather(const Case& c, const Geometry& geometry);

gpu::MatrixDescription filter_matrix(const Geometry& geometry, bool sparse, const void* weights);
gpu::PixelDescription pixel_box(const Case& c, const Geometry& geometry, int columns, const void* input);

}  // namespace convroof::cuda
