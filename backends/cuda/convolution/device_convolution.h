// A convolution or fully connected layer on the device: filters packed and uploaded, tables made, tile and split chosen. Where its activations lie is told
// later.
#pragma once

#include <cuda_runtime_api.h>

#include <map>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/cuda/convolution/geometry.h"
#include "backends/cuda/device/device_memory.h"
#include "backends/cuda/kernels/tensor_map.h"

namespace convroof::cuda {

class DeviceConvolution {
 public:
  // `weights` KCRS and `bias` K as in Operands. Throws std::invalid_argument (weights that are not 2:4), std::runtime_error (memory) or CudaError.
  DeviceConvolution(KernelClass kind, const Case& c, const Tensor& weights, const Tensor& bias, int multiprocessors);

  const Geometry& geometry() const { return geometry_; }
  std::size_t partial_bytes() const { return partial_bytes_; }  // scratch for a split reduction; 0: none
  std::size_t weight_bytes() const { return weights_.bytes() + selection_.bytes() + bias_.bytes() + taps_.bytes(); }
  double kept_share() const { return kept_share_; }  // of the weights; 1 where they are dense

  // Device addresses, in the layouts of geometry(). Needed before enqueue(); they stay the caller's.
  void bind(const void* input, void* output, void* partial);
  void enqueue(cudaStream_t stream) const;

  // "tile", "splits", "channels_a_copy", "padded_reduction", for wgmma "pixels_copied_by".
  std::map<std::string, std::string> facts() const;

 private:
  std::vector<Tile> tiles() const;

  const KernelClass kind_;
  const Case case_;
  const int multiprocessors_;
  Geometry geometry_;
  bool gathers_;  // the pixels, by threads instead of the copy engine
  TileChoice choice_;
  double kept_share_ = 1.0;
  std::size_t partial_bytes_ = 0;
  DeviceMemory weights_, selection_, bias_, taps_;
  gpu::WgmmaMaps maps_{};
  gpu::ConvolutionShape shape_{};
};

}  // namespace convroof::cuda
