// One element of a layer's output by plain loops in double: the check on the checker. harness/expected is fast and so could be wrong; a few of its
// elements are compared with these in every case.
#pragma once

#include "backends/backend.h"

namespace convroof {

double plain_element(const Case& c, const Operands& operands, std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x);

double activated(double value, Activation activation);

}  // namespace convroof
