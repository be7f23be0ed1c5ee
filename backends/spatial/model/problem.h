// One layer with its numbers, as both engines see it.
#pragma once

#include <cstdint>
#include <span>

#include "backends/spatial/model/weights.h"
#include "workloads/layer.h"

namespace convroof::spatial {

struct Problem {
  const LayerSpec& layer;  // conv or fc
  std::int64_t batch = 1;
  std::span<const std::int16_t> input;  // NCHW
  Weights weights;                      // KCRS
  std::span<const std::int64_t> bias;   // K; empty: none
  bool relu = false;

  // The same layer as `groups` matrix products: outputs(n, m) = sum over k of inputs(n, k) * weights(k, m).
  std::int64_t pixels() const { return layer.out_height * layer.out_width; }
  std::int64_t n() const { return pixels() * batch; }
  std::int64_t k() const { return layer.in_channels_per_group() * layer.kernel_height * layer.kernel_width; }
  std::int64_t m() const { return layer.out_channels / layer.groups; }

  // Where (n, k) of a group lies in `input`; -1: on padding. k counts channel, filter row, filter column; n counts image, output row, output column.
  std::int64_t input_index(std::int64_t group, std::int64_t n, std::int64_t k) const {
    const std::int64_t taps = layer.kernel_height * layer.kernel_width;
    const std::int64_t channel = k / taps, tap = k % taps, image = n / pixels(), pixel = n % pixels();
    const std::int64_t y = pixel / layer.out_width * layer.stride_height + tap / layer.kernel_width * layer.dilation_height - layer.pad_top;
    const std::int64_t x = pixel % layer.out_width * layer.stride_width + tap % layer.kernel_width * layer.dilation_width - layer.pad_left;
    if (y < 0 || y >= layer.in_height || x < 0 || x >= layer.in_width) return -1;
    return ((image * layer.in_channels + group * layer.in_channels_per_group() + channel) * layer.in_height + y) * layer.in_width + x;
  }
  std::int64_t weight_index(std::int64_t group, std::int64_t k_, std::int64_t m_) const { return (group * m() + m_) * k() + k_; }
  std::int64_t output_index(std::int64_t group, std::int64_t n_, std::int64_t m_) const {
    return (n_ / pixels() * layer.out_channels + group * m() + m_) * pixels() + n_ % pixels();
  }
  // What follows the sum of a filter.
  std::int64_t finished(std::int64_t group, std::int64_t m_, std::int64_t sum) const {
    if (!bias.empty()) sum += bias[static_cast<std::size_t>(group * m() + m_)];
    return relu && sum < 0 ? 0 : sum;
  }
};

}  // namespace convroof::spatial
