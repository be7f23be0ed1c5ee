// Winograd F(2x2,3x3) transforms around dot products: inputs are transformed in f32 (bf16) or 16-bit integers (u8) and rounded once to the type that is
// multiplied, sums are transformed back in f32. Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, section 4.1.
#pragma once

#include <cstddef>
#include <cstdint>

namespace convroof::highway {

constexpr int kWinogradPoints = 16;   // of a 4x4 tile
constexpr int kWinogradSumPoint = 5;  // (1, 1) adds four inputs: the only point without a sign where inputs have none

// One line (64 bytes of channels) of one tile: pixels[4 y + x] -> 16 points. 8-bit: a point of step 2^shift is (v + half) >> shift, plus 128 where it has a
// sign.
struct WinogradInputCall {
  const std::uint8_t* pixels[kWinogradPoints];
  std::uint8_t* out = nullptr;
  std::ptrdiff_t point = 0;      // bytes between points
  int shift = 0, sum_shift = 0;  // 8-bit: of points with a sign, and of kWinogradSumPoint
};

// One block of 16 filters of one tile: 16 points of sums -> up to 2x2 outputs.
struct WinogradOutputCall {
  const std::uint8_t* sums = nullptr;  // f32 or s32
  std::ptrdiff_t point = 0;            // bytes between points
  const float* scales = nullptr;       // [point][16], 8-bit only
  const void* bias = nullptr;          // 16 of f32 or s32, or nullptr
  bool relu = false;
  std::uint8_t* pixels[4];  // nullptr: outside of the output
};

struct WinogradTransforms {
  void (*input)(const WinogradInputCall& call) = nullptr;
  void (*output)(const WinogradOutputCall& call) = nullptr;
};
WinogradTransforms bf16_winograd_transforms();
WinogradTransforms int8_winograd_transforms();

}  // namespace convroof::highway
