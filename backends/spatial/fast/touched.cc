#include "backends/spatial/fast/touched.h"

namespace convroof::spatial::fast {
namespace {

// Positions of the chosen side from `first` to `last`, both included; empty if first > last.
struct Span {
  std::int64_t first = 0, last = -1;
  bool holds(std::int64_t a) const { return a >= first && a <= last; }
};

// Whether some b puts input coordinate i at an a inside the span.
bool touches(const Axis& axis, std::int64_t i, Span span) {
  for (std::int64_t b = 0; b < axis.b; ++b) {
    const std::int64_t at = i + axis.pad - b * axis.step_b;
    if (at >= 0 && at % axis.step_a == 0 && span.holds(at / axis.step_a)) return true;
  }
  return false;
}

std::int64_t coordinates(const Axis& axis, Span span, Span other) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < axis.extent; ++i) count += touches(axis, i, span) || touches(axis, i, other) ? 1 : 0;
  return count;
}

}  // namespace

Touched Touched::by_taps(const LayerSpec& l) {
  return Touched({l.kernel_height, l.dilation_height, l.out_height, l.stride_height, l.pad_top, l.in_height},
                 {l.kernel_width, l.dilation_width, l.out_width, l.stride_width, l.pad_left, l.in_width});
}

Touched Touched::by_pixels(const LayerSpec& l) {
  return Touched({l.out_height, l.stride_height, l.kernel_height, l.dilation_height, l.pad_top, l.in_height},
                 {l.out_width, l.stride_width, l.kernel_width, l.dilation_width, l.pad_left, l.in_width});
}

std::int64_t Touched::count(std::int64_t first, std::int64_t last) const {
  if (first >= last) return 0;
  const std::int64_t y0 = first / columns_.a, x0 = first % columns_.a, y1 = (last - 1) / columns_.a, x1 = (last - 1) % columns_.a;
  if (y0 == y1) return coordinates(rows_, {y0, y0}, {}) * coordinates(columns_, {x0, x1}, {});
  // The range is the tail of its first row, whole rows, and the head of its last row. An input row takes the columns of whatever reaches it.
  const Span tail{x0, columns_.a - 1}, whole{0, columns_.a - 1}, head{0, x1};
  std::int64_t by_whole = 0, by_tail = 0, by_head = 0, by_both = 0;
  for (std::int64_t i = 0; i < rows_.extent; ++i) {
    if (touches(rows_, i, {y0 + 1, y1 - 1})) {
      ++by_whole;
      continue;
    }
    const bool in_tail = touches(rows_, i, {y0, y0}), in_head = touches(rows_, i, {y1, y1});
    if (in_tail && in_head)
      ++by_both;
    else if (in_tail)
      ++by_tail;
    else if (in_head)
      ++by_head;
  }
  std::int64_t pixels = 0;
  if (by_whole > 0) pixels += by_whole * coordinates(columns_, whole, {});
  if (by_tail > 0) pixels += by_tail * coordinates(columns_, tail, {});
  if (by_head > 0) pixels += by_head * coordinates(columns_, head, {});
  if (by_both > 0) pixels += by_both * coordinates(columns_, tail, head);
  return pixels;
}

}  // namespace convroof::spatial::fast
