#include "workloads/layer.h"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

namespace convroof {
namespace {

LayerSpec conv(std::int64_t channels, std::int64_t size, std::int64_t filters, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  LayerSpec l;
  l.name = "c";
  l.in_channels = channels, l.in_height = l.in_width = size;
  l.out_channels = filters, l.kernel_height = l.kernel_width = kernel;
  l.stride_height = l.stride_width = stride;
  l.pad_top = l.pad_bottom = l.pad_left = l.pad_right = pad;
  l.out_height = l.out_width = output_extent(size, kernel, stride, 1, pad, pad);
  l.has_bias = true;
  return l;
}

// Taps inside the input, counted one by one.
std::int64_t counted_taps(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t dilation, std::int64_t pad) {
  std::int64_t count = 0;
  for (std::int64_t o = 0; o < out; ++o)
    for (std::int64_t k = 0; k < kernel; ++k) {
      const std::int64_t at = o * stride + k * dilation - pad;
      if (at >= 0 && at < in) ++count;
    }
  return count;
}

TEST(Layer, output_extent_follows_the_floor_convention) {
  EXPECT_EQ(output_extent(227, 11, 4, 1, 0, 0), 55);
  EXPECT_EQ(output_extent(224, 7, 2, 1, 3, 3), 112);
  EXPECT_EQ(output_extent(224, 3, 1, 1, 1, 1), 224);
  EXPECT_EQ(output_extent(7, 3, 1, 3, 0, 0), 1);  // dilation 3: reach 7
  EXPECT_THROW(output_extent(6, 3, 1, 3, 0, 0), std::invalid_argument);
}

TEST(Layer, stride_two_halves_the_output) { EXPECT_EQ(output_extent(56, 3, 2, 1, 1, 1), 28); }

TEST(Layer, valid_taps_equal_a_count_one_by_one) {
  std::mt19937 random(1);
  const auto any = [&](int low, int high) { return std::uniform_int_distribution<std::int64_t>(low, high)(random); };
  for (int i = 0; i < 5000; ++i) {
    const std::int64_t in = any(1, 20), kernel = any(1, 7), stride = any(1, 5), dilation = any(1, 3), pad = any(0, 8);
    if (in + 2 * pad < dilation * (kernel - 1) + 1) continue;
    const std::int64_t out = output_extent(in, kernel, stride, dilation, pad, pad);
    ASSERT_EQ(valid_taps(in, out, kernel, stride, dilation, pad), counted_taps(in, out, kernel, stride, dilation, pad))
        << in << " k" << kernel << " s" << stride << " d" << dilation << " p" << pad;
  }
}

TEST(Layer, padding_taps_count_in_macs_only) {
  const LayerSpec layer = conv(2, 3, 5, 3, 1, 1);
  EXPECT_EQ(macs(layer), 5 * 3 * 3 * 2 * 9);
  EXPECT_EQ(macs_valid(layer), 5 * 2 * (7 * 7));  // per axis 2 + 3 + 2 taps
}

TEST(Layer, groups_divide_the_work) {
  LayerSpec layer = conv(8, 6, 4, 3, 1, 1);
  const std::int64_t whole = macs(layer);
  layer.groups = 4;
  EXPECT_EQ(macs(layer), whole / 4);
  EXPECT_EQ(weight_count(layer), 4 * 2 * 9);
}

TEST(Layer, fully_connected_equals_a_convolution_with_a_filter_of_the_inputs_size) {
  LayerSpec as_conv = conv(256, 6, 4096, 6, 1, 0);
  LayerSpec fc = as_conv;
  fc.op = Op::fc;
  validate(fc), validate(as_conv);
  EXPECT_EQ(fc.out_height, 1);
  EXPECT_EQ(macs(fc), macs(as_conv));
  EXPECT_EQ(macs(fc), 37'748'736);  // AlexNet fc6
  EXPECT_EQ(macs_valid(fc), macs(fc));
  EXPECT_EQ(weight_count(fc), weight_count(as_conv));
}

TEST(Layer, overflow_is_refused_not_wrapped) {
  LayerSpec layer = conv(1, 1, 1, 1, 1, 0);
  layer.in_channels = layer.out_channels = 1ll << 32;
  EXPECT_THROW(macs(layer), std::overflow_error);
  EXPECT_THROW(validate(layer), std::overflow_error);
}

TEST(Layer, contradictions_are_refused) {
  LayerSpec layer = conv(4, 8, 4, 3, 1, 1);
  EXPECT_NO_THROW(validate(layer));
  layer.out_width = 9;
  EXPECT_THROW(validate(layer), std::invalid_argument);
  layer = conv(4, 8, 4, 3, 1, 1);
  layer.groups = 3;
  EXPECT_THROW(validate(layer), std::invalid_argument);
  layer = conv(4, 8, 4, 3, 1, 1);
  layer.stride_width = 0;
  EXPECT_THROW(validate(layer), std::invalid_argument);
}

TEST(Layer, canonical_shape_sees_what_matters_and_not_the_name) {
  LayerSpec a = conv(4, 8, 4, 3, 1, 1), b = a;
  b.name = "other";
  EXPECT_EQ(canonical_shape(a), canonical_shape(b));
  b.activation = Activation::relu;
  EXPECT_NE(canonical_shape(a), canonical_shape(b));
  b = a, b.pad_right = 2;
  EXPECT_NE(canonical_shape(a), canonical_shape(b));
}

}  // namespace
}  // namespace convroof
