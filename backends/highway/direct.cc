#include "backends/highway/direct.h"

#include <fmt/format.h>

#include "backends/highway/pass.h"
#include "backends/highway/tiled_convolution.h"

namespace convroof::highway {
namespace {

Support supports(const Case& c) {
  if (c.type != DataType::f32) return Support::no(fmt::format("`direct` computes f32; {} has variants of its own", name_of(c.type)));
  if (c.layer.op == Op::fc) return Support::no("a fully connected layer is a matrix product: see `gemm`");
  return {};
}

std::unique_ptr<Kernel> prepare(const Case& c, const Operands& operands) {
  return c.layer.op == Op::conv ? prepare_tiled_convolution(c, operands) : prepare_pass(c, operands);
}

}  // namespace

Algorithm direct_algorithm() {
  return {.variant =
              {
                  .name = "direct",
                  .summary = "f32: convolution by register tiles over 16-channel blocks; pooling, LRN, addition, ReLU, softmax",
              },
          .supports = supports,
          .prepare = prepare,
          .error = tiled_convolution_error};
}

}  // namespace convroof::highway
