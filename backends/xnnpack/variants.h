// The variants of this backend, whether or not the library is here.
#pragma once

#include <vector>

#include "backends/backend.h"

namespace convroof::xnnpack {

// Not part of a quick run's default: that one compares with the strongest opponent, oneDNN. `run --quick --backends xnnpack` measures it.
inline std::vector<Variant> variants() {
  return {
      {.name = "auto", .summary = "the library's dense operator, channels last: conv, fc, pooling, add, relu"},
      {.name = "sparse", .summary = "its sparse-times-dense product, channels first: 1x1 stride 1 on pruned weights"},
  };
}

}  // namespace convroof::xnnpack
