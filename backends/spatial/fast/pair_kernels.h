// Sums of products of s16, two products at a time, in s32: what the exact convolution spends its time in. The caller sees to it that no sum can leave
// 32 bits.
#pragma once

#include <cstdint>
#include <span>

namespace convroof::spatial::fast {

// One set of instructions.
struct PairKernels {
  const char* name;
  int rows;   // filters of a tile
  int width;  // pixels of a tile
  // sums[rows][width] = sum over `steps` of weights[step][rows] . pixels[step][width][2]; a weight holds two of 16 bits, the first in the low half.
  // `pixels` and `sums` start at a multiple of 64 bytes.
  void (*tile)(const std::int32_t* weights, const std::int16_t* pixels, std::int64_t steps, std::int32_t* sums);
  std::int32_t (*dot)(const std::int16_t* weights, const std::int16_t* pixels, std::int64_t count);
  std::int32_t (*dot_bytes)(const std::int8_t* weights, const std::int16_t* pixels, std::int64_t count);
};

// Those that this processor has, the fastest first; the last is portable.
std::span<const PairKernels> pair_kernels();

}  // namespace convroof::spatial::fast
