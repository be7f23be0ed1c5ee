// The variants of this backend, whether or not the library is here.
#pragma once

#include <vector>

#include "backends/backend.h"

namespace convroof::onednn {

inline std::vector<Variant> variants() {
  return {
      {.name = "auto", .summary = "what the library picks by itself", .in_quick = true},
      {.name = "direct", .summary = "the fastest of all its implementations without Winograd, tried at preparation: conv, fc"},
      {.name = "winograd", .summary = "the faster of its Winograd tiles, tried at preparation: 3x3 stride 1 in f32 (oneDNN 2)"},
      {.name = "brgemm", .summary = "forced: batch-reduce GEMM kernels (brgconv, brgconv_1x1, brgemm)", .by_default = false},
      {.name = "jit", .summary = "forced: direct kernels of older generations (jit, jit_1x1)", .by_default = false},
      {.name = "gemm", .summary = "forced: im2col and GEMM", .by_default = false},
      {.name = "matmul", .summary = "forced: a fully connected layer as a matrix product", .by_default = false},
      {.name = "winograd2x2", .summary = "forced: F(2x2,3x3) in f32 (oneDNN 2)", .by_default = false},
      {.name = "winograd4x4", .summary = "forced: F(4x4,3x3) in f32 (oneDNN 2)", .by_default = false},
      {.name = "winograd-rounded",
       .summary = "forced: F(2x2,3x3) in s8, not exact: inputs and transformed weights are rounded (oneDNN 2)",
       .by_default = false},
  };
}

}  // namespace convroof::onednn
