// Compiled for sm_90a alone: that code runs on compute capability 9.0 and nowhere else.
#include <algorithm>

#include "backends/cuda/device/check.h"
#include "backends/cuda/kernels/convolution_launch.h"
#include "backends/cuda/kernels/reduce_splits_launch.h"
#include "backends/cuda/kernels/wgmma_tiles.h"

namespace convroof::cuda {

bool has_wgmma() { return true; }

void launch_wgmma(const gpu::ConvolutionShape& shape, const gpu::WgmmaMaps& maps, int tile, bool sparse, bool gather, int multiprocessors,
                  cudaStream_t stream) {
  gpu::visit_wgmma_tile(tile, sparse, gather, [&]<typename Chosen>(Chosen) {
    const auto kernel = gpu::wgmma_convolution<Chosen>;
    CONVROOF_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Chosen::kSharedBytes));
    const int blocks = std::min(gpu::wgmma_tile_count<Chosen>(shape), multiprocessors);  // the tiles are shared memory's size: one block a multiprocessor
    kernel<<<static_cast<unsigned>(blocks), gpu::kWgmmaThreads, Chosen::kSharedBytes, stream>>>(shape, maps);
  });
  CONVROOF_CUDA(cudaGetLastError());
  launch_reduce_splits(shape, stream);
}

}  // namespace convroof::cuda
