// Between the canonical layouts (NCHW, KCRS) and the GPU's (NHWC, KRSC). Channels of a group may be padded with zeros so that a row of channels is made of
// whole 16-byte pieces: element (n, y, x, group, channel) stands at (((n * H + y) * W + x) * groups + group) * padded + channel.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/tensor.h"

namespace convroof::cuda {

struct ActivationLayout {
  std::int64_t batch, groups, channels, padded_channels, height, width;  // channels of one group
  std::int64_t elements() const { return batch * height * width * groups * padded_channels; }
  std::int64_t index(std::int64_t n, std::int64_t channel_of_all, std::int64_t y, std::int64_t x) const {
    const std::int64_t group = channel_of_all / channels, channel = channel_of_all % channels;
    return (((n * height + y) * width + x) * groups + group) * padded_channels + channel;
  }
};

std::vector<Float16> pack_activations(const Tensor& nchw, const ActivationLayout& layout);
void unpack_activations(const std::vector<Float16>& packed, const ActivationLayout& layout, Tensor& nchw);

// Filters as [K][R][S][padded channels].
std::vector<Float16> pack_filters(const Tensor& kcrs, std::int64_t padded_channels);

}  // namespace convroof::cuda
