// The device's roofs, measured.
#pragma once

#include <vector>

#include "backends/backend.h"

namespace convroof::cuda {

// FP16: tensor cores (the best instruction that the device has under the name `tensor`, the others beside it), 2:4, packed FP16.
std::vector<Ceiling> measured_compute_roofs();
// HBM (or whatever the device's memory is) read, write, copy; level-two read.
std::vector<Ceiling> measured_bandwidth_roofs();

// Datasheet arithmetic, 0 where unknown: dense FP16 operations a second with FP32 sums on tensor cores, and of packed FP16 on the ordinary cores.
double theoretical_tensor_rate(int compute_capability, int multiprocessors, double clock_hz);
double theoretical_half2_rate(int compute_capability, int multiprocessors, double clock_hz);

}  // namespace convroof::cuda
