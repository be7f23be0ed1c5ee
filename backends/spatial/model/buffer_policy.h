// What the double buffers of a systolic array keep, as a rule. Both engines follow it: the stepping engine marks every word, the fast one counts.
//
// One half of a buffer works, the other is being filled. Of the inputs, the first channels that fit the working half stay there from their first
// use to the end of their group (pinned). The others are fetched for each pass over the array, once a word, if the rows under the filter's window
// fit the half; a window too large for that is fetched again for every use.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial {

struct InputPolicy {
  std::int64_t half_words;
  std::int64_t pinned_channels;  // of each group
  std::int64_t channels;         // of each group
  std::int64_t row_words;
  std::int64_t window_rows;  // input rows under the windows of the output pixels that one pass holds or streams at a time

  // `pixels`: output pixels that a pass holds at a time (1 where they stream).
  InputPolicy(const Accelerator& a, const SystolicArray& array, const Problem& p, std::int64_t pixels)
      : half_words(array.input_half_words(a)), channels(p.layer.in_channels_per_group()), row_words(p.layer.in_width) {
    const std::int64_t plane = p.batch * p.layer.in_height * p.layer.in_width;
    pinned_channels = std::min(channels, half_words / plane);
    const std::int64_t out_rows = std::min(p.layer.out_height, (pixels + p.layer.out_width - 2) / p.layer.out_width + 1);
    const std::int64_t reach = p.layer.dilation_height * (p.layer.kernel_height - 1) + 1;
    window_rows = std::min(p.layer.in_height, reach + (out_rows - 1) * p.layer.stride_height);
  }
  // The rows of so many channels fit the working half.
  bool window_fits(std::int64_t of_channels) const {
    std::int64_t words = 0;
    return !__builtin_mul_overflow(of_channels, window_rows * row_words, &words) && words <= half_words;
  }
};

}  // namespace convroof::spatial
