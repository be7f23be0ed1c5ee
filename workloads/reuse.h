// How often an operand of a layer could be used again, and what main memory would see with all of that reuse or none of it. Depends on shapes alone.
// Terms and bounds of Sze, Chen, Yang and Emer: Efficient Processing of Deep Neural Networks, Proc. IEEE 105(12), 2017.
//
// Dense layers; padding counts, as in `macs`. Only conv and fc layers reuse: all numbers are 0 for the others.
#pragma once

#include <cstdint>

#include "workloads/layer.h"
#include "workloads/network.h"

namespace convroof {

struct LayerReuse {
  std::int64_t convolutional_weight = 0;  // output pixels of an image: a weight slides over all of them; 1 for fc
  double convolutional_input = 0;         // windows of one filter that an input lies under, on average; below 1 where strides pass over inputs
  std::int64_t feature_map = 0;           // filters that use the same input: those of a group
  std::int64_t filter = 0;                // images that use the same weight: the batch
  // Both kinds together: MACs a weight or an input takes part in, and products that add up to one output.
  std::int64_t uses_of_weight = 0;  // convolutional_weight * filter
  double uses_of_input = 0;         // convolutional_input * feature_map
  std::int64_t sums = 0;            // K
  // Words of main memory for the layer by itself, all images.
  std::int64_t accesses_no_reuse = 0;    // 4 a MAC: two operands and the partial sum read, the sum written
  std::int64_t accesses_full_reuse = 0;  // each weight, input and output once
};

// Throws std::overflow_error.
LayerReuse reuse_of(const LayerSpec& layer, std::int64_t batch);

// Of the whole network, repeats included.
struct ReuseBounds {
  std::int64_t no_reuse = 0;    // 4 a MAC
  std::int64_t full_reuse = 0;  // each weight once, and per image the network's input and its last layer's output; all between stays on the chip
};
ReuseBounds reuse_bounds(const Network& network, std::int64_t batch);

}  // namespace convroof
