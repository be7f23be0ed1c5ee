// The epilogue that does not fit into registers of a tile: sigmoid and tanh, applied to a piece of output while it is still in the cache.
#pragma once

#include <cstdint>

#include "workloads/layer.h"

namespace convroof::highway {

void activate(Activation activation, float* values, std::int64_t count);

}  // namespace convroof::highway
