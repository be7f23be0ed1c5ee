// The table of this backend: one algorithm = one variant = one file that defines an Algorithm and one line in algorithms.cc.
#pragma once

#include <memory>
#include <vector>

#include "backends/backend.h"

namespace convroof::highway {

// One way to compute layers. Everything that must happen once (packing, transformed weights, scratch memory) is in prepare; the kernel's run() allocates
// nothing.
struct Algorithm {
  Variant variant;
  Support (*supports)(const Case& c);
  std::unique_ptr<Kernel> (*prepare)(const Case& c, const Operands& operands);  // only for cases that are supported
  ErrorModel (*error)(const Case& c) = direct_error_model;
};

// In the order of `list variants`.
const std::vector<Algorithm>& algorithms();

}  // namespace convroof::highway
