// Layers without weights: one pass over the data. Pooling works on channel blocks, the others on the canonical layout.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace convroof::highway {

std::unique_ptr<Kernel> prepare_pass(const Case& c, const Operands& operands);

}  // namespace convroof::highway
