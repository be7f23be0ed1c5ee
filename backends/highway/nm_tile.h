// The inner loop of N:M sparse kernels: a tile of pixels x one vector of filters in registers, where each filter multiplies channels of its own.
//
// Channels come in chunks (one vector of f32, 16 bytes in 8 bits). N:M weights keep the same number of channels of each chunk in every filter, so that the kept
// ones of a vector of filters fill `slots` without holes: a slot is one weight and one channel number for each filter (four of both in 8 bits), and a
// permutation of the pixel's chunk by the slot's channel numbers puts beside each weight the input that it meets:
//
//   out[pixel][filter] = bias[filter] + sum over entries e, slots s of e:  weights[s][filter] * a[pixel * pixel_stride + e.offset + channel[s][filter]]
//
// The permutation runs on other pipes than the multiplication (Zen 4: two of three 256-bit pipes each), so that both together take 1.33 cycles where a dense
// kernel needs M / N of them: 2:4 can gain 1.5, 1:4 3.
#pragma once

#include <cstddef>
#include <cstdint>

namespace convroof::highway {

struct NmEntry {
  std::int32_t offset;  // bytes from a pixel to its chunk under one tap of the filter
  std::int32_t slots;
};

struct NmTileCall {
  const NmEntry* entries = nullptr;
  std::int64_t entry_count = 0;
  const std::uint8_t* a = nullptr;
  std::ptrdiff_t pixel_stride = 64;        // bytes
  const std::uint8_t* weights = nullptr;   // [slot][filter]: f32, or four s8
  const std::uint8_t* channels = nullptr;  // [slot][filter]: one byte, or four
  const void* bias = nullptr;              // of the vector's filters, f32 or s32; nullptr: zero
  bool relu = false;
  std::uint8_t* out = nullptr;  // [pixel][filter]
};

using NmTileFunction = void (*)(const NmTileCall& call);

constexpr int kLargestNmTile = 28;

struct NmTiles {
  int lanes = 0;                                                      // filters of a vector; 0: not offered
  int chunk = 0;                                                      // channels
  int largest_tile = 1;                                               // pixels
  NmTileFunction (*function)(int pixels, bool neighbours) = nullptr;  // neighbours: pixel_stride is 64
  const char* target = "";
};

NmTiles f32_nm_tiles();
NmTiles int8_nm_tiles();

}  // namespace convroof::highway
