// The inner loops of pass.cc, each for the instruction set in use.
#pragma once

#include <cstdint>

namespace convroof::highway {

// One output row of a pooling over one channel block: window rows [row_begin, row_end) are inside the input.
struct PoolRow {
  const float* input = nullptr;  // plane of the block: [pixel][16]
  float* output = nullptr;       // row of the block
  std::int64_t in_width = 1, out_width = 1;
  std::int64_t row_begin = 0, row_end = 0, row_step = 1;
  std::int64_t kernel_width = 1, stride = 1, dilation = 1, pad_left = 0;
};
void max_pool_row(const PoolRow& row);
void average_pool_row(const PoolRow& row);

void add_arrays(const float* a, const float* b, float* out, std::int64_t count, bool relu);
void relu_array(const float* in, float* out, std::int64_t count);

// Pixels of one channel: out = in / (k + alpha * sum of squares over `channels` planes) ^ beta; planes are `plane` floats apart, `first` is the lowest of them.
struct LrnPlane {
  const float *first = nullptr, *in = nullptr;
  float* out = nullptr;
  std::int64_t channels = 1, plane = 1, pixels = 1;
  double k = 1, alpha = 0, beta = 0.75;
};
void lrn_plane(const LrnPlane& p);

// Softmax of `channels` values that are `stride` floats apart.
void softmax(const float* in, float* out, std::int64_t channels, std::int64_t stride);

}  // namespace convroof::highway
