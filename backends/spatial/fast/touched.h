// How many different input pixels of one channel a set of windows touches, by counting rows and columns instead of pixels.
#pragma once

#include <cstdint>

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

  // Different pixels touched by positions [first, last) in raster order (row-major) of the chosen side.
  std::int64_t count(std::int64_t first, std::int64_t last) const;
  std::int64_t all() const { return count(0, rows_.a * columns_.a); }

 private:
  Touched(Axis rows, Axis columns) : rows_(rows), columns_(columns) {}
  Axis rows_, columns_;
};

}  // namespace convroof::spatial::fast
