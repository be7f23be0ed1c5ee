// A whole network on the device, layer after layer without the host in between: which kernel computes each layer, how its activations are laid out, and where
// they lie. Pure: the device (or the emulated machine) carries it out.
#pragma once

#include <string>
#include <vector>

#include "backends/cuda/convolution/geometry.h"
#include "backends/cuda/kernels/pointwise_kernels.h"
#include "backends/cuda/network/buffer_plan.h"
#include "workloads/network.h"

namespace convroof::cuda {

// The network's input is activation 0, the output of layer i is activation i + 1.
struct NetworkStep {
  int layer = 0;            // index into network.layers, whose LayerSpec outlives the plan
  std::vector<int> inputs;  // activations
  int output = 0;           // activation
  Geometry geometry;        // convolutions and fully connected layers
  gpu::PlainShape plain{};  // all others; pointers are left null
};

struct NetworkPlan {
  KernelClass kind = KernelClass::mma;
  std::int64_t batch = 1;
  std::vector<NetworkStep> steps;             // in the order of the layers
  std::vector<ActivationLayout> activations;  // of the network's input and of each layer's output
  std::vector<BufferNeed> needs;              // of the same
  BufferPlan buffers;                         // of the same

  std::int64_t bytes_of(int activation) const { return needs[static_cast<std::size_t>(activation)].bytes; }
  std::int64_t all_bytes() const;  // of all activations side by side
};

// One layer as a case. `spec` outlives it.
Case network_case(const LayerSpec& spec, std::int64_t batch);

// Throws std::invalid_argument with the layer and the reason where a network cannot be chained: repeated layers, channels that one layer leaves in another
// padding than the next wants, sizes beyond the kernels' indices. The network outlives the plan.
NetworkPlan plan_network(const Network& network, std::int64_t batch, KernelClass kind);

}  // namespace convroof::cuda
