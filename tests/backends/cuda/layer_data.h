// Operands of a layer for tests: whole numbers whose sums are exact in FP16 and FP32, of four weights along the channels the second and third zero.
#pragma once

#include <random>

#include "backends/backend.h"

namespace convroof::cuda {

struct LayerData {
  Tensor input, weights, bias, none;
  Operands view() const { return {input, none, weights, bias}; }
};

inline LayerData layer_data(const Case& c) {
  LayerData d{
      Tensor(ElementType::f16, c.input_shape()), Tensor(ElementType::f16, c.weight_shape()), Tensor(ElementType::f32, {c.layer.out_channels, 1, 1, 1}), {}};
  std::mt19937 random(5);
  const auto small = [&] { return static_cast<double>(random() % 3 + 1) * (random() % 2 == 0 ? 1 : -1); };
  for (std::int64_t i = 0; i < d.input.count(); ++i) d.input.set_value(i, small());
  const std::int64_t taps = c.layer.kernel_height * c.layer.kernel_width, channels = c.layer.in_channels_per_group();
  for (std::int64_t i = 0; i < d.weights.count(); ++i) {
    const std::int64_t channel = i / taps % channels % 4;
    d.weights.set_value(i, channel == 1 || channel == 2 ? 0 : small());
  }
  for (std::int64_t i = 0; i < d.bias.count(); ++i) d.bias.set_value(i, small());
  return d;
}

// What `kernel` makes of it, into a poisoned output.
inline Tensor output_of(Kernel& kernel, const Case& c, int times = 1) {
  kernel.poison_output();
  kernel.run(times);
  Tensor output(ElementType::f16, c.output_shape());
  kernel.read_output(output);
  return output;
}

}  // namespace convroof::cuda
