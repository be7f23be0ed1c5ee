#include "harness/inputs.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

#include "harness/counter_random.h"
#include "harness/pruning.h"
#include "harness/whole_numbers.h"

namespace convroof {
namespace {

// |z| of a standard normal as a function of a 31-bit rank: the quantile function on 2048 segments, linear between. The last segment would reach to
// infinity; it ends where a quarter of its share lies beyond.
class HalfNormal {
 public:
  HalfNormal() {
    double z = 0;
    for (std::size_t i = 0; i <= kSegments; ++i) {
      const double share = i < kSegments ? static_cast<double>(i) / kSegments : 1.0 - 0.25 / kSegments;
      // Newton's method on erf(z / sqrt 2) = share, from the previous point.
      for (int step = 0; step < 60; ++step) {
        const double error = std::erf(z / std::sqrt(2.0)) - share;
        z -= error / (std::sqrt(2.0 / 3.14159265358979323846) * std::exp(-z * z / 2));
        if (std::abs(error) < 1e-15) break;
      }
      z_[i] = static_cast<float>(z);
    }
  }
  float operator()(std::uint32_t rank) const {
    const std::size_t segment = rank >> 20;
    const float within = static_cast<float>(rank & 0xfffffu) * 0x1p-20f;
    return z_[segment] + within * (z_[segment + 1] - z_[segment]);
  }

 private:
  static constexpr std::size_t kSegments = 2048;
  std::array<float, kSegments + 1> z_{};
};

// How the elements of one tensor are made.
struct Recipe {
  Data data = Data::normal;
  float scale = 1;                // normal: standard deviation
  int largest = 1;                // integers: magnitudes 1 .. largest
  bool is_signed = true;          // false: magnitudes only (u8)
  std::uint64_t key = 0;          // stream of values
  std::uint64_t pruning_key = 0;  // stream whose ranks decide what stays; equal to `key`: by magnitude
  std::int64_t kept = -1;         // -1: all
};

template <typename T>
T rounded(float value) {
  if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>)
    return T(value);
  else if constexpr (std::is_floating_point_v<T>)
    return static_cast<T>(value);
  else
    return static_cast<T>(std::clamp(std::nearbyint(static_cast<double>(value)),
                                     static_cast<double>(std::max<std::int64_t>(std::numeric_limits<T>::min(), INT32_MIN)),
                                     static_cast<double>(std::min<std::int64_t>(std::numeric_limits<T>::max(), INT32_MAX))));
}

template <typename T>
bool is_zero(T value) {
  if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>)
    return (value.bits & 0x7fff) == 0;
  else
    return value == T{};
}

template <typename T>
T element(const Recipe& recipe, const HalfNormal& half_normal, std::uint32_t bits) {
  const bool negative = recipe.is_signed && is_negative(bits);
  float magnitude = 0, smallest = 1;
  if (recipe.data == Data::integers) {
    magnitude = static_cast<float>(1 + ((static_cast<std::uint64_t>(rank_of(bits)) * static_cast<std::uint64_t>(recipe.largest)) >> 31));
  } else {
    magnitude = half_normal(rank_of(bits)) * recipe.scale;
    if constexpr (!std::is_integral_v<T>) smallest = recipe.scale * 0x1p-10f;
  }
  const T value = rounded<T>(negative ? -magnitude : magnitude);
  return is_zero(value) ? rounded<T>(negative ? -smallest : smallest) : value;  // a dense tensor holds no zero
}

void fill(Tensor& tensor, const Recipe& recipe) {
  static const HalfNormal half_normal;
  const std::int64_t count = tensor.count();
  const bool by_magnitude = recipe.pruning_key == recipe.key;
  const bool pruned = recipe.kept >= 0 && recipe.kept < count;
  const LargestRanks kept = pruned ? LargestRanks(recipe.pruning_key, count, recipe.kept) : LargestRanks::all();
  visit_type(tensor.type(), [&](auto zero) {
    using T = decltype(zero);
    T* const out = tensor.as<T>().data();
    if constexpr (std::is_integral_v<T>)
      if (recipe.data == Data::integers && !pruned) return fill_whole_numbers(out, count, recipe.key, recipe.largest, recipe.is_signed);
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < count; ++i) {
      const std::uint32_t bits = random_bits(recipe.key, i);
      if (pruned && !kept.keeps(rank_of(by_magnitude ? bits : random_bits(recipe.pruning_key, i)), i)) continue;  // memory starts as zero
      out[i] = element<T>(recipe, half_normal, bits);
    }
  });
}

void prune_n_of_m(Tensor& weights, const WeightSparsity& sparsity, std::uint64_t key) {
  const auto [filters, channels, rows, columns] = std::tuple(weights.shape()[0], weights.shape()[1], weights.shape()[2], weights.shape()[3]);
  const std::int64_t taps = rows * columns;
  visit_type(weights.type(), [&, filter_count = filters, channel_count = channels](auto zero) {
    using T = decltype(zero);
    T* const out = weights.as<T>().data();
#pragma omp parallel for schedule(static)
    for (std::int64_t k = 0; k < filter_count; ++k)
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const auto index = [&](std::int64_t c) { return (k * channel_count + c) * taps + tap; };
        drop_by_n_of_m(
            sparsity.n, sparsity.m, channel_count, [&](std::int64_t c) { return rank_of(random_bits(key, index(c))); },
            [&](std::int64_t c) { out[index(c)] = T{}; });
      }
  });
}

std::uint64_t stream_key(const LayerSpec& layer, std::uint64_t seed, std::string_view role) {
  const std::string text = fmt::format("{}|{}|{}", canonical_shape(layer), role, seed);
  return XXH3_64bits(text.data(), text.size());
}

// Largest magnitudes of activations and weights whose sums stay below 2^24, half of which is left to the bias and to spare.
struct Largest {
  int activation = 8, weight = 7;
};
Largest largest_of(const LayerSpec& layer) {
  Largest largest;
  const std::int64_t length = layer.has_weights() ? layer.reduction_length() : 1;
  while (length * largest.activation * largest.weight > (std::int64_t{1} << 23) && (largest.activation > 1 || largest.weight > 1)) {
    if (largest.activation >= largest.weight)
      largest.activation = std::max(1, largest.activation / 2);
    else
      largest.weight = std::max(1, largest.weight / 2);
  }
  return largest;
}

}  // namespace

std::string_view name_of(Data data) { return data == Data::normal ? "normal" : "integers"; }

Data default_data(DataType type) { return is_integer(type) ? Data::integers : Data::normal; }

OperandSet make_operands(const LayerSpec& layer, DataType type, std::int64_t batch, const LayerDensity& density, Data data, std::uint64_t seed,
                         bool byte_weights) {
  const Case c{.layer = layer, .type = type, .batch = batch};
  const NumberFormat format = format_of(type);
  const Largest largest = largest_of(layer);
  const bool whole = is_integer(type);  // normal values of integer types are scaled before they are rounded
  OperandSet set;

  Recipe activation{.data = data, .scale = whole ? 32.0f : 1.0f, .largest = largest.activation, .is_signed = format.activation != ElementType::u8};
  const auto make_activation = [&](std::string_view role) {
    Tensor tensor(format.activation, c.input_shape());
    activation.key = stream_key(layer, seed, role);
    activation.pruning_key = stream_key(layer, seed, fmt::format("{} pruning", role));
    activation.kept = density.activations == 1.0 ? -1 : kept_of(density.activations, tensor.count());
    fill(tensor, activation);
    return tensor;
  };
  set.input = make_activation("input");
  if (layer.op == Op::add) set.addend = make_activation("addend");
  if (!layer.has_weights()) return set;

  const bool in_bytes = byte_weights && type == DataType::s16 && data == Data::integers;
  set.weights = Tensor(in_bytes ? ElementType::s8 : format.weight, c.weight_shape());
  Recipe weight{.data = data,
                .scale = whole ? 16.0f : static_cast<float>(1.0 / std::sqrt(static_cast<double>(layer.reduction_length()))),
                .largest = largest.weight,
                .key = stream_key(layer, seed, "weights")};
  weight.pruning_key = weight.key;
  if (density.weights.pattern == WeightSparsity::Pattern::unstructured) weight.kept = kept_of(density.weights.share, set.weights.count());
  fill(set.weights, weight);
  if (density.weights.pattern == WeightSparsity::Pattern::n_of_m) prune_n_of_m(set.weights, density.weights, weight.key);

  if (layer.has_bias) {
    set.bias = Tensor(format.accumulator, {layer.out_channels, 1, 1, 1});
    fill(set.bias, {.data = data, .scale = whole ? 256.0f : 0.25f, .largest = 64, .key = stream_key(layer, seed, "bias"), .pruning_key = 0});
    // Vendor libraries take the bias of an FP16 layer as FP16: values that FP16 holds are the same numbers for everybody.
    if (type == DataType::f16)
      for (float& value : set.bias.as<float>()) value = static_cast<float>(Float16(value));
  }
  return set;
}

}  // namespace convroof
