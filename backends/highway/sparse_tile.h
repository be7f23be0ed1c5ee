// The inner loop of the sparse convolution: for a block of output positions and a run of filters, sums over the kept weights of each filter.
//
//   out[filter][position][lane] = bias[filter] + sum over kept weights w of the filter:  w * input[offset of w + offset of the position][lane]
//
// In 8 bits an input is four neighbouring channels, and a weight the same four of a filter, kept if any of them is: vpdpbusd does all four at once.
//
// A block is rows x columns positions, at most kLargestSparseTile, one accumulator a position. Every multiply-add reads one vector of activations from the
// cache: that, and not the multiply-add, is what bounds it (one 64-byte load a cycle from L1, half of that from L2).
#pragma once

#include <cstdint>
#include <utility>

namespace convroof::highway {

struct SparseTap {
  std::int32_t offset;   // words of 4 bytes, from the vector of output position (0, 0)
  std::uint32_t weight;  // the bits of an f32, or four s8 of neighbouring channels
};

struct SparseTileCall {
  const float* input = nullptr;  // vector of the block's first position, channel 0
  std::int64_t input_row = 0;    // words between rows of positions
  const SparseTap* taps = nullptr;
  const std::uint64_t* first_tap = nullptr;  // of filter k: [first_tap[k], first_tap[k + 1])
  std::int64_t filter_begin = 0, filter_end = 0;
  const void* bias = nullptr;  // f32 or s32 per filter, or nullptr
  bool relu = false;
  float* output = nullptr;  // of filter 0, the block's first position
  std::int64_t output_filter = 0, output_row = 0;
};

using SparseTileFunction = void (*)(const SparseTileCall& call);

constexpr int kLargestSparseTile = 14;

// Where the columns of one lane's packed row come from: column x is from[x] for begin <= x < end and zero elsewhere. Nothing outside is read.
struct SparseLaneRow {
  const float* from;
  std::int64_t begin, end;
};

// destination[x][lane] = column x of the lane's row, for x < width; column x goes to phase x % phases.
using InterleaveFunction = void (*)(const SparseLaneRow* rows, std::int64_t width, std::int64_t phases, std::int64_t phase_stride, float* destination);

// to[i] = from[i * step] for i < count.
using SubsampleFunction = void (*)(const float* from, std::int64_t step, std::int64_t count, float* to);
// What one number format offers on the instruction set in use. Words are moved as if they were f32.
struct SparseTiles {
  int lanes = 0;                                                    // words of a vector; 0: not offered
  SparseTileFunction (*function)(int rows, int columns) = nullptr;  // rows 1, 2 or 4, rows * columns <= kLargestSparseTile
  InterleaveFunction interleave = nullptr;
  SubsampleFunction subsample = nullptr;
  const char* target = "";
};

SparseTiles f32_sparse_tiles();
SparseTiles int8_sparse_tiles();  // words are four channels of u8, multiplied by four s8 and added into s32, exactly

}  // namespace convroof::highway
