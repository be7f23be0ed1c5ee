#include "workloads/network.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <bit>
#include <map>

#include "workloads/checked.h"

namespace convroof {
namespace {

std::int64_t bytes(std::int64_t elements, ElementType type) { return checked_product(elements, bytes_per_element(type)); }

// Stored size of `count` elements of which `kept` are non-zero, with one bit an element that says which.
std::int64_t bitmap_bytes(std::int64_t kept, std::int64_t count, ElementType type) { return checked_sum(bytes(kept, type), ceil_div(count, 8)); }

std::int64_t stored_weight_bytes(const LayerSpec& layer, const WeightSparsity& sparsity, ElementType type) {
  const std::int64_t count = weight_count(layer);
  switch (sparsity.pattern) {
    case WeightSparsity::Pattern::dense:
      break;
    case WeightSparsity::Pattern::unstructured:
      return bitmap_bytes(kept_of(sparsity.share, count), count, type);
    case WeightSparsity::Pattern::n_of_m: {
      if (!layer.has_weights()) break;
      const std::int64_t runs = count / layer.in_channels_per_group();  // one run of channels per filter and tap
      const std::int64_t kept = checked_product(runs, kept_by_n_of_m(sparsity.n, sparsity.m, layer.in_channels_per_group()));
      const int index_bits = std::bit_width(static_cast<unsigned>(sparsity.m - 1));  // the place of a kept value among its m
      return checked_sum(bytes(kept, type), ceil_div(checked_product(kept, index_bits), 8));
    }
  }
  return bytes(count, type);
}

}  // namespace

const NetworkLayer* Network::find(std::string_view layer_name) const {
  for (const NetworkLayer& layer : layers)
    if (layer.spec.name == layer_name) return &layer;
  return nullptr;
}

std::string content_hash(const Network& network) {
  std::string text = fmt::format("{} {}x{}x{}\n", network.name, network.input_channels, network.input_height, network.input_width);
  for (const NetworkLayer& layer : network.layers)
    text += fmt::format("{} {} from {} times {}\n", layer.spec.name, canonical_shape(layer.spec), fmt::join(layer.inputs, ","), layer.repeats);
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::vector<int> first_of_same_shape(const Network& network) {
  std::map<std::string, int> seen;
  std::vector<int> first;
  for (std::size_t i = 0; i < network.layers.size(); ++i)
    first.push_back(seen.emplace(canonical_shape(network.layers[i].spec), static_cast<int>(i)).first->second);
  return first;
}

std::int64_t LayerCost::bytes_compulsory() const { return checked_sum(checked_sum(input_bytes, output_bytes), checked_sum(weight_bytes, bias_bytes)); }

double LayerCost::intensity_effective() const {
  const std::int64_t total = bytes_compulsory();
  return total == 0 ? 0.0 : 2.0 * static_cast<double>(macs) / static_cast<double>(total);
}

LayerCost& LayerCost::operator+=(const LayerCost& other) {
  for (auto member : {&LayerCost::macs, &LayerCost::macs_valid, &LayerCost::ops_other, &LayerCost::weights, &LayerCost::biases, &LayerCost::input_bytes,
                      &LayerCost::weight_bytes, &LayerCost::bias_bytes, &LayerCost::output_bytes, &LayerCost::macs_backward_data,
                      &LayerCost::macs_backward_weights, &LayerCost::activation_elements})
    this->*member = checked_sum(this->*member, other.*member);
  return *this;
}

LayerCost LayerCost::times(std::int64_t repeats) const {
  LayerCost result = *this;
  for (auto member : {&LayerCost::macs, &LayerCost::macs_valid, &LayerCost::ops_other, &LayerCost::weights, &LayerCost::biases, &LayerCost::input_bytes,
                      &LayerCost::weight_bytes, &LayerCost::bias_bytes, &LayerCost::output_bytes, &LayerCost::macs_backward_data,
                      &LayerCost::macs_backward_weights, &LayerCost::activation_elements})
    result.*member = checked_product(result.*member, repeats);
  return result;
}

LayerCost cost_of(const LayerSpec& layer, std::int64_t batch, DataType type, const LayerDensity& density, bool is_first) {
  const NumberFormat format = format_of(type);
  LayerCost cost;
  cost.macs = checked_product(batch, macs(layer));
  cost.macs_valid = checked_product(batch, macs_valid(layer));
  cost.ops_other = checked_product(batch, ops_other(layer));
  cost.weights = weight_count(layer);
  cost.biases = bias_count(layer);
  const std::int64_t inputs = checked_product(batch, input_elements(layer));
  cost.input_bytes =
      density.activations == 1.0 ? bytes(inputs, format.activation) : bitmap_bytes(kept_of(density.activations, inputs), inputs, format.activation);
  cost.weight_bytes = stored_weight_bytes(layer, density.weights, format.weight);
  cost.bias_bytes = bytes(cost.biases, format.accumulator);
  cost.output_bytes = bytes(checked_product(batch, output_elements(layer)), format.output);
  // Each weight and each input takes part in as many products backwards as forwards; the first layer's input needs no gradient.
  cost.macs_backward_weights = cost.macs;
  cost.macs_backward_data = is_first ? 0 : cost.macs;
  cost.activation_elements = checked_product(batch, output_elements(layer));
  return cost;
}

}  // namespace convroof
