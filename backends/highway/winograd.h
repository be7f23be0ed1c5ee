// Variants `winograd...`: convolutions of stride 1 with fewer multiplications (Lavin and Gray 2016, after Winograd 1980 and Toom-Cook), fused per block of
// tiles: a block is transformed, multiplied and transformed back before the next begins, so that its intermediates never leave the caches.
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

Algorithm winograd2x2_algorithm();
Algorithm winograd3x3_algorithm();
Algorithm winograd4x4_algorithm();
Algorithm winograd6x6_algorithm();
Algorithm winograd2x2_5x5_algorithm();
Algorithm winograd4x4_5x5_algorithm();

}  // namespace convroof::highway
