// The pixels behind neighbouring outputs, side by side: what a convolution looks like to a matrix product.
#pragma once

#include <cstdint>

#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Of outputs n0 ... n0 + width - 1 (beyond the last one: zeros) into pixels[k][width]; padding becomes zero.
template <typename T>
void gather(const Problem& p, std::int64_t group, std::int64_t n0, std::int64_t width, T* pixels) {
  const LayerSpec& l = p.layer;
  const std::int64_t channels = l.in_channels_per_group(), plane = l.in_height * l.in_width, N = p.n(), P = p.pixels();
  for (std::int64_t i = 0; i < width; ++i) {
    const std::int64_t n = n0 + i;
    T* to = pixels + i;
    if (n >= N) {
      for (std::int64_t k = 0; k < p.k(); ++k) to[k * width] = 0;
      continue;
    }
    const std::int64_t y0 = n % P / l.out_width * l.stride_height - l.pad_top, x0 = n % P % l.out_width * l.stride_width - l.pad_left;
    const std::int16_t* from = p.input.data() + (n / P * l.in_channels + group * channels) * plane;
    for (std::int64_t r = 0, tap = 0; r < l.kernel_height; ++r)
      for (std::int64_t s = 0; s < l.kernel_width; ++s, ++tap) {
        const std::int64_t y = y0 + r * l.dilation_height, x = x0 + s * l.dilation_width;
        const std::int64_t taps = l.kernel_height * l.kernel_width;
        if (y < 0 || y >= l.in_height || x < 0 || x >= l.in_width) {
          for (std::int64_t c = 0; c < channels; ++c) to[(c * taps + tap) * width] = 0;
        } else {
          const std::int16_t* pixel = from + y * l.in_width + x;
          for (std::int64_t c = 0; c < channels; ++c) to[(c * taps + tap) * width] = static_cast<T>(pixel[c * plane]);
        }
      }
  }
}

}  // namespace convroof::spatial::fast
