// A convolution as the kernels of this backend see it: channels are counted per group, and a fully connected layer is the 1x1 convolution of one image whose
// pixels are the batch.
#pragma once

#include <cstdint>

#include "backends/backend.h"
#include "backends/highway/blocked_layout.h"

namespace convroof::highway {

struct ConvolutionShape {
  std::int64_t images = 1, groups = 1;
  std::int64_t in_channels = 1, out_channels = 1;  // of one group
  std::int64_t in_height = 1, in_width = 1, out_height = 1, out_width = 1;
  std::int64_t kernel_height = 1, kernel_width = 1;
  std::int64_t stride_height = 1, stride_width = 1;
  std::int64_t dilation_height = 1, dilation_width = 1;
  std::int64_t pad_top = 0, pad_left = 0;

  std::int64_t in_pixels() const { return in_height * in_width; }
  std::int64_t out_pixels() const { return out_height * out_width; }
  std::int64_t in_blocks() const { return ceil_div(in_channels, kBlock); }    // of one group
  std::int64_t out_blocks() const { return ceil_div(out_channels, kBlock); }  // of one group
  BlockedShape input_layout() const { return {images, groups, in_channels, in_pixels(), kBlock}; }
  BlockedShape output_layout() const { return {images, groups, out_channels, out_pixels(), kBlock}; }
};

inline ConvolutionShape convolution_shape(const Case& c) {
  const LayerSpec& l = c.layer;
  return {.images = c.batch,
          .groups = l.groups,
          .in_channels = l.in_channels_per_group(),
          .out_channels = l.out_channels_per_group(),
          .in_height = l.in_height,
          .in_width = l.in_width,
          .out_height = l.out_height,
          .out_width = l.out_width,
          .kernel_height = l.kernel_height,
          .kernel_width = l.kernel_width,
          .stride_height = l.stride_height,
          .stride_width = l.stride_width,
          .dilation_height = l.dilation_height,
          .dilation_width = l.dilation_width,
          .pad_top = l.pad_top,
          .pad_left = l.pad_left};
}

}  // namespace convroof::highway
