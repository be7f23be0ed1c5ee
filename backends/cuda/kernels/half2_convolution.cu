#include "backends/cuda/kernels/half2_convolution.h"

#include "backends/cuda/device/check.h"
#include "backends/cuda/kernels/convolution_launch.h"
#include "backends/cuda/kernels/reduce_splits_launch.h"

namespace convroof::cuda {
namespace {

template <int vector>
void launch(const gpu::ConvolutionShape& shape, cudaStream_t stream) {
  const auto row_tiles = static_cast<unsigned>((shape.padded_filters + gpu::kHalf2Rows - 1) / gpu::kHalf2Rows);
  const auto column_tiles = static_cast<unsigned>((shape.pixels + gpu::kHalf2Columns - 1) / gpu::kHalf2Columns);
  const dim3 grid(row_tiles * column_tiles, static_cast<unsigned>(shape.groups), static_cast<unsigned>(shape.splits));
  gpu::half2_convolution<vector><<<grid, gpu::kHalf2Threads, gpu::kHalf2SharedBytes, stream>>>(shape);
  CONVROOF_CUDA(cudaGetLastError());
}

}  // namespace

void launch_half2(const gpu::ConvolutionShape& shape, int vector, cudaStream_t stream) {
  vector == 8 ? launch<8>(shape, stream) : launch<4>(shape, stream);
  launch_reduce_splits(shape, stream);
}

}  // namespace convroof::cuda
