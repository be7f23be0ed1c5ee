// Where no sum of any subset of a layer's products can leave the accumulator, the order of additions does not matter and any exact convolution gives
// the machine's output.
#pragma once

#include "backends/spatial/fast/largest_magnitude.h"
#include "backends/spatial/model/accumulator.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

inline bool never_overflows(const Accumulator& accumulator, const Problem& p) {
  if (accumulator.is_exact()) return true;
  if (accumulator.dropped_bits > 0) return false;
  return largest_magnitude(p.input) * largest_magnitude(p.weights) <= accumulator.largest() / p.k();
}

}  // namespace convroof::spatial::fast
