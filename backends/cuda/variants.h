// The variants of backend `cuda`, the same whether or not this build can run them.
#pragma once

#include <vector>

#include "backends/backend.h"

namespace convroof::cuda {

inline std::vector<Variant> variants() {
  return {
      {.name = "cudnn", .summary = "cuDNN graph API, the best plan of heuristics A, B and the engine list by timing; FP32 sums", .in_quick = true},
      {.name = "cudnn-heuristic", .summary = "cuDNN graph API, first plan of heuristic mode A; FP32 sums"},
      {.name = "cudnn-f16acc", .summary = "cuDNN graph API, fastest plan that is shown to sum in FP16; not the standard, so only by name", .by_default = false},
      {.name = "half2", .summary = "own kernel: packed FP16 arithmetic of the ordinary cores, 16 products at a time summed in FP16"},
      {.name = "mma", .summary = "own kernel: tensor cores by mma.sync, implicit GEMM, FP32 sums"},
      {.name = "mma-2of4", .summary = "own kernel: mma.sync on weights pruned 2:4 along input channels (needs such a density, as --densities 2:4)"},
      {.name = "cusparselt", .summary = "cuSPARSELt's product with a 2:4 pruned operand, for 1x1 and fully connected layers (needs such a density)"},
      {.name = "wgmma", .summary = "own kernel: Hopper's wgmma with bulk tensor copies, copying and multiplying warps apart; compute capability 9.0"},
      {.name = "wgmma-2of4", .summary = "own kernel: wgmma on weights pruned 2:4 along input channels; compute capability 9.0"},
      {.name = "plain", .summary = "own kernels: pooling, LRN, addition, ReLU, softmax"},
  };
}

}  // namespace convroof::cuda
