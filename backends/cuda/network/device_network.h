// A planned network on the device of this process: all weights and activations resident, one run is one pass of all layers in one stream.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <vector>

#include "backends/cuda/convolution/device_convolution.h"
#include "backends/cuda/device/device_kernel.h"
#include "backends/cuda/network/network_plan.h"
#include "backends/cuda/network/network_weights.h"

namespace convroof::cuda {

enum class Placement {
  shared,   // as the plan has it: activations that are never alive together share memory
  separate  // each activation has memory of its own: the same numbers, for checking the plan
};

class DeviceNetwork {
 public:
  // `weights`: one entry a layer. The plan, its network and nothing else must outlive this. Throws std::runtime_error (memory), std::invalid_argument (weights
  // that are not 2:4) or CudaError.
  DeviceNetwork(const Network& network, const NetworkPlan& plan, const std::vector<LayerWeights>& weights, Placement placement, bool replays_graph);
  ~DeviceNetwork();
  DeviceNetwork(const DeviceNetwork&) = delete;
  DeviceNetwork& operator=(const DeviceNetwork&) = delete;

  void set_input(const Tensor& input);  // NCHW
  // Seconds of `times` runs by the device's clock. Returns when the device is done.
  double run(int times);
  // The output of the last layer, NCHW; with separate placement of any layer.
  Tensor output() const { return output_of(static_cast<int>(plan_.steps.size()) - 1); }
  Tensor output_of(int layer) const;

  std::size_t activation_bytes() const { return memory_.bytes(); }
  std::size_t weight_bytes() const;
  std::size_t scratch_bytes() const { return partial_.bytes(); }

 private:
  void enqueue();
  std::uint8_t* address(int activation) const;

  const Network& network_;
  const NetworkPlan& plan_;
  const Placement placement_;
  const bool replays_graph_;
  Stream stream_;
  Event start_, end_;
  std::vector<std::int64_t> offsets_;
  DeviceMemory memory_, partial_;
  std::vector<std::unique_ptr<DeviceConvolution>> convolutions_;  // one entry a step; null for layers without weights
  std::vector<gpu::PlainShape> plain_;                            // one entry a step
  cudaGraphExec_t graph_ = nullptr;
};

}  // namespace convroof::cuda
