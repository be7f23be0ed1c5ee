#include "backends/spatial/fast/non_zero_pairs.h"

#include <vector>

#include "backends/spatial/fast/axis.h"

namespace convroof::spatial::fast {

// For each tap, the non-zero inputs that it meets inside the output's plane.
std::uint64_t non_zero_pairs(const Problem& p, std::int64_t image, std::int64_t group, int threads) {
  const LayerSpec& l = p.layer;
  const std::int64_t channels = l.in_channels_per_group();
  const TapAxis rows{l.out_height, l.in_height, l.kernel_height, l.stride_height, l.dilation_height, l.pad_top};
  const TapAxis columns{l.out_width, l.in_width, l.kernel_width, l.stride_width, l.dilation_width, l.pad_left};
  const std::int64_t taps = l.kernel_height * l.kernel_width, K = p.k();
  std::uint64_t pairs = 0;
#pragma omp parallel for num_threads(threads) reduction(+ : pairs) schedule(dynamic, 1)
  for (std::int64_t c = 0; c < channels; ++c) {
    std::vector<std::int64_t> kept(static_cast<std::size_t>(taps), p.weights.empty() ? p.m() : 0);
    p.weights.visit([&](auto weights) {
      if (weights.empty()) return;
      for (std::int64_t m = 0; m < p.m(); ++m)
        for (std::int64_t t = 0; t < taps; ++t)
          kept[static_cast<std::size_t>(t)] += weights[static_cast<std::size_t>((group * p.m() + m) * K + c * taps + t)] != 0;
    });
    const std::int16_t* plane = p.input.empty() ? nullptr : p.input.data() + (image * l.in_channels + group * channels + c) * l.in_height * l.in_width;
    for (std::int64_t t = 0; t < taps; ++t) {
      const std::int64_t r = t / l.kernel_width, s = t % l.kernel_width, x0 = columns.first_inside(s), x1 = columns.last_inside(s);
      std::int64_t met = 0;
      for (std::int64_t y = rows.first_inside(r); y < rows.last_inside(r); ++y) {
        if (plane == nullptr) {
          met += x1 - x0;
          continue;
        }
        const std::int16_t* row = plane + (y * rows.stride + rows.offset(r)) * l.in_width + columns.offset(s);
        std::int32_t in_row = 0;
        for (std::int64_t x = x0; x < x1; ++x) in_row += row[x * columns.stride] != 0 ? 1 : 0;
        met += in_row;
      }
      pairs += static_cast<std::uint64_t>(met * kept[static_cast<std::size_t>(t)]);
    }
  }
  return pairs;
}

}  // namespace convroof::spatial::fast
