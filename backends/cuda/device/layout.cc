#include "backends/cuda/device/layout.h"

namespace convroof::cuda {

std::vector<Float16> pack_activations(const Tensor& nchw, const ActivationLayout& layout) {
  const auto from = nchw.as<Float16>();
  std::vector<Float16> to(static_cast<std::size_t>(layout.elements()));
  const std::int64_t channels = layout.groups * layout.channels;
  std::size_t read = 0;
  for (std::int64_t n = 0; n < layout.batch; ++n)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t y = 0; y < layout.height; ++y)
        for (std::int64_t x = 0; x < layout.width; ++x) to[static_cast<std::size_t>(layout.index(n, c, y, x))] = from[read++];
  return to;
}

void unpack_activations(const std::vector<Float16>& packed, const ActivationLayout& layout, Tensor& nchw) {
  const auto to = nchw.as<Float16>();
  const std::int64_t channels = layout.groups * layout.channels;
  std::size_t written = 0;
  for (std::int64_t n = 0; n < layout.batch; ++n)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t y = 0; y < layout.height; ++y)
        for (std::int64_t x = 0; x < layout.width; ++x) to[written++] = packed[static_cast<std::size_t>(layout.index(n, c, y, x))];
}

std::vector<Float16> pack_filters(const Tensor& kcrs, std::int64_t padded_channels) {
  const auto from = kcrs.as<Float16>();
  const auto [filters, channels, rows, columns] = kcrs.shape();
  std::vector<Float16> to(static_cast<std::size_t>(filters * rows * columns * padded_channels));
  std::size_t read = 0;
  for (std::int64_t k = 0; k < filters; ++k)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t s = 0; s < columns; ++s) to[static_cast<std::size_t>(((k * rows + r) * columns + s) * padded_channels + c)] = from[read++];
  return to;
}

}  // namespace convroof::cuda
