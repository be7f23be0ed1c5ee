// The tiles for which the mma kernels are compiled, in one place for the launcher and the tests. Few, since each costs compile time for each architecture.
#pragma once

#include <stdexcept>

#include "backends/cuda/kernels/mma_convolution.h"

namespace convroof::gpu {

constexpr int kMmaTileCount = 3;

// Calls f with an object of the tile type: 0 large, 1 for small grids, 2 for few pixels (fully connected layers at small batches).
template <typename F>
void visit_mma_tile(int tile, int vector, bool sparse, F&& f) {
  const auto with_vector = [&]<int kVector, bool kSparse>() {
    switch (tile) {
      case 0:
        return f(MmaTile<128, 128, kVector, kSparse>{});
      case 1:
        return f(MmaTile<64, 64, kVector, kSparse>{});
      case 2:
        return f(MmaTile<128, 16, kVector, kSparse>{});
      default:
        throw std::logic_error("there is no such tile");
    }
  };
  if (sparse && vector != 8) throw std::logic_error("sparse kernels copy eight channels at a time");
  if (sparse)
    with_vector.template operator()<8, true>();
  else
    vector == 8 ? with_vector.template operator()<8, false>() : with_vector.template operator()<4, false>();
}

}  // namespace convroof::gpu
