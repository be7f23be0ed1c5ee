// The pixels behind neighbouring outputs, side by side: what a convolution looks like to a matrix product.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>

#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Of outputs n0 ... n0 + width - 1 (beyond the last one: zeros) into pixels[k / depth][width][depth]; padding becomes zero, and so do the indices behind
// the last k. At most 64 outputs.
template <typename T, std::int64_t depth = 1>
void gather(const Problem& p, std::int64_t group, std::int64_t n0, std::int64_t width, T* pixels) {
  const LayerSpec& l = p.layer;
  const std::int64_t channels = l.in_channels_per_group(), plane = l.in_height * l.in_width, N = p.n(), P = p.pixels(), K = p.k();
  const std::int64_t taps = l.kernel_height * l.kernel_width;
  constexpr std::int64_t kMost = 64;
  assert(width <= kMost);
  std::array<std::int64_t, kMost> image, top, left;  // of each output's window: where its group's first plane begins; its corner
  const std::int64_t count = std::min(width, N - n0);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t n = n0 + i;
    const auto at = static_cast<std::size_t>(i);
    image[at] = (n / P * l.in_channels + group * channels) * plane;
    top[at] = n % P / l.out_width * l.stride_height - l.pad_top;
    left[at] = n % P % l.out_width * l.stride_width - l.pad_left;
  }
  std::array<std::int64_t, kMost> from;  // in the first channel; the element is kept where `mask` is all ones
  std::array<std::int16_t, kMost> mask;
  for (std::int64_t r = 0, tap = 0; r < l.kernel_height; ++r)
    for (std::int64_t s = 0; s < l.kernel_width; ++s, ++tap) {
      for (std::int64_t i = 0; i < width; ++i) {
        const auto at = static_cast<std::size_t>(i);
        from[at] = 0, mask[at] = 0;
        if (i >= count) continue;
        const std::int64_t y = top[at] + r * l.dilation_height, x = left[at] + s * l.dilation_width;
        if (y < 0 || y >= l.in_height || x < 0 || x >= l.in_width) continue;
        from[at] = image[at] + y * l.in_width + x, mask[at] = -1;
      }
      const std::int16_t* channel = p.input.data();
      for (std::int64_t c = 0; c < channels; ++c, channel += plane) {
        const std::int64_t k = c * taps + tap;
        T* to = pixels + k / depth * width * depth + k % depth;
        for (std::int64_t i = 0; i < width; ++i)
          to[i * depth] = static_cast<T>(static_cast<std::int16_t>(channel[from[static_cast<std::size_t>(i)]] & mask[static_cast<std::size_t>(i)]));
      }
    }
  for (std::int64_t k = K; k % depth != 0; ++k)
    for (std::int64_t i = 0; i < width; ++i) pixels[(k / depth * width + i) * depth + k % depth] = 0;
}

}  // namespace convroof::spatial::fast
