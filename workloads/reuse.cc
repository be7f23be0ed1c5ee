#include "workloads/reuse.h"

#include "workloads/checked.h"

namespace convroof {

LayerReuse reuse_of(const LayerSpec& l, std::int64_t batch) {
  LayerReuse r;
  if (!l.has_weights()) return r;
  r.convolutional_weight = checked_product(l.out_height, l.out_width);
  // Taps that meet an input, of one filter: macs_valid counts them for every filter and channel.
  const std::int64_t inputs = input_elements(l), weights = weight_count(l);
  r.feature_map = l.out_channels_per_group();
  r.convolutional_input = static_cast<double>(macs_valid(l) / r.feature_map) / static_cast<double>(inputs);
  r.filter = batch;
  r.uses_of_weight = checked_product(r.convolutional_weight, batch);
  r.uses_of_input = static_cast<double>(macs_valid(l)) / static_cast<double>(inputs);
  r.sums = l.reduction_length();
  r.accesses_no_reuse = checked_product({4, macs(l), batch});
  r.accesses_full_reuse = checked_sum(weights, checked_product(checked_sum(inputs, output_elements(l)), batch));
  return r;
}

ReuseBounds reuse_bounds(const Network& network, std::int64_t batch) {
  ReuseBounds bounds;
  for (const NetworkLayer& layer : network.layers) {
    bounds.no_reuse = checked_sum(bounds.no_reuse, checked_product({4, macs(layer.spec), layer.repeats, batch}));
    bounds.full_reuse = checked_sum(bounds.full_reuse, checked_product(weight_count(layer.spec), layer.repeats));
  }
  const std::int64_t image = checked_product({network.input_channels, network.input_height, network.input_width});
  const std::int64_t result = network.layers.empty() ? 0 : output_elements(network.layers.back().spec);
  bounds.full_reuse = checked_sum(bounds.full_reuse, checked_product(checked_sum(image, result), batch));
  return bounds;
}

}  // namespace convroof
