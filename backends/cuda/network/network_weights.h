// Seeded weights for a whole network, so that activations neither vanish nor overflow FP16 on their way through it.
#pragma once

#include <vector>

#include "backends/cuda/convolution/geometry.h"
#include "backends/tensor.h"
#include "workloads/network.h"

namespace convroof::cuda {

struct LayerWeights {
  Tensor weights, bias;  // f16 KCRS and f32 K; without elements where the layer has none
};

// One entry a layer. Normal, of variance 2 / K with K products a sum (He et al. 2015, arXiv 1502.01852); 2:4 classes get the two smaller of four consecutive
// channels set to zero. `seed` and the layer's place decide the values.
std::vector<LayerWeights> seeded_weights(const Network& network, KernelClass kind, std::uint64_t seed);
// Normal activations of variance 1, NCHW, f16.
Tensor seeded_input(const Network& network, std::int64_t batch, std::uint64_t seed);

}  // namespace convroof::cuda
