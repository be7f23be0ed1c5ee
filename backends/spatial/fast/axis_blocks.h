// One axis of a convolution whose output positions are worked on in blocks: what each block meets of the input.
#pragma once

#include <cstdint>
#include <vector>

namespace convroof::spatial::fast {

struct AxisBlock {
  std::int64_t outputs = 0;  // positions in the block
  std::int64_t touched = 0;  // input coordinates that some tap of some position meets
  std::int64_t fresh = 0;    // of them, not met by an earlier block
};

// `taps` taps `tap_step` apart, positions `step` apart; position 0, tap 0 lies at -pad. Blocks of `width` positions.
std::vector<AxisBlock> axis_blocks(std::int64_t positions, std::int64_t width, std::int64_t step, std::int64_t taps, std::int64_t tap_step, std::int64_t pad,
                                   std::int64_t extent);

// Over all blocks: (position, tap) pairs whose input does not come from the neighbour one position on. A neighbour has had it if the position is not
// its block's last and the tap is at least `distance`.
struct Own {
  std::int64_t all = 0, inside = 0;  // inside: not on padding
};
Own own_pairs(std::int64_t positions, std::int64_t width, std::int64_t step, std::int64_t taps, std::int64_t tap_step, std::int64_t pad, std::int64_t extent,
              std::int64_t distance);

}  // namespace convroof::spatial::fast
