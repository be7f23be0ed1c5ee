// Layouts of this backend. Activations: [image][group][channel block][pixel][16 channels]; weights: [group][filter block][channel block][row][column]
// [16 channels][16 filters]. Sixteen is the number of f32 lanes of the widest vectors in use; narrower targets take two or four vectors per block, so the
// layout is the same everywhere. A group's last block is filled up with zeros, and outputs of the filling are never read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace convroof::highway {

constexpr std::int64_t kBlock = 16;

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Activations of one case: `channels` counts one group's.
struct BlockedShape {
  std::int64_t images = 1, groups = 1, channels = 1, pixels = 1;
  std::int64_t block = kBlock;
  std::int64_t blocks() const { return ceil_div(channels, block); }  // of one group
  std::int64_t count() const { return images * groups * blocks() * pixels * block; }
};

// Canonical NCHW -> blocked. The destination is zero already where there is no channel.
template <typename T>
void to_blocked(const BlockedShape& s, std::span<const T> canonical, T* blocked) {
  for (std::int64_t ng = 0; ng < s.images * s.groups; ++ng)
    for (std::int64_t c = 0; c < s.channels; ++c) {
      const T* from = canonical.data() + (ng * s.channels + c) * s.pixels;
      T* to = blocked + (ng * s.blocks() + c / s.block) * s.pixels * s.block + c % s.block;
      for (std::int64_t p = 0; p < s.pixels; ++p) to[p * s.block] = from[p];
    }
}

template <typename T>
void from_blocked(const BlockedShape& s, const T* blocked, std::span<T> canonical) {
  for (std::int64_t ng = 0; ng < s.images * s.groups; ++ng)
    for (std::int64_t c = 0; c < s.channels; ++c) {
      const T* from = blocked + (ng * s.blocks() + c / s.block) * s.pixels * s.block + c % s.block;
      T* to = canonical.data() + (ng * s.channels + c) * s.pixels;
      for (std::int64_t p = 0; p < s.pixels; ++p) to[p] = from[p * s.block];
    }
}

// One value per output channel (a bias), filled up to whole blocks of each group.
template <typename T>
void to_blocked_vector(std::int64_t groups, std::int64_t channels, std::span<const T> canonical, T* blocked, std::int64_t block = kBlock) {
  for (std::int64_t g = 0; g < groups; ++g) std::copy_n(canonical.data() + g * channels, channels, blocked + g * ceil_div(channels, block) * block);
}

}  // namespace convroof::highway
