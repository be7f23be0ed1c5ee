// Small random layers, data and arrays for the emulator's property tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/problem.h"
#include "workloads/layer.h"

namespace convroof::spatial {

// Owns what a Problem points at.
struct Sample {
  LayerSpec layer;
  std::int64_t batch = 1;
  bool relu = false;
  std::vector<std::int16_t> input, weights;
  std::vector<std::int64_t> bias;

  Problem problem() const { return {layer, batch, input, weights, bias, relu}; }
  std::size_t outputs() const { return static_cast<std::size_t>(batch * output_elements(layer)); }
};

class RandomLayers {
 public:
  explicit RandomLayers(std::uint32_t seed) : random_(seed) {}

  std::int64_t between(std::int64_t low, std::int64_t high) { return std::uniform_int_distribution<std::int64_t>(low, high)(random_); }
  bool one_in(std::int64_t n) { return between(1, n) == 1; }

  // Padding, stride, dilation, groups, batch, fully connected, extents that divide nothing. `reach`: magnitude of the data; `zeros`: one in so many.
  Sample layer(std::int64_t reach, std::int64_t zeros = 3) {
    Sample s;
    LayerSpec& l = s.layer;
    for (;;) {
      l = {};
      l.name = "random";
      l.groups = one_in(3) ? between(2, 3) : 1;
      l.in_channels = l.groups * between(1, 5), l.out_channels = l.groups * between(1, 7);
      l.in_height = between(1, 9), l.in_width = between(1, 9);
      l.kernel_height = between(1, 4), l.kernel_width = between(1, 4);
      l.stride_height = between(1, 3), l.stride_width = between(1, 3);
      if (one_in(3)) l.dilation_height = between(1, 3), l.dilation_width = between(1, 3);
      l.pad_top = between(0, 3), l.pad_left = between(0, 3), l.pad_bottom = between(0, 3), l.pad_right = between(0, 3);
      if (one_in(5)) {
        l.op = Op::fc, l.groups = 1, l.stride_height = l.stride_width = l.dilation_height = l.dilation_width = 1;
        l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = 0;
        l.kernel_height = l.in_height, l.kernel_width = l.in_width;
      }
      l.has_bias = one_in(2);
      try {
        l.out_height = output_extent(l.in_height, l.kernel_height, l.stride_height, l.dilation_height, l.pad_top, l.pad_bottom);
        l.out_width = output_extent(l.in_width, l.kernel_width, l.stride_width, l.dilation_width, l.pad_left, l.pad_right);
        validate(l);
        break;
      } catch (const std::invalid_argument&) {
      }
    }
    s.batch = one_in(3) ? between(2, 3) : 1;
    s.relu = one_in(2);
    s.input = values(s.batch * input_elements(l), reach, zeros), s.weights = values(weight_count(l), reach, zeros);
    if (l.has_bias)
      for (std::int64_t m = 0; m < l.out_channels; ++m) s.bias.push_back(between(-1000, 1000));
    return s;
  }

  std::vector<std::int16_t> values(std::int64_t count, std::int64_t reach, std::int64_t zeros) {
    std::vector<std::int16_t> v(static_cast<std::size_t>(count));
    for (auto& x : v) x = one_in(zeros) ? std::int16_t{0} : static_cast<std::int16_t>(std::max<std::int64_t>(between(-reach, reach), -32768));
    return v;
  }

 private:
  std::mt19937 random_;
};

// Seven loops: the output that everything else must equal.
inline std::vector<std::int64_t> plain_convolution(const Problem& p) {
  const LayerSpec& l = p.layer;
  std::vector<std::int64_t> output;
  for (std::int64_t n = 0; n < p.batch; ++n)
    for (std::int64_t k = 0; k < l.out_channels; ++k)
      for (std::int64_t y = 0; y < l.out_height; ++y)
        for (std::int64_t x = 0; x < l.out_width; ++x) {
          std::int64_t sum = p.bias.empty() ? 0 : p.bias[static_cast<std::size_t>(k)];
          for (std::int64_t c = 0; c < l.in_channels_per_group(); ++c)
            for (std::int64_t r = 0; r < l.kernel_height; ++r)
              for (std::int64_t s = 0; s < l.kernel_width; ++s) {
                const std::int64_t i = y * l.stride_height + r * l.dilation_height - l.pad_top, j = x * l.stride_width + s * l.dilation_width - l.pad_left;
                if (i < 0 || i >= l.in_height || j < 0 || j >= l.in_width) continue;
                const std::int64_t channel = k / l.out_channels_per_group() * l.in_channels_per_group() + c;
                sum += std::int64_t{p.input[static_cast<std::size_t>(((n * l.in_channels + channel) * l.in_height + i) * l.in_width + j)]} *
                       p.weights[static_cast<std::size_t>(((k * l.in_channels_per_group() + c) * l.kernel_height + r) * l.kernel_width + s)];
              }
          output.push_back(p.relu ? std::max<std::int64_t>(sum, 0) : sum);
        }
  return output;
}

}  // namespace convroof::spatial
