// What a layer's output is, computed once more and apart from every backend: doubles, plain loops, and the exact sum of absolute products behind each
// output, so that the conformance tests judge the reference backend like any other.
#pragma once

#include <vector>

#include "backends/backend.h"

namespace convroof::testing_support {

struct PlainResult {
  std::vector<double> expected;   // before rounding to the output type
  std::vector<double> magnitude;  // sum of |products| and |bias|; |expected| or the largest candidate for ops without products
};

PlainResult plain_layer(const Case& c, const Operands& operands);

}  // namespace convroof::testing_support
