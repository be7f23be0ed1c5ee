// Variant `direct`: no transformation of the data. Convolutions by tiles held in registers, and the layers without weights, each as one pass.
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

Algorithm direct_algorithm();

}  // namespace convroof::highway
