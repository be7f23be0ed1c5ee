// Kernels that touch each element once. One element a thread and step: they are bound by memory, and neighbouring lanes read neighbouring elements.
#pragma once

#include "backends/cuda/kernels/convolution_shape.h"
#include "backends/cuda/kernels/machine.h"

namespace convroof::gpu {

constexpr int kPointwiseThreads = 256;

template <int = 0>  // a template, so that several files may include it
CONVROOF_KERNEL bias_activation(std::uint16_t* data, const float* bias, std::int64_t count, std::int64_t channels, Function function) {
  const std::int64_t stride = static_cast<std::int64_t>(grid_x()) * kPointwiseThreads;
  for (std::int64_t i = static_cast<std::int64_t>(block_x()) * kPointwiseThreads + thread_x(); i < count; i += stride)
    data[i] = half_bits(finish(low_float(data[i]), bias != nullptr ? bias[i % channels] : 0.0f, function));
}

}  // namespace convroof::gpu
