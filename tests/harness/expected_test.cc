#include "harness/expected.h"

#include <gtest/gtest.h>

#include <cmath>

#include "backends/registry.h"
#include "harness/inputs.h"
#include "harness/plain_element.h"
#include "tests/harness/shapes.h"

namespace convroof {
namespace {

using testing_support::small_layers;

// The reference backend's output, its plain loops rounded to the type.
Tensor plain_output(const Case& c, const OperandSet& operands) {
  Backend* reference = find_backend("reference");
  const Variant plain = reference->variants().front();
  const auto kernel = reference->prepare(plain, c, operands.view());
  kernel->run(1);
  Tensor output(format_of(c.type).output, c.output_shape());
  kernel->read_output(output);
  return output;
}

TEST(Expected, equals_the_reference_backends_plain_loops) {
  Backend* reference = find_backend("reference");
  int compared = 0;
  for (const LayerSpec& layer : small_layers())
    for (const DataType type : all_data_types())
      for (const std::int64_t batch : {1, 2, 9})
        for (const Epilogue epilogue : {Epilogue::layer, Epilogue::bias, Epilogue::none}) {
          const Case c{.layer = layer, .type = type, .batch = batch, .epilogue = epilogue};
          if (!reference->supports(reference->variants().front(), c)) continue;
          const OperandSet operands = make_operands(layer, type, batch, {}, default_data(type), 3);
          const Expected expected(c, operands.view());
          const Tensor plain = plain_output(c, operands);
          Tensor rounded(plain.type(), plain.shape());
          for (std::int64_t i = 0; i < plain.count(); ++i) {
            // Sums in another order may differ in the last bit of a double, and so by one rounding of the type.
            rounded.set_value(i, expected.values()[static_cast<std::size_t>(i)]);
            const double step = is_integer(type) ? 0
                                                 : std::abs(plain.value(i)) * (type == DataType::f32   ? 0x1p-23
                                                                               : type == DataType::f16 ? 0x1p-10
                                                                                                       : 0x1p-7) +
                                                       1e-12;
            ASSERT_LE(std::abs(rounded.value(i) - plain.value(i)), step)
                << canonical_shape(layer) << " " << name_of(type) << " batch " << batch << " element " << i;
          }
          ++compared;
        }
  EXPECT_GT(compared, 500);
}

TEST(Expected, integer_data_are_exact_in_every_type) {
  for (const LayerSpec& layer : small_layers()) {
    if (!layer.has_weights() || layer.activation == Activation::tanh || layer.activation == Activation::sigmoid) continue;
    const Case c{.layer = layer, .type = DataType::f32, .batch = 2};
    const OperandSet operands = make_operands(layer, DataType::f32, 2, {}, Data::integers, 5);
    const Expected expected(c, operands.view());
    const Tensor plain = plain_output(c, operands);
    for (std::int64_t i = 0; i < plain.count(); ++i)
      ASSERT_EQ(expected.values()[static_cast<std::size_t>(i)], plain.value(i)) << canonical_shape(layer) << " " << i;
  }
}

TEST(Expected, magnitude_bounds_the_sum_of_absolute_products) {
  for (const LayerSpec& layer : small_layers()) {
    if (!layer.has_weights()) continue;
    LayerSpec linear = layer;
    linear.activation = Activation::none;
    const Case c{.layer = linear, .type = DataType::f32, .batch = 2};
    OperandSet operands = make_operands(linear, DataType::f32, 2, {}, Data::normal, 7);
    const Expected expected(c, operands.view());
    for (Tensor* tensor : {&operands.input, &operands.weights, &operands.bias})
      for (std::int64_t i = 0; i < tensor->count(); ++i) tensor->set_value(i, std::abs(tensor->value(i)));
    const Expected absolute(c, operands.view());  // sums of |x| |w|, and |b|
    std::vector<double> plane(static_cast<std::size_t>(linear.out_height * linear.out_width));
    for (std::int64_t n = 0; n < 2; ++n)
      for (std::int64_t k = 0; k < linear.out_channels; ++k) {
        expected.magnitudes(n, k, plane);
        for (std::size_t i = 0; i < plane.size(); ++i) {
          const double sum = absolute.values()[static_cast<std::size_t>(n * linear.out_channels + k) * plane.size() + i];
          ASSERT_GE(plane[i] * (1 + 1e-12), sum) << canonical_shape(linear);
          ASSERT_LE(plane[i], 12 * sum) << "a bound this wide would let errors through: " << canonical_shape(linear);
        }
      }
  }
}

// Small integers are added up in floats, larger ones in doubles; neither may round.
TEST(Expected, integers_of_any_size_are_summed_exactly) {
  for (const LayerSpec& layer : small_layers()) {
    if (!layer.has_weights()) continue;
    LayerSpec linear = layer;
    linear.activation = Activation::none;
    for (const int scale : {1, 4000}) {
      const Case c{.layer = linear, .type = DataType::s16, .batch = 2};
      OperandSet operands = make_operands(linear, DataType::s16, 2, {}, Data::integers, 11);
      for (Tensor* tensor : {&operands.input, &operands.weights})
        for (std::int64_t i = 0; i < tensor->count(); ++i) tensor->set_value(i, scale * tensor->value(i));
      const Expected expected(c, operands.view(), false);
      EXPECT_FALSE(expected.has_magnitudes());
      for (std::int64_t i = 0; i < expected.tensor().count(); ++i) {
        const std::int64_t x = i % linear.out_width, y = i / linear.out_width % linear.out_height,
                           k = i / (linear.out_width * linear.out_height) % linear.out_channels,
                           n = i / (linear.out_width * linear.out_height * linear.out_channels);
        ASSERT_EQ(expected.values()[static_cast<std::size_t>(i)], plain_element(c, operands.view(), n, k, y, x)) << canonical_shape(linear) << " " << scale;
      }
      std::vector<double> plane(static_cast<std::size_t>(linear.out_height * linear.out_width));
      EXPECT_THROW(expected.magnitudes(0, 0, plane), std::logic_error);
    }
  }
}

TEST(Expected, a_fully_connected_layer_equals_the_convolution_with_a_filter_of_the_inputs_size) {
  const LayerSpec fc = testing_support::fully_connected(5, 6, 23);
  LayerSpec conv = fc;
  conv.op = Op::conv;
  validate(conv);
  const OperandSet operands = make_operands(fc, DataType::f32, 3, {}, Data::normal, 1);
  const Expected as_fc({.layer = fc, .batch = 3}, operands.view()), as_conv({.layer = conv, .batch = 3}, operands.view());
  EXPECT_TRUE(std::ranges::equal(as_fc.values(), as_conv.values()));
}

TEST(Expected, memory_is_told_beforehand_and_overflow_is_refused) {
  LayerSpec layer = testing_support::convolution(3, 7, 5, 3, 1, 1);
  EXPECT_GT(expected_bytes({.layer = layer}), 3 * 9 * 11 * 4);
  layer.in_height = layer.in_width = std::int64_t{1} << 40;
  EXPECT_THROW(expected_bytes({.layer = layer}), std::overflow_error);
}

}  // namespace
}  // namespace convroof
