#include "backends/spatial/fast/touched.h"

#include <algorithm>

namespace convroof::spatial::fast {
namespace {

// Positions of the chosen side from `first` to `last`, both included; empty if first > last.
struct Span {
  std::int64_t first = 0, last = -1;
};

constexpr std::int64_t kNone = -1;

// The first position from `from` on that some b puts at input coordinate i.
std::int64_t first_at(const Axis& axis, std::int64_t i, std::int64_t from) {
  const std::int64_t at = i + axis.pad;  // = a * step_a + b * step_b
  if (axis.step_b == 1) {
    const std::int64_t least = at < axis.b ? 0 : (at - axis.b) / axis.step_a + 1;
    const std::int64_t a = least > from ? least : from;
    return a * axis.step_a <= at && a < axis.a ? a : kNone;
  }
  if (at < from * axis.step_a) return kNone;
  std::int64_t b = (at - from * axis.step_a) / axis.step_b;
  if (b > axis.b - 1) b = axis.b - 1;
  // Remainders repeat after step_a of them.
  for (std::int64_t tries = 0; tries < axis.step_a && b >= 0; ++tries, --b) {
    const std::int64_t rest = at - b * axis.step_b;
    if (rest % axis.step_a != 0) continue;
    return rest / axis.step_a < axis.a ? rest / axis.step_a : kNone;
  }
  return kNone;
}

bool touches(const Axis& axis, std::int64_t i, Span span) {
  if (span.first > span.last) return false;
  const std::int64_t a = first_at(axis, i, span.first);
  return a != kNone && a <= span.last;
}

std::vector<std::int64_t> touched_before(const Axis& axis) {
  std::vector<std::int64_t> before(static_cast<std::size_t>(axis.a) + 1, 0);
  for (std::int64_t i = 0; i < axis.extent; ++i)
    if (const std::int64_t a = first_at(axis, i, 0); a != kNone) ++before[static_cast<std::size_t>(a) + 1];
  for (std::size_t a = 1; a < before.size(); ++a) before[a] += before[a - 1];
  return before;
}

// Coordinates from `begin` to `end`, both included, that lie inside.
std::int64_t inside(const Axis& axis, std::int64_t begin, std::int64_t end) {
  return std::max<std::int64_t>(0, std::min(end, axis.extent - 1) - std::max<std::int64_t>(begin, 0) + 1);
}

std::int64_t coordinates(const Axis& axis, Span span) {
  if (span.first > span.last) return 0;
  const std::int64_t first = span.first * axis.step_a - axis.pad, last = span.last * axis.step_a - axis.pad, reach = (axis.b - 1) * axis.step_b;
  // Runs of neighbours: one for each a (or each b) where they leave gaps, one for all where they do not.
  if (axis.step_b == 1) {
    if (axis.b >= axis.step_a) return inside(axis, first, last + reach);
    std::int64_t count = 0;
    for (std::int64_t begin = first; begin <= last; begin += axis.step_a) count += inside(axis, begin, begin + reach);
    return count;
  }
  if (axis.step_a == 1) {
    if (last - first + 1 >= axis.step_b) return inside(axis, first, last + reach);
    std::int64_t count = 0;
    for (std::int64_t b = 0; b <= reach; b += axis.step_b) count += inside(axis, first + b, last + b);
    return count;
  }
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < axis.extent; ++i) count += touches(axis, i, span) ? 1 : 0;
  return count;
}

std::int64_t coordinates(const Axis& axis, Span span, Span other) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < axis.extent; ++i) count += touches(axis, i, span) || touches(axis, i, other) ? 1 : 0;
  return count;
}

}  // namespace

Touched::Touched(Axis rows, Axis columns) : rows_(rows), columns_(columns), rows_before_(touched_before(rows)), columns_before_(touched_before(columns)) {}

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
  if (y0 == y1) return coordinates(rows_, {y0, y0}) * coordinates(columns_, {x0, x1});
  // The range is the tail of its first row, whole rows, and the head of its last row. An input row takes the columns of whatever reaches it.
  const Span tail{x0, columns_.a - 1}, whole{0, columns_.a - 1}, head{0, x1};
  std::int64_t by_whole = 0, by_tail = 0, by_head = 0, by_both = 0;
  const std::int64_t top = std::max<std::int64_t>(0, y0 * rows_.step_a - rows_.pad);
  const std::int64_t bottom = std::min(rows_.extent - 1, y1 * rows_.step_a + (rows_.b - 1) * rows_.step_b - rows_.pad);
  for (std::int64_t i = top; i <= bottom; ++i) {
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
  if (by_whole > 0) pixels += by_whole * coordinates(columns_, whole);
  if (by_tail > 0) pixels += by_tail * coordinates(columns_, tail);
  if (by_head > 0) pixels += by_head * coordinates(columns_, head);
  if (by_both > 0) pixels += by_both * coordinates(columns_, tail, head);
  return pixels;
}

}  // namespace convroof::spatial::fast
