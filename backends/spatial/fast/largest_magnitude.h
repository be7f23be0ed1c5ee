// The largest magnitude among a layer's numbers: what bounds its sums.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "backends/spatial/model/weights.h"

namespace convroof::spatial::fast {

template <typename T>
std::int64_t largest_magnitude(std::span<const T> values) {
  T low = 0, high = 0;
  for (const T v : values) low = std::min(low, v), high = std::max(high, v);
  return std::max<std::int64_t>(high, -std::int64_t{low});
}

inline std::int64_t largest_magnitude(const Weights& weights) {
  return weights.visit([](auto values) { return largest_magnitude(values); });
}

}  // namespace convroof::spatial::fast
