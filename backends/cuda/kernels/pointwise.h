// Layers and parts of layers that touch each element once, launched from the host.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "workloads/layer.h"

namespace convroof::cuda {

// In place on FP16 data [pixels][channels]: adds a bias per channel (null: none) and applies the activation, in FP32.
void launch_bias_activation(void* data, const float* bias, std::int64_t pixels, std::int64_t channels, Activation activation, cudaStream_t stream);

}  // namespace convroof::cuda
