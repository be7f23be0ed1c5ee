// How many different input pixels of one channel a set of windows touches, by counting rows and columns instead of pixels.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/layer.h"

namespace convroof::spatial::fast {

// One axis of a convolution seen from one side: a * step_a + b * step_b - pad is the input coordinate, inside if 0 <= it < extent.
struct Axis {
  std::int64_t a, step_a;  // count and step of the positions that are chosen from
  std::int64_t b, step_b;  // count and step of those that are all taken
  std::int64_t pad, extent;
};

class Touched {
 public:
  // Chosen: filter taps (all output pixels taken).
  static Touched by_taps(const LayerSpec& layer);
  // Chosen: output pixels (all filter taps taken).
  static Touched by_pixels(const LayerSpec& layer);

  // Different pixels touched by positions [first, last) in raster order (row-major) of the chosen side. Linear in the sides of the input.
  std::int64_t count(std::int64_t first, std::int64_t last) const;
  // The same from the first position on, at once.
  std::int64_t before(std::int64_t last) const {
    const std::int64_t y = last / columns_.a, x = last % columns_.a;
    const std::int64_t whole = rows_before_[static_cast<std::size_t>(y)] * columns_before_.back();
    if (x == 0) return whole;
    return whole + (rows_before_[static_cast<std::size_t>(y) + 1] - rows_before_[static_cast<std::size_t>(y)]) * columns_before_[static_cast<std::size_t>(x)];
  }
  std::int64_t all() const { return rows_before_.back() * columns_before_.back(); }

 private:
  Touched(Axis rows, Axis columns);
  Axis rows_, columns_;
  std::vector<std::int64_t> rows_before_, columns_before_;  // coordinates touched by the positions before this one
};

}  // namespace convroof::spatial::fast
