#include "backends/highway/gemm.h"

#include <fmt/format.h>

#include "backends/highway/tiled_convolution.h"

namespace convroof::highway {
namespace {

Support supports(const Case& c) {
  if (c.type != DataType::f32) return Support::no(fmt::format("`gemm` computes f32; {} has variants of its own", name_of(c.type)));
  if (c.layer.op == Op::fc) return {};
  if (c.layer.op != Op::conv) return Support::no("a layer without weights is no matrix product");
  return {};
}

std::unique_ptr<Kernel> prepare(const Case& c, const Operands& operands) { return prepare_tiled_convolution(c, operands); }

}  // namespace

Algorithm gemm_algorithm() {
  return {.variant = {.name = "gemm", .summary = "f32: fully connected layers and convolutions as matrix products"},
          .supports = supports,
          .prepare = prepare,
          .error = tiled_convolution_error};
}

}  // namespace convroof::highway
