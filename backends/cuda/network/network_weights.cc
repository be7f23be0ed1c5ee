#include "backends/cuda/network/network_weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

namespace convroof::cuda {
namespace {

void prune_two_of_four(Tensor& weights) {
  const auto [filters, channels, rows, columns] = weights.shape();
  const std::int64_t taps = rows * columns;
  for (std::int64_t k = 0; k < filters; ++k)
    for (std::int64_t tap = 0; tap < taps; ++tap)
      for (std::int64_t first = 0; first < channels; first += 4) {
        const std::int64_t count = std::min<std::int64_t>(4, channels - first);
        std::array<std::int64_t, 4> at{};
        for (std::int64_t i = 0; i < count; ++i) at[static_cast<std::size_t>(i)] = (k * channels + first + i) * taps + tap;
        std::sort(at.begin(), at.begin() + count, [&](std::int64_t a, std::int64_t b) { return std::abs(weights.value(a)) > std::abs(weights.value(b)); });
        for (std::int64_t i = 2; i < count; ++i) weights.set_value(at[static_cast<std::size_t>(i)], 0);
      }
}

}  // namespace

std::vector<LayerWeights> seeded_weights(const Network& network, KernelClass kind, std::uint64_t seed) {
  std::vector<LayerWeights> all;
  for (const NetworkLayer& layer : network.layers) {
    const LayerSpec& spec = layer.spec;
    LayerWeights own;
    if (spec.has_weights()) {
      std::mt19937_64 random(seed + all.size());
      std::normal_distribution<double> normal(0, std::sqrt(2.0 / static_cast<double>(spec.reduction_length())));
      own.weights = Tensor(ElementType::f16, {spec.out_channels, spec.in_channels_per_group(), spec.kernel_height, spec.kernel_width});
      for (std::int64_t i = 0; i < own.weights.count(); ++i) own.weights.set_value(i, normal(random));
      if (is_sparse(kind)) prune_two_of_four(own.weights);
      if (spec.has_bias) {
        own.bias = Tensor(ElementType::f32, {spec.out_channels, 1, 1, 1});
        for (std::int64_t i = 0; i < own.bias.count(); ++i) own.bias.set_value(i, normal(random));
      }
    }
    all.push_back(std::move(own));
  }
  return all;
}

Tensor seeded_input(const Network& network, std::int64_t batch, std::uint64_t seed) {
  Tensor input(ElementType::f16, {batch, network.input_channels, network.input_height, network.input_width});
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  for (std::int64_t i = 0; i < input.count(); ++i) input.set_value(i, normal(random));
  return input;
}

}  // namespace convroof::cuda
