// The inner loop of every dense f32 algorithm here: a tile of up to 28 pixels x a few blocks of 16 filters, held in registers, is summed over a list of taps.
//
//   out[kv][i][lane] = start + sum over taps t, over c < t.length:  a[t.a_offset + i * pixel_stride + c * channel_stride] * b[t.b_offset + kv * b_stride + c *
//   16 + lane]
//
// A direct convolution passes one tap per (channel block, row, column) of the filter, a matrix product one per block of 16 of the reduction, Winograd the same
// for each of its points. On AVX-512 a multiply-add takes its activation as a broadcast memory operand, so 28 multiply-adds cost one load of weights and
// nothing else: 28 accumulators hide the latency of 4 cycles with room to spare and divide 224, 112, 56 and 28 evenly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace convroof::highway {

struct Tap {
  std::ptrdiff_t a_offset = 0;  // floats
  std::ptrdiff_t b_offset = 0;  // floats
  std::uint32_t pixels = ~0u;   // bit i: pixel i has an input under this tap; where not, padding costs no multiplication
  std::int32_t length = 16;     // terms of this tap
};

// What a tile asks for while it multiplies. With operands in DRAM this is what counts: an input that is loaded when it is needed stops the multiplications for
// a hundred nanoseconds, and so does an output line that a store has to fetch.
struct Requests {
  const float* ahead = nullptr;  // where a later tile's pixels begin; of each tap `pixels` of them are asked for
  std::int64_t pixels = 0;
  std::int64_t outputs = 0;  // pixels of the output that are claimed with each tap, one filter block deep, until all are
};

// What a tile starts from and what happens to it at the end.
struct TileCall {
  const Tap* taps = nullptr;
  std::int64_t tap_count = 0;
  const float* a = nullptr;
  const float* b = nullptr;
  std::ptrdiff_t b_stride = 0;         // between filter blocks
  std::ptrdiff_t b_ahead = 256;        // floats: how far ahead weights are prefetched; the weights of the next taps nearly always follow. See weights_ahead()
  const Requests* requests = nullptr;  // nullptr: none
  float* out = nullptr;
  std::ptrdiff_t out_stride = 0;  // between filter blocks; pixels follow each other
  const float* bias = nullptr;    // start value per filter; nullptr: zero
  bool add = false;  // start from zero and add to what `out` holds: the partial sums of a long reduction stay short, and so do their rounding errors
  bool relu = false;
  bool stream = false;  // store past the caches: for outputs that do not fit into them
};

// For Walk::together, whose speed is memory's: 64 lines. Eight streams, each asked for 900 terms ahead, got 25 GB/s out of a core of Zen 4 that reads 33; one
// stream gets 32 to 34 (16 to 128 lines ahead alike, from 256 lines on less).
constexpr std::ptrdiff_t kStreamAhead = 64 * 16;

// A tile of few pixels passes its weights faster. 900 cycles, at one multiply-add each, cover the way to memory: with half of that VGG-16's conv4_2, whose
// transformed weights no cache holds, took 8 % longer.
constexpr std::ptrdiff_t weights_ahead(std::int64_t pixels) { return 16 * ((900 + pixels - 1) / pixels); }

// How activations lie in memory: pixel and channel stride in floats. `any` takes them at run time and is slower.
enum class Walk {
  blocked1,  // blocked layout, stride 1: 16, 1
  blocked2,  // blocked layout, stride 2: 32, 1
  plain1,    // plain rows, stride 1: 1, 1 (a first layer: the terms of a tap are the columns of the filter)
  plain2,    // plain rows, stride 2: 2, 1
  plain4,    // plain rows, stride 4: 4, 1
  together,  // one pixel: the weights of a term lie together for all filter blocks of the tile, so that a tile's weights are one stream
  any,
};
constexpr int kWalks = 7;

struct WalkStride {
  std::ptrdiff_t pixel = 16, channel = 1;
};

using TileFunction = void (*)(const TileCall& call, WalkStride stride);

constexpr int kLargestTile = 28;

// For the instruction set in use:
int largest_tile();                                                    // pixels of the largest tile
int filter_blocks_of_tile(int pixels);                                 // filter blocks at which such a tile runs best: a power of two
int most_filter_blocks_of_tile(int pixels);                            // that its registers allow: a power of two, at most 8
TileFunction tile_function(int pixels, int filter_blocks, Walk walk);  // filter_blocks: a power of two up to the most
std::string target_name();                                             // of the instruction set, as Highway calls it: AVX2, AVX3_ZEN4 ...

// Splits an extent into the fewest tiles, of sizes that differ by at most one.
struct TileSplit {
  std::int64_t extent = 1, tiles = 1;
  std::int64_t begin(std::int64_t i) const { return extent * i / tiles; }
  std::int64_t size(std::int64_t i) const { return begin(i + 1) - begin(i); }
  std::int64_t largest() const { return (extent + tiles - 1) / tiles; }
};
TileSplit split_into_tiles(std::int64_t extent);

}  // namespace convroof::highway
