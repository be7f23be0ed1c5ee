#include <stdexcept>

#include "backends/cuda/device/check.h"
#include "backends/cuda/kernels/convolution_launch.h"
#include "backends/cuda/kernels/mma_tiles.h"
#include "backends/cuda/kernels/reduce_splits_launch.h"

namespace convroof::cuda {

void launch_mma(const gpu::ConvolutionShape& shape, int tile, int vector, bool sparse, cudaStream_t stream) {
  gpu::visit_mma_tile(tile, vector, sparse, [&]<typename Chosen>(Chosen) {
    const auto row_tiles = static_cast<unsigned>((shape.filters + Chosen::kRows - 1) / Chosen::kRows);
    const auto column_tiles = static_cast<unsigned>((shape.pixels + Chosen::kColumns - 1) / Chosen::kColumns);
    const auto kernel = gpu::mma_convolution<Chosen>;
    CONVROOF_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Chosen::kSharedBytes));
    const dim3 grid(row_tiles * column_tiles, static_cast<unsigned>(shape.groups), static_cast<unsigned>(shape.splits));
    kernel<<<grid, gpu::kMmaThreads, Chosen::kSharedBytes, stream>>>(shape);
  });
  CONVROOF_CUDA(cudaGetLastError());
  launch_reduce_splits(shape, stream);
}

}  // namespace convroof::cuda
