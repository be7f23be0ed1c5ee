#include "backends/highway/int8_direct.h"

#include <fmt/format.h>

#include "backends/highway/dot_convolution.h"
#include "backends/highway/narrow_pass.h"

namespace convroof::highway {
namespace {

Support supports(const Case& c) {
  if (c.type != DataType::s8) return Support::no(fmt::format("`int8-direct` computes s8, not {}", name_of(c.type)));
  return c.layer.has_weights() ? dot_convolution_supports(c) : narrow_pass_supports(c);
}

std::unique_ptr<Kernel> prepare(const Case& c, const Operands& operands) {
  return c.layer.has_weights() ? make_dot_convolution(c, operands) : make_narrow_pass(c, operands);
}

}  // namespace

Algorithm int8_direct_algorithm() {
  return {
      .variant = {.name = "int8-direct", .summary = "u8 x s8 -> s32, exact: convolution and fully connected by dot products in register tiles; other layers"},
      .supports = supports,
      .prepare = prepare};
}

}  // namespace convroof::highway
