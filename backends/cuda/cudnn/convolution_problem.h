// A convolution or fully connected case in cuDNN's terms.
#pragma once

#include <cstdint>
#include <string>

#include "backends/backend.h"

namespace convroof::cuda {

// What the products of a convolution are asked to be summed in. A request: only AccumulationProbe shows what an engine does.
enum class Sums { f32, f16 };

struct ConvolutionProblem {
  std::int64_t batch, channels, height, width;                // X, NHWC
  std::int64_t filters, filter_channels, kernel_h, kernel_w;  // W, KRSC
  std::int64_t out_height, out_width;                         // Y, NHWC
  std::int64_t pad_top, pad_left, pad_bottom, pad_right;
  std::int64_t stride_h, stride_w, dilation_h, dilation_w;
  bool has_bias;
  bool has_half_bias;  // the bias is handed over as FP16; otherwise as FP32, which only engines compiled at run time accept (they need a driver)
  Activation activation;
  Sums sums = Sums::f32;

  // The problem as one line; equal text means equal plans. Key of the plan cache.
  std::string text() const;
};

// cuDNN fuses bias and activation only into a convolution without groups and with FP32 sums; otherwise they follow in a kernel of ours, on the rounded result.
bool has_separate_epilogue(const Case& c, Sums sums = Sums::f32);

// A fully connected layer becomes the 1x1 convolution over its flattened input: in NHWC and KRSC both are the same bytes, and it is the form that
// matrix-product engines accept.
ConvolutionProblem convolution_problem(const Case& c, bool has_half_bias = true, Sums sums = Sums::f32);

}  // namespace convroof::cuda
