// What the bulk copy engine is told about a tensor. On a device the bytes are the driver's CUtensorMap; the emulated machine keeps the description itself.
#pragma once

#include <cstdint>

namespace convroof::gpu {

struct alignas(64) TensorMap {
  std::uint8_t bytes[128];
};

// Rows of FP16 with a common pitch; a copy takes box_rows x box_elements, elements beyond the tensor read as zero.
struct MatrixDescription {
  const void* address;
  std::int64_t rows, elements, pitch_bytes;
  std::int32_t box_rows, box_elements;  // box_elements * 2 is the swizzle span: 128 or 64 bytes
};

// Pixels of an NHWC tensor, visited in the order of a convolution's outputs: window origins run over a box, by the strides, row by row, image by image.
struct PixelDescription {
  const void* address;
  std::int64_t channels, width, height, images;  // channels: elements of a pixel
  std::int32_t lower_width, lower_height;        // origin of the first window: -padding
  std::int32_t upper_width, upper_height;        // the last origin lies at (size - 1) + this
  std::int32_t stride_width, stride_height;
  std::int32_t box_pixels;  // pixels of one copy; 64 channels each
};

// The maps of a wgmma convolution.
struct WgmmaMaps {
  TensorMap filters;  // [group * filter][reduction, or half of it]
  TensorMap pixels;   // unused where threads gather the pixels
};

}  // namespace convroof::gpu
