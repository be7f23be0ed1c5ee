#include "backends/cuda/convolution/tiles.h"

#include "backends/cuda/kernels/half2_convolution.h"
#include "backends/cuda/kernels/mma_tiles.h"
#include "backends/cuda/kernels/wgmma_tiles.h"

namespace convroof::cuda {

// Efficiencies are estimates from the ratio of matrix loads to products; a device has yet to say.
std::vector<Tile> tiles_of(KernelClass kind, bool gather) {
  switch (kind) {
    case KernelClass::half2:
      return {{gpu::kHalf2Rows, gpu::kHalf2Columns, 1.0}};
    case KernelClass::mma:
    case KernelClass::mma_2of4:
      return {{128, 128, 1.0}, {64, 64, 0.7}, {128, 16, 0.35}};
    case KernelClass::wgmma:
    case KernelClass::wgmma_2of4:
      return {{gpu::kWgmmaRows, gpu::wgmma_columns(0, gather), 1.0},
              {gpu::kWgmmaRows, gpu::wgmma_columns(1, gather), 0.6},
              {gpu::kWgmmaRows, gpu::wgmma_columns(2, gather), 0.35}};
  }
  return {};
}

TileResources resources_of(KernelClass kind, bool gather, int vector, int tile) {
  TileResources resources;
  if (kind == KernelClass::half2) return {gpu::kHalf2Threads, gpu::kHalf2SharedBytes};
  if (is_wgmma(kind))
    gpu::visit_wgmma_tile(tile, is_sparse(kind), gather, [&]<typename Chosen>(Chosen) { resources = {gpu::kWgmmaThreads, Chosen::kSharedBytes}; });
  else
    gpu::visit_mma_tile(tile, vector, is_sparse(kind), [&]<typename Chosen>(Chosen) { resources = {gpu::kMmaThreads, Chosen::kSharedBytes}; });
  return resources;
}

}  // namespace convroof::cuda
