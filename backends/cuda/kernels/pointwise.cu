#include "backends/cuda/kernels/pointwise.h"

#include <algorithm>

#include "backends/cuda/device/check.h"
#include "backends/cuda/kernels/function.h"
#include "backends/cuda/kernels/pointwise_kernels.h"

namespace convroof::cuda {
namespace {

// Enough blocks for every device; each thread steps through the rest.
int blocks_for(std::int64_t count) {
  return static_cast<int>(std::clamp<std::int64_t>((count + gpu::kPointwiseThreads - 1) / gpu::kPointwiseThreads, 1, 4096));
}

}  // namespace

void launch_bias_activation(void* data, const float* bias, std::int64_t pixels, std::int64_t channels, Activation activation, cudaStream_t stream) {
  const std::int64_t count = pixels * channels;
  gpu::bias_activation<>
      <<<blocks_for(count), gpu::kPointwiseThreads, 0, stream>>>(static_cast<std::uint16_t*>(data), bias, count, channels, function_of(activation));
  CONVROOF_CUDA(cudaGetLastError());
}

}  // namespace convroof::cuda
