// Variant `auto`: tries at `prepare` what could be fastest and keeps the best.
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

Algorithm auto_algorithm();

}  // namespace convroof::highway
