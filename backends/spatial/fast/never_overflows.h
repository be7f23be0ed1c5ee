// Where no sum of any subset of a layer's products can leave the accumulator, the order of additions does not matter and any exact convolution gives
// the machine's output.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "backends/spatial/model/accumulator.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

inline bool never_overflows(const Accumulator& accumulator, const Problem& p) {
  if (accumulator.is_exact()) return true;
  if (accumulator.dropped_bits > 0) return false;
  const auto largest = [](std::span<const std::int16_t> values) {
    std::int64_t most = 0;
    for (const std::int16_t v : values) most = std::max(most, v < 0 ? -std::int64_t{v} : std::int64_t{v});
    return most;
  };
  return largest(p.input) * largest(p.weights) <= accumulator.largest() / p.k();
}

}  // namespace convroof::spatial::fast
