// What an implicit-GEMM kernel must know of a convolution, and the table that turns a position along the reduction into an address.
//
// The product is  D[filter][pixel] = sum over k of A[filter][k] * B[k][pixel],  k = (tap row, tap column, channel), pixel = (image, row, column) of the output.
// Filters are the rows since the sparse instructions want the compressed operand there; few pixels (batch 1, fully connected) then cost few columns.
// B is never built: piece k / V of a pixel is V channels of one input pixel, read at  window origin + taps[k / V].offset.
#pragma once

#include <cstdint>

#include "backends/cuda/kernels/machine.h"

namespace convroof::gpu {

enum class Function : int { none, relu, sigmoid, tanh };

// One piece of V channels along the reduction: how far it lies from the window's first element, in elements, rows and columns.
struct Tap {
  std::int32_t offset;
  std::int16_t row, column;
};
constexpr std::int16_t kNoTap = 0x4000;  // beyond every image: the piece reads zeros (padding of the reduction)

struct ConvolutionShape {
  const std::uint16_t* input;      // FP16, NHWC with padded groups
  const std::uint16_t* weights;    // [group][filter][reduction], dense or the kept half
  const std::uint32_t* selection;  // 2:4 only: which were kept, in the order of the instruction's lanes
  const float* bias;               // [group][filter]; null: none
  std::uint16_t* output;           // FP16, NHWC with padded groups
  float* partial;                  // [split][group][pixel][padded filter]; null: one split
  const Tap* taps;                 // reduction / V pieces
  std::int64_t image_elements;     // H * W * input_pixel_elements
  std::int32_t height, width;      // input
  std::int32_t out_height, out_width;
  std::int32_t stride_height, stride_width, pad_top, pad_left;
  std::int32_t pixels;  // images * out_height * out_width
  std::int32_t groups;
  std::int32_t input_pixel_elements;  // groups * padded channels of a group
  std::int32_t group_channels;        // padded channels of a group
  std::int32_t filters;               // of a group
  std::int32_t padded_filters;        // of a group, in the output: a multiple of 8
  std::int32_t reduction;             // padded length: a multiple of the kernel's step
  std::int32_t splits;                // parts of the reduction summed by different blocks
  std::int32_t steps_a_split;         // kernel steps of one part
  Function function;
};

// Where the window of an output pixel begins.
struct Window {
  std::int64_t offset;       // elements from the start of the input, of channel 0 of the group; may point before it where the window hangs over the edge
  std::int32_t row, column;  // may be negative
};

CONVROOF_GPU_HOST Window window_of(const ConvolutionShape& shape, int pixel, int group) {
  const int plane = shape.out_height * shape.out_width;
  const int image = pixel / plane, rest = pixel % plane;
  Window window;
  window.row = rest / shape.out_width * shape.stride_height - shape.pad_top;
  window.column = rest % shape.out_width * shape.stride_width - shape.pad_left;
  window.offset = image * shape.image_elements + (static_cast<std::int64_t>(window.row) * shape.width + window.column) * shape.input_pixel_elements +
                  group * shape.group_channels;
  return window;
}

CONVROOF_GPU_HOST bool is_inside(const ConvolutionShape& shape, const Window& window, const Tap& tap) {
  return static_cast<std::uint32_t>(window.row + tap.row) < static_cast<std::uint32_t>(shape.height) &&
         static_cast<std::uint32_t>(window.column + tap.column) < static_cast<std::uint32_t>(shape.width);
}

CONVROOF_GPU float finish(float sum, float bias, Function function) {
  const float value = sum + bias;
  switch (function) {
    case Function::none:
      return value;
    case Function::relu:
      return value > 0 ? value : (value == value ? 0.0f : value);  // NaN stays
    case Function::sigmoid:
      return 1.0f / (1.0f + exponential(-value));
    case Function::tanh:
      return hyperbolic_tangent(value);
  }
  return value;
}

// Bias, activation, rounding and one 16-byte store for eight neighbouring filters of a pixel; padding filters have no bias.
CONVROOF_GPU void store_eight_filters(const ConvolutionShape& shape, int group, std::int64_t pixel, int filter, const float (&sums)[8]) {
  Bits128 result;
  CONVROOF_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int first = filter + 2 * i;
    const float bias0 = shape.bias != nullptr && first < shape.filters ? shape.bias[group * shape.filters + first] : 0.0f;
    const float bias1 = shape.bias != nullptr && first + 1 < shape.filters ? shape.bias[group * shape.filters + first + 1] : 0.0f;
    result.word[i] = pack_halves(finish(sums[2 * i], bias0, shape.function), finish(sums[2 * i + 1], bias1, shape.function));
  }
  store128(shape.output + (pixel * shape.groups + group) * shape.padded_filters + filter, result);
}

}  // namespace convroof::gpu
