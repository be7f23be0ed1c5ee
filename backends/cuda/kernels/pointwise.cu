#include "backends/cuda/kernels/pointwise.h"

#include <algorithm>
#include <stdexcept>

#include "backends/cuda/device/check.h"

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

void launch_plain(Op op, const gpu::PlainShape& shape, cudaStream_t stream) {
  const std::int64_t out_pixels = shape.images * shape.out_height * shape.out_width, pixels = shape.images * shape.height * shape.width;
  const int blocks = blocks_for(out_pixels * shape.channels);
  switch (op) {
    case Op::maxpool:
      gpu::pool<true><<<blocks, gpu::kPointwiseThreads, 0, stream>>>(shape);
      break;
    case Op::avgpool:
      gpu::pool<false><<<blocks, gpu::kPointwiseThreads, 0, stream>>>(shape);
      break;
    case Op::lrn:
      gpu::normalise_across_channels<><<<blocks, gpu::kPointwiseThreads, 0, stream>>>(shape);
      break;
    case Op::add:
    case Op::relu:
      gpu::add_or_activate<><<<blocks, gpu::kPointwiseThreads, 0, stream>>>(shape);
      break;
    case Op::softmax:
      gpu::softmax_over_channels<><<<static_cast<int>(std::min<std::int64_t>(pixels, 4096)), gpu::kPointwiseThreads, gpu::kSoftmaxSharedBytes, stream>>>(shape);
      break;
    case Op::conv:
    case Op::fc:
      throw std::logic_error("a layer with weights is no plain layer");
  }
  CONVROOF_CUDA(cudaGetLastError());
}

}  // namespace convroof::cuda
