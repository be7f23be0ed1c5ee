// Layers without weights, and the epilogue of a convolution that cannot fuse it: launched from the host.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "backends/cuda/kernels/plain_shape_of.h"
#include "workloads/layer.h"

namespace convroof::cuda {

// In place on FP16 data [pixels][channels]: adds a bias per channel (null: none) and applies the activation, in FP32.
void launch_bias_activation(void* data, const float* bias, std::int64_t pixels, std::int64_t channels, Activation activation, cudaStream_t stream);

// maxpool, avgpool, lrn, add, relu or softmax, with pointers set in `shape`.
void launch_plain(Op op, const gpu::PlainShape& shape, cudaStream_t stream);

}  // namespace convroof::cuda
