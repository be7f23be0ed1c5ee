// The tiles that each class of our kernels is compiled for, in the order that `tile` counts: what choose_tile chooses from. Pure host code.
#pragma once

#include <vector>

#include "backends/cuda/convolution/geometry.h"

namespace convroof::cuda {

// What a tile costs a multiprocessor.
struct TileResources {
  int threads = 0;       // of a block
  int shared_bytes = 0;  // of a block
};

// `gather`: pixels are gathered by threads (wgmma only; the others always do).
std::vector<Tile> tiles_of(KernelClass kind, bool gather);
TileResources resources_of(KernelClass kind, bool gather, int vector, int tile);

}  // namespace convroof::cuda
