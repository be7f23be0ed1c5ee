// Which input rows and columns a row-stationary pass needs, and how blocks of filters and channels are split over PE sets. Rules that both engines follow.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "workloads/checked.h"
#include "workloads/layer.h"

namespace convroof::spatial {

// A block of filters (or channels) dealt to PE sets as evenly as possible: every set takes `each`, the last one the rest.
struct Split {
  std::int64_t each = 0, sets = 0;
  Split(std::int64_t count, std::int64_t most_sets) : each(ceil_div(count, most_sets)), sets(ceil_div(count, each)) {}
};

// Input positions of one axis that the windows of output positions [first, last) touch, ascending, padding included.
inline std::vector<std::int64_t> positions_used(std::int64_t first, std::int64_t last, std::int64_t stride, std::int64_t taps, std::int64_t dilation,
                                                std::int64_t pad) {
  std::vector<std::int64_t> used;
  for (std::int64_t o = first; o < last; ++o)
    for (std::int64_t k = 0; k < taps; ++k) used.push_back(o * stride + k * dilation - pad);
  std::ranges::sort(used);
  used.erase(std::unique(used.begin(), used.end()), used.end());
  return used;
}

inline std::vector<std::int64_t> rows_used(const LayerSpec& l, std::int64_t first, std::int64_t last) {
  return positions_used(first, last, l.stride_height, l.kernel_height, l.dilation_height, l.pad_top);
}
inline std::vector<std::int64_t> columns_used(const LayerSpec& l) {
  return positions_used(0, l.out_width, l.stride_width, l.kernel_width, l.dilation_width, l.pad_left);
}
inline std::int64_t inside(const std::vector<std::int64_t>& positions, std::int64_t extent) {
  return std::ranges::count_if(positions, [&](std::int64_t i) { return i >= 0 && i < extent; });
}

// Columns that a PE must hold to multiply one window.
inline std::int64_t window_span(const LayerSpec& l) { return l.dilation_width * (l.kernel_width - 1) + 1; }

}  // namespace convroof::spatial
