// The inner loop of the bf16 and 8-bit kernels: as tile_product.h, but each step multiplies words of 4 bytes (two bf16, four 8-bit integers) and adds the
// products of a word into one f32 or s32 accumulator: vdpbf16ps and vpdpbusd, which do twice and four times the work of an f32 multiply-add.
//
//   out[block][pixel][16 filters] = start + sum over taps t, words w < t.words:  dot(a[t.a_offset + pixel * pixel_stride + 4 w], b[block, word of t + w])
#pragma once

#include <cstddef>
#include <cstdint>

namespace convroof::highway {

constexpr std::int64_t kWordBytes = 4, kLineBytes = 64;  // a line is a block of 16 words of channels, as wide as the widest vector

struct DotTap {
  std::ptrdiff_t a_offset = 0;  // bytes
  std::int64_t first_word = 0;  // of the filter
  std::uint32_t pixels = ~0u;   // bit i: pixel i has an input under this tap
  std::int32_t words = 16;
};

constexpr int kLargestDotTile = 28, kDotBlocks = 8;

struct DotTileCall {
  const DotTap* taps = nullptr;
  std::int64_t tap_count = 0;
  const std::uint8_t* a = nullptr;
  std::ptrdiff_t pixel_stride = kLineBytes;  // bytes
  // Taps that follow in the same list and read from elsewhere, at a distance of pixels of their own. Not where pixels are neighbours.
  std::int64_t extra_tap_count = 0;
  const std::uint8_t* extra = nullptr;
  std::ptrdiff_t extra_stride = 0;
  const std::uint8_t* b = nullptr;  // [word][block][16 filters][4 bytes]
  std::ptrdiff_t b_ahead = 0;       // bytes: how far ahead weights are prefetched. See dot_weights_ahead()
  std::uint8_t* out = nullptr;
  std::ptrdiff_t out_block[kDotBlocks] = {};  // bytes from `out` to each filter block; pixels are kLineBytes apart
  const void* bias = nullptr;                 // [block][16], f32 or s32; nullptr: zero
  bool relu = false;
  bool whole_lines = false;  // 16-bit outputs: blocks 0 and 1, 2 and 3 ... are the halves of one line each
  bool wide = false;         // store sums as they are, a whole line for 16 filters, in every format
  bool stream = false;       // store whole lines past the caches; half a line is stored as usual
};

// As weights_ahead() in tile_product.h: what 900 cycles consume at one dot product each covers the way to memory. With 1024 bytes for every tile a fully
// connected layer of 16 images reached 82 % of peak instead of 97 (AlexNet's fc7), VGG-16's 3x3 layers 95 % instead of 98.
constexpr std::ptrdiff_t dot_weights_ahead(std::int64_t pixels, std::int64_t blocks) {
  return blocks * kLineBytes * ((900 + pixels * blocks - 1) / (pixels * blocks));
}

using DotTileFunction = void (*)(const DotTileCall& call);

// What one number format offers on the instruction set in use.
struct DotTiles {
  int largest_tile = 1;                                                            // pixels
  int (*blocks_of_tile)(int pixels) = nullptr;                                     // filter blocks that such a tile takes at once: a power of two
  DotTileFunction (*function)(int pixels, int blocks, bool neighbours) = nullptr;  // neighbours: pixel_stride is kLineBytes
  const char* target = "";
};

DotTiles int8_tiles();  // u8 x s8 -> s32, exact
DotTiles bf16_tiles();  // bf16 x bf16 -> f32, stored as bf16: 16 filters are half a line

}  // namespace convroof::highway
