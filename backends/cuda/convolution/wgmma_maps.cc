#include "backends/cuda/convolution/wgmma_maps.h"

#include "backends/cuda/kernels/wgmma_convolution.h"

namespace convroof::cuda {
namespace {

// The last window origin lies at (size - 1) + this.
std::int64_t upper_corner(std::int64_t pad_after, std::int64_t kernel, std::int64_t dilation) { return pad_after - (kernel - 1) * dilation; }

bool is_corner(std::int64_t value) { return value >= -128 && value <= 127; }

}  // namespace

bool must_gather(const Case& c, const Geometry& geometry) {
  const LayerSpec& l = c.layer;
  if (geometry.input.padded_channels % 64 != 0) return true;
  if (!is_corner(-l.pad_left) || !is_corner(-l.pad_top)) return true;
  if (!is_corner(upper_corner(l.pad_right, l.kernel_width, l.dilation_width)) || !is_corner(upper_corner(l.pad_bottom, l.kernel_height, l.dilation_height)))
    return true;
  if ((l.kernel_width - 1) * l.dilation_width > 255 || (l.kernel_height - 1) * l.dilation_height > 255) return true;
  return l.stride_width > 8 || l.stride_height > 8;
}

gpu::MatrixDescription filter_matrix(const Geometry& geometry, bool sparse, const void* weights) {
  const std::int64_t elements = sparse ? geometry.reduction / 2 : geometry.reduction;
  return {.address = weights,
          .rows = std::int64_t{geometry.shape.groups} * geometry.shape.filters,
          .elements = elements,
          .pitch_bytes = elements * 2,
          .box_rows = gpu::kWgmmaRows,
          .box_elements = sparse ? 32 : 64};
}

gpu::PixelDescription pixel_box(const Case& c, const Geometry& geometry, int columns, const void* input) {
  const LayerSpec& l = c.layer;
  return {.address = input,
          .channels = geometry.input.groups * geometry.input.padded_channels,
          .width = l.in_width,
          .height = l.in_height,
          .images = c.batch,
          .lower_width = static_cast<std::int32_t>(-l.pad_left),
          .lower_height = static_cast<std::int32_t>(-l.pad_top),
          .upper_width = static_cast<std::int32_t>(upper_corner(l.pad_right, l.kernel_width, l.dilation_width)),
          .upper_height = static_cast<std::int32_t>(upper_corner(l.pad_bottom, l.kernel_height, l.dilation_height)),
          .stride_width = static_cast<std::int32_t>(l.stride_width),
          .stride_height = static_cast<std::int32_t>(l.stride_height),
          .box_pixels = columns};
}

}  // namespace convroof::cuda
