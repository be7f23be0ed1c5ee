// For the files that launch kernels with a split reduction; nvcc only.
#pragma once

#include "backends/cuda/device/check.h"
#include "backends/cuda/kernels/reduce_splits.h"

namespace convroof::cuda {

// Nothing where the reduction was not split.
inline void launch_reduce_splits(const gpu::ConvolutionShape& shape, cudaStream_t stream) {
  if (shape.partial == nullptr) return;
  const long long pieces = static_cast<long long>(shape.pixels) * (shape.padded_filters / 8);
  const dim3 grid(static_cast<unsigned>((pieces + gpu::kReduceThreads - 1) / gpu::kReduceThreads), static_cast<unsigned>(shape.groups));
  gpu::reduce_splits<><<<grid, gpu::kReduceThreads, 0, stream>>>(shape);
  CONVROOF_CUDA(cudaGetLastError());
}

}  // namespace convroof::cuda
