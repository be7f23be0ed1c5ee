// Layers without weights in bf16 and u8: the f32 loops of pass_loops.h between a widening and a narrowing of what they need, piece by piece in the first cache.
#pragma once

#include <memory>

#include "backends/backend.h"

namespace convroof::highway {

Support narrow_pass_supports(const Case& c);
std::unique_ptr<Kernel> make_narrow_pass(const Case& c, const Operands& operands);

}  // namespace convroof::highway
