// The variants of backend `cuda`, the same whether or not this build can run them.
#pragma once

#include <vector>

#include "backends/backend.h"

namespace convroof::cuda {

inline std::vector<Variant> variants() {
  return {
      {.name = "cudnn", .summary = "cuDNN graph API, the best plan of heuristics A, B and the engine list by timing; FP32 accumulation", .in_quick = true},
      {.name = "cudnn-heuristic", .summary = "cuDNN graph API, first plan of heuristic mode A; FP32 accumulation"},
  };
}

}  // namespace convroof::cuda
