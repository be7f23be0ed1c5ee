#include "harness/inputs.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <set>
#include <tuple>

#include "tests/harness/shapes.h"
#include "workloads/network_file.h"

namespace convroof {
namespace {

using testing_support::convolution;
using testing_support::fully_connected;

std::int64_t nonzero(const Tensor& tensor) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < tensor.count(); ++i) count += tensor.value(i) != 0;
  return count;
}

bool equal(const Tensor& a, const Tensor& b) {
  if (a.type() != b.type() || a.shape() != b.shape()) return false;
  for (std::int64_t i = 0; i < a.count(); ++i)
    if (a.value(i) != b.value(i)) return false;
  return true;
}

LayerDensity unstructured(double weights, double activations) { return {{WeightSparsity::Pattern::unstructured, weights, 0, 0}, activations}; }

TEST(Inputs, dense_tensors_hold_no_zero_in_any_type) {
  for (const DataType type : all_data_types())
    for (const Data data : {Data::normal, Data::integers}) {
      const OperandSet set = make_operands(convolution(64, 15, 64, 3, 1, 1), type, 2, {}, data, 1);
      EXPECT_EQ(nonzero(set.input), set.input.count()) << name_of(type);
      EXPECT_EQ(nonzero(set.weights), set.weights.count()) << name_of(type);
      EXPECT_EQ(nonzero(set.bias), set.bias.count()) << name_of(type);
    }
}

// Types of whole numbers are filled many at a time, the others one by one.
TEST(Inputs, whole_numbers_are_the_same_in_every_type) {
  for (const LayerSpec& layer : {convolution(13, 9, 11, 3), convolution(64, 64, 300, 3, 1, 1), convolution(3, 7, 2, 1)}) {
    const OperandSet f32 = make_operands(layer, DataType::f32, 3, {}, Data::integers, 9), s16 = make_operands(layer, DataType::s16, 3, {}, Data::integers, 9),
                     s8 = make_operands(layer, DataType::s8, 3, {}, Data::integers, 9);
    for (std::int64_t i = 0; i < f32.input.count(); ++i) {
      ASSERT_EQ(s16.input.value(i), f32.input.value(i)) << i;
      ASSERT_EQ(s8.input.value(i), std::abs(f32.input.value(i))) << i;
    }
    for (std::int64_t i = 0; i < f32.weights.count(); ++i) {
      ASSERT_EQ(s16.weights.value(i), f32.weights.value(i)) << i;
      ASSERT_EQ(s8.weights.value(i), f32.weights.value(i)) << i;
    }
    for (std::int64_t i = 0; i < f32.bias.count(); ++i) ASSERT_EQ(s16.bias.value(i), f32.bias.value(i)) << i;
  }
}

TEST(Inputs, weights_in_bytes_are_the_same_numbers) {
  const LayerSpec layer = convolution(13, 9, 11, 3);
  for (const LayerDensity& density : {LayerDensity{}, unstructured(0.3, 0.5), LayerDensity{{WeightSparsity::Pattern::n_of_m, 0.5, 2, 4}, 1.0}}) {
    const OperandSet words = make_operands(layer, DataType::s16, 1, density, Data::integers, 1),
                     bytes = make_operands(layer, DataType::s16, 1, density, Data::integers, 1, true);
    ASSERT_EQ(words.weights.type(), ElementType::s16);
    ASSERT_EQ(bytes.weights.type(), ElementType::s8);
    for (std::int64_t i = 0; i < words.weights.count(); ++i) ASSERT_EQ(bytes.weights.value(i), words.weights.value(i)) << i;
  }
  EXPECT_EQ(make_operands(layer, DataType::s16, 1, {}, Data::normal, 1, true).weights.type(), ElementType::s16) << "their tails do not fit a byte";
}

TEST(Inputs, pruning_keeps_the_exact_number) {
  const LayerSpec layer = convolution(13, 9, 11, 3);
  for (const DataType type : all_data_types())
    for (const auto& [w, a] : {std::pair{0.1, 0.5}, {0.37, 0.9999}, {0.0, 1.0}, {1.0, 0.0}}) {
      const OperandSet set = make_operands(layer, type, 3, unstructured(w, a), default_data(type), 1);
      EXPECT_EQ(nonzero(set.weights), kept_of(w, set.weights.count()));
      EXPECT_EQ(nonzero(set.input), kept_of(a, set.input.count()));
    }
}

TEST(Inputs, weights_that_stay_are_the_largest_and_keep_their_values) {
  const LayerSpec layer = convolution(13, 9, 11, 3);
  const OperandSet dense = make_operands(layer, DataType::f32, 1, {}, Data::normal, 1),
                   sparse = make_operands(layer, DataType::f32, 1, unstructured(0.3, 0.4), Data::normal, 1);
  double smallest_kept = 1e9, largest_dropped = 0;
  for (std::int64_t i = 0; i < dense.weights.count(); ++i) {
    if (sparse.weights.value(i) != 0) {
      EXPECT_EQ(sparse.weights.value(i), dense.weights.value(i));
      smallest_kept = std::min(smallest_kept, std::abs(dense.weights.value(i)));
    } else {
      largest_dropped = std::max(largest_dropped, std::abs(dense.weights.value(i)));
    }
  }
  EXPECT_GE(smallest_kept, largest_dropped);
  for (std::int64_t i = 0; i < dense.input.count(); ++i)
    if (sparse.input.value(i) != 0) {
      EXPECT_EQ(sparse.input.value(i), dense.input.value(i));
    }
}

TEST(Inputs, the_same_weights_stay_in_every_type) {
  // By magnitude before quantizing: small integers have many equal magnitudes, and still the mask is that of f32.
  const LayerSpec layer = convolution(13, 9, 11, 3);
  const OperandSet f32 = make_operands(layer, DataType::f32, 1, unstructured(0.3, 1), Data::normal, 1);
  for (const DataType type : {DataType::s8, DataType::s16, DataType::f16}) {
    const OperandSet other = make_operands(layer, type, 1, unstructured(0.3, 1), default_data(type), 1);
    for (std::int64_t i = 0; i < f32.weights.count(); ++i) ASSERT_EQ(f32.weights.value(i) != 0, other.weights.value(i) != 0) << name_of(type) << " " << i;
  }
}

TEST(Inputs, n_of_m_holds_at_every_filter_and_tap) {
  const LayerSpec layer = convolution(10, 9, 5, 3);
  LayerDensity density;
  density.weights = {WeightSparsity::Pattern::n_of_m, 0.5, 2, 4};
  const OperandSet set = make_operands(layer, DataType::f32, 1, density, Data::normal, 1);
  for (std::int64_t k = 0; k < 5; ++k)
    for (std::int64_t tap = 0; tap < 9; ++tap)
      for (std::int64_t first = 0; first < 10; first += 4) {
        int kept = 0;
        for (std::int64_t c = first; c < std::min<std::int64_t>(first + 4, 10); ++c) kept += set.weights.value((k * 10 + c) * 9 + tap) != 0;
        EXPECT_EQ(kept, 2);
      }
}

TEST(Inputs, the_first_image_of_a_batch_is_the_only_image_of_one) {
  const LayerSpec layer = convolution(3, 7, 4, 3);
  const OperandSet one = make_operands(layer, DataType::f32, 1, {}, Data::normal, 1), many = make_operands(layer, DataType::f32, 5, {}, Data::normal, 1);
  for (std::int64_t i = 0; i < one.input.count(); ++i) EXPECT_EQ(one.input.value(i), many.input.value(i));
  EXPECT_TRUE(equal(one.weights, many.weights));
}

TEST(Inputs, depend_on_the_seed_and_not_on_the_threads) {
  const LayerSpec layer = convolution(30, 21, 40, 3);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const OperandSet alone = make_operands(layer, DataType::f16, 2, unstructured(0.2, 0.3), Data::normal, 1);
  omp_set_num_threads(7);
  const OperandSet together = make_operands(layer, DataType::f16, 2, unstructured(0.2, 0.3), Data::normal, 1);
  omp_set_num_threads(threads);
  EXPECT_TRUE(equal(alone.input, together.input));
  EXPECT_TRUE(equal(alone.weights, together.weights));
  EXPECT_FALSE(equal(alone.weights, make_operands(layer, DataType::f16, 2, unstructured(0.2, 0.3), Data::normal, 2).weights));
}

TEST(Inputs, normal_data_have_the_moments_of_a_normal_distribution) {
  const OperandSet set = make_operands(convolution(100, 98, 64, 3), DataType::f32, 1, {}, Data::normal, 1);
  const auto moments = [](const Tensor& tensor, double scale) {
    double mean = 0, square = 0, fourth = 0;
    const auto count = static_cast<double>(tensor.count());
    for (std::int64_t i = 0; i < tensor.count(); ++i) {
      const double z = tensor.value(i) / scale;
      mean += z / count, square += z * z / count, fourth += z * z * z * z / count;
    }
    return std::tuple(mean, square, fourth);
  };
  const auto [mean, variance, fourth] = moments(set.input, 1.0);  // 980,000 values: the mean's own deviation is 0.001
  EXPECT_NEAR(mean, 0, 0.006);
  EXPECT_NEAR(variance, 1, 0.01);
  EXPECT_NEAR(fourth, 3, 0.06);
  const auto [weight_mean, weight_variance, weight_fourth] = moments(set.weights, 1 / std::sqrt(900.0));
  EXPECT_NEAR(weight_mean, 0, 0.02);
  EXPECT_NEAR(weight_variance, 1, 0.03);
  EXPECT_NEAR(weight_fourth, 3, 0.2);
}

TEST(Inputs, integer_sums_of_every_shipped_layer_stay_exact_in_24_bits) {
  for (const std::string& name : shipped_network_names())
    for (const NetworkLayer& layer : load_network(name).layers) {
      if (!layer.spec.has_weights()) continue;
      LayerSpec slice = layer.spec;  // a corner of the layer with all of its reduction: the ranges depend on that alone
      slice.out_channels = slice.groups;
      slice.in_height = slice.kernel_height, slice.in_width = slice.kernel_width;
      slice.pad_top = slice.pad_left = slice.pad_bottom = slice.pad_right = 0;
      slice.dilation_height = slice.dilation_width = slice.stride_height = slice.stride_width = 1;
      slice.out_height = slice.out_width = 1;
      const OperandSet set = make_operands(slice, DataType::s16, 1, {}, Data::integers, 1);
      double x = 0, w = 0;
      for (std::int64_t i = 0; i < set.input.count(); ++i) x = std::max(x, std::abs(set.input.value(i)));
      for (std::int64_t i = 0; i < set.weights.count(); ++i) w = std::max(w, std::abs(set.weights.value(i)));
      EXPECT_GE(x * w, 6) << name << " " << layer.spec.name;
      EXPECT_LT(x * w * static_cast<double>(layer.spec.reduction_length()) + 64, 16777216.0) << name << " " << layer.spec.name;
    }
}

}  // namespace
}  // namespace convroof
