// The variant `sparse-nm`: convolution and fully connected layers whose pruned weights keep N of each M consecutive input channels (2:4, 1:4 ...), f32 and s8.
// It takes any weights, finds out itself how many are kept where, and is right at every density; it gains where filters keep equally many channels.
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

Algorithm sparse_nm_algorithm();

}  // namespace convroof::highway
