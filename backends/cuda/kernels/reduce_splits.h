// The end of a convolution whose reduction was split over blocks.
#pragma once

#include "backends/cuda/kernels/convolution_shape.h"
#include "backends/cuda/kernels/machine.h"

namespace convroof::gpu {

constexpr int kReduceThreads = 128;

// Sums the parts of a split reduction in their order (so that results do not depend on timing), then bias, activation, rounding. 8 filters a thread.
template <int = 0>  // a template, so that several files may include it
CONVROOF_KERNEL CONVROOF_BOUNDS(kReduceThreads, 1) reduce_splits(CONVROOF_PARAMETER ConvolutionShape shape) {
  const std::int64_t pieces = static_cast<std::int64_t>(shape.pixels) * (shape.padded_filters / 8);
  const std::int64_t at = static_cast<std::int64_t>(block_x()) * kReduceThreads + thread_x();
  const int group = block_y();
  if (at >= pieces) return;
  const std::int64_t pixel = at / (shape.padded_filters / 8);
  const int filter = static_cast<int>(at % (shape.padded_filters / 8)) * 8;
  float sums[8] = {};
  for (int split = 0; split < shape.splits; ++split) {
    const float* const part =
        shape.partial + ((static_cast<std::int64_t>(split) * shape.groups + group) * shape.pixels + pixel) * shape.padded_filters + filter;
    CONVROOF_UNROLL
    for (int i = 0; i < 8; ++i) sums[i] += part[i];
  }
  store_eight_filters(shape, group, pixel, filter, sums);
}

}  // namespace convroof::gpu
