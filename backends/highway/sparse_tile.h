// The inner loop of the sparse convolution: for a block of output positions and a run of filters, sums over the kept weights of each filter.
//
//   out[filter][position][lane] = bias[filter] + sum over kept weights w of the filter:  w * input[offset of w + offset of the position][lane]
//
// A block is rows x columns positions, at most kLargestSparseTile, one accumulator a position. Every multiply-add reads one vector of activations from the
// cache: that, and not the multiply-add, is what bounds it (one 64-byte load a cycle from L1, half of that from L2).
#pragma once

#include <cstdint>
#include <utility>

namespace convroof::highway {

struct SparseTap {
  std::int32_t offset;  // floats, from the vector of output position (0, 0)
  float weight;
};

struct SparseTileCall {
  const float* input = nullptr;  // vector of the block's first position, channel 0
  std::int64_t input_row = 0;    // floats between rows of positions
  const SparseTap* taps = nullptr;
  const std::uint64_t* first_tap = nullptr;  // of filter k: [first_tap[k], first_tap[k + 1])
  std::int64_t filter_begin = 0, filter_end = 0;
  const float* bias = nullptr;  // per filter, or nullptr
  bool relu = false;
  float* output = nullptr;  // of filter 0, the block's first position
  std::int64_t output_filter = 0, output_row = 0;
};

using SparseTileFunction = void (*)(const SparseTileCall& call);

constexpr int kLargestSparseTile = 14;

int sparse_lanes();
// A function for rows x columns positions; rows 1, 2 or 4, rows * columns <= kLargestSparseTile.
SparseTileFunction sparse_tile_function(int rows, int columns);

// Where the columns of one lane's packed row come from: column x is from[x] for begin <= x < end and zero elsewhere. Nothing outside is read.
struct SparseLaneRow {
  const float* from;
  std::int64_t begin, end;
};

// destination[x][lane] = column x of the lane's row, for x < width; column x goes to phase x % phases.
using InterleaveFunction = void (*)(const SparseLaneRow* rows, std::int64_t width, std::int64_t phases, std::int64_t phase_stride, float* destination);
InterleaveFunction sparse_interleave_function();

// to[i] = from[i * step] for i < count.
using SubsampleFunction = void (*)(const float* from, std::int64_t step, std::int64_t count, float* to);
SubsampleFunction sparse_subsample_function();

}  // namespace convroof::highway
