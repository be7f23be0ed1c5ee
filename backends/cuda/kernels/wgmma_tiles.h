// The tiles for which the wgmma kernels are compiled, in one place for the launcher and the tests.
#pragma once

#include <stdexcept>

#include "backends/cuda/kernels/wgmma_convolution.h"

namespace convroof::gpu {

constexpr int kWgmmaTileCount = 3;

// Columns of tile 0 (large layers), 1, 2 (few pixels).
constexpr int wgmma_columns(int tile, bool gather) { return tile == 0 ? (gather ? 128 : 256) : tile == 1 ? 64 : 32; }

template <typename F>
void visit_wgmma_tile(int tile, bool sparse, bool gather, F&& f) {
  const auto with = [&]<bool kSparse, bool kGather>() {
    switch (tile) {
      case 0:
        return f(WgmmaTile<wgmma_columns(0, kGather), kSparse, kGather>{});
      case 1:
        return f(WgmmaTile<wgmma_columns(1, kGather), kSparse, kGather>{});
      case 2:
        return f(WgmmaTile<wgmma_columns(2, kGather), kSparse, kGather>{});
      default:
        throw std::logic_error("there is no such tile");
    }
  };
  if (sparse)
    gather ? with.template operator()<true, true>() : with.template operator()<true, false>();
  else
    gather ? with.template operator()<false, true>() : with.template operator()<false, false>();
}

}  // namespace convroof::gpu
