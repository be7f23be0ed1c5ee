#include "backends/spatial/fast/axis_blocks.h"

#include <algorithm>

namespace convroof::spatial::fast {

std::vector<AxisBlock> axis_blocks(std::int64_t positions, std::int64_t width, std::int64_t step, std::int64_t taps, std::int64_t tap_step, std::int64_t pad,
                                   std::int64_t extent) {
  std::vector<AxisBlock> blocks;
  std::vector<std::int64_t> last_block(static_cast<std::size_t>(extent), -1);  // that met the coordinate
  for (std::int64_t first = 0; first < positions; first += width) {
    AxisBlock block;
    block.outputs = std::min(width, positions - first);
    const auto number = static_cast<std::int64_t>(blocks.size());
    for (std::int64_t a = first; a < first + block.outputs; ++a)
      for (std::int64_t b = 0; b < taps; ++b) {
        const std::int64_t i = a * step + b * tap_step - pad;
        if (i < 0 || i >= extent || last_block[static_cast<std::size_t>(i)] == number) continue;
        ++block.touched;
        if (last_block[static_cast<std::size_t>(i)] < 0) ++block.fresh;
        last_block[static_cast<std::size_t>(i)] = number;
      }
    blocks.push_back(block);
  }
  return blocks;
}

Own own_pairs(std::int64_t positions, std::int64_t width, std::int64_t step, std::int64_t taps, std::int64_t tap_step, std::int64_t pad, std::int64_t extent,
              std::int64_t distance) {
  Own own;
  for (std::int64_t a = 0; a < positions; ++a) {
    const bool is_last = a % width == width - 1 || a == positions - 1;
    for (std::int64_t b = 0; b < (is_last ? taps : std::min(distance, taps)); ++b) {
      const std::int64_t i = a * step + b * tap_step - pad;
      ++own.all;
      if (i >= 0 && i < extent) ++own.inside;
    }
  }
  return own;
}

}  // namespace convroof::spatial::fast
