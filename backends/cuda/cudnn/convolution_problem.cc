#include "backends/cuda/cudnn/convolution_problem.h"

#include <fmt/format.h>

namespace convroof::cuda {

std::string ConvolutionProblem::text() const {
  return fmt::format("f16 nhwc x{}x{}x{}x{} w{}x{}x{}x{} y{}x{} pad{},{},{},{} stride{},{} dilation{},{} {}{}{}", batch, channels, height, width, filters,
                     filter_channels, kernel_h, kernel_w, out_height, out_width, pad_top, pad_left, pad_bottom, pad_right, stride_h, stride_w, dilation_h,
                     dilation_w, !has_bias ? "" : (has_half_bias ? "bias-f16 " : "bias-f32 "), name_of(activation), sums == Sums::f16 ? " sums-f16" : "");
}

bool has_separate_epilogue(const Case& c, Sums sums) {
  return (c.layer.groups > 1 || sums == Sums::f16) && (c.has_bias() || c.activation() != Activation::none);
}

ConvolutionProblem convolution_problem(const Case& c, bool has_half_bias, Sums sums) {
  const LayerSpec& layer = c.layer;
  const bool is_bare = has_separate_epilogue(c, sums);
  if (layer.op == Op::fc) {
    const std::int64_t inputs = layer.in_channels * layer.in_height * layer.in_width;
    return {.batch = c.batch,
            .channels = inputs,
            .height = 1,
            .width = 1,
            .filters = layer.out_channels,
            .filter_channels = inputs,
            .kernel_h = 1,
            .kernel_w = 1,
            .out_height = 1,
            .out_width = 1,
            .pad_top = 0,
            .pad_left = 0,
            .pad_bottom = 0,
            .pad_right = 0,
            .stride_h = 1,
            .stride_w = 1,
            .dilation_h = 1,
            .dilation_w = 1,
            .has_bias = c.has_bias() && !is_bare,
            .has_half_bias = has_half_bias,
            .activation = is_bare ? Activation::none : c.activation(),
            .sums = sums};
  }
  return {.batch = c.batch,
          .channels = layer.in_channels,
          .height = layer.in_height,
          .width = layer.in_width,
          .filters = layer.out_channels,
          .filter_channels = layer.in_channels_per_group(),
          .kernel_h = layer.kernel_height,
          .kernel_w = layer.kernel_width,
          .out_height = layer.out_height,
          .out_width = layer.out_width,
          .pad_top = layer.pad_top,
          .pad_left = layer.pad_left,
          .pad_bottom = layer.pad_bottom,
          .pad_right = layer.pad_right,
          .stride_h = layer.stride_height,
          .stride_w = layer.stride_width,
          .dilation_h = layer.dilation_height,
          .dilation_w = layer.dilation_width,
          .has_bias = c.has_bias() && !is_bare,
          .has_half_bias = has_half_bias,
          .activation = is_bare ? Activation::none : c.activation(),
          .sums = sums};
}

}  // namespace convroof::cuda
