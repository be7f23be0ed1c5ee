// Where the taps of one axis of a convolution meet the input, as ranges and counts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace convroof::spatial::fast {

struct TapAxis {
  std::int64_t out, in, kernel, stride, dilation, pad;

  std::int64_t offset(std::int64_t tap) const { return tap * dilation - pad; }  // input = output * stride + offset
  // Output positions [first, last) whose tap lies inside the input.
  std::int64_t first_inside(std::int64_t tap) const { return std::min(out, offset(tap) >= 0 ? 0 : (-offset(tap) + stride - 1) / stride); }
  std::int64_t last_inside(std::int64_t tap) const {
    const std::int64_t room = in - 1 - offset(tap);
    return room < 0 ? first_inside(tap) : std::clamp(room / stride + 1, first_inside(tap), out);
  }
  // By output position: taps inside the input.
  std::vector<std::int64_t> taps_inside() const {
    std::vector<std::int64_t> count(static_cast<std::size_t>(out), 0);
    for (std::int64_t t = 0; t < kernel; ++t)
      for (std::int64_t o = first_inside(t); o < last_inside(t); ++o) ++count[static_cast<std::size_t>(o)];
    return count;
  }
  // By input position: (output, tap) pairs that meet it.
  std::vector<std::int64_t> uses() const {
    std::vector<std::int64_t> count(static_cast<std::size_t>(in), 0);
    for (std::int64_t t = 0; t < kernel; ++t)
      for (std::int64_t o = first_inside(t); o < last_inside(t); ++o) ++count[static_cast<std::size_t>(o * stride + offset(t))];
    return count;
  }
};

}  // namespace convroof::spatial::fast
