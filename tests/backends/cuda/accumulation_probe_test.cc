#include "backends/cuda/cudnn/accumulation_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace convroof::cuda {
namespace {

ConvolutionProblem problem(std::int64_t channels, std::int64_t kernel, std::int64_t size = 9, std::int64_t pad = 1, std::int64_t stride = 1) {
  LayerSpec l;
  l.in_channels = channels, l.out_channels = 5;
  l.in_height = l.in_width = size, l.kernel_height = l.kernel_width = kernel;
  l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = pad, l.stride_height = l.stride_width = stride;
  l.out_height = l.out_width = output_extent(size, kernel, stride, 1, pad, pad);
  return convolution_problem({.layer = l, .type = DataType::f16, .batch = 2});
}

// The products of one output in the order of a kernel: taps outside, or channels outside.
enum class Order { taps_first, channels_first };
std::vector<double> products_of(const AccumulationProbe& probe, const ConvolutionProblem& p, Order order) {
  const std::vector<Float16> weights = probe.weights();
  std::vector<double> products;
  const std::int64_t taps = p.kernel_h * p.kernel_w, channels = p.filter_channels;
  if (order == Order::taps_first) {
    for (std::int64_t i = 0; i < taps * channels; ++i) products.push_back(static_cast<float>(weights[static_cast<std::size_t>(i)]));
  } else {
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t t = 0; t < taps; ++t) products.push_back(static_cast<float>(weights[static_cast<std::size_t>(t * channels + c)]));
  }
  return products;
}

// A machine whose instructions add `group` products exactly to a sum, which is then rounded; the sum is split over `splits` accumulators.
Float16 summed(const std::vector<double>& products, Sums sums, std::size_t group, std::size_t splits, bool final_in_half) {
  const auto rounded = [](double value, bool half) -> double {
    return half ? static_cast<float>(Float16(static_cast<float>(value))) : static_cast<float>(value);
  };
  const std::size_t each = (products.size() / group + splits) / splits * group;
  double total = 0;
  for (std::size_t first = 0; first < products.size(); first += each) {
    double sum = 0;
    for (std::size_t at = first; at < std::min(first + each, products.size()); at += group) {
      double exact = sum;
      for (std::size_t i = at; i < std::min({at + group, first + each, products.size()}); ++i) exact += products[i];
      sum = rounded(exact, sums == Sums::f16);
    }
    total = rounded(total + sum, final_in_half);
  }
  return Float16(static_cast<float>(total));
}

class Probe : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t>> {};

TEST_P(Probe, tells_fp16_from_fp32_sums_in_any_order_and_split) {
  const auto [channels, kernel] = GetParam();
  const ConvolutionProblem p = problem(channels, kernel, std::max<std::int64_t>(9, kernel));
  const auto probe = AccumulationProbe::of(p);
  ASSERT_TRUE(probe);
  for (const Order order : {Order::taps_first, Order::channels_first}) {
    const std::vector<double> products = products_of(*probe, p, order);
    for (const std::size_t group : {1, 4, 8, 16, 32})
      for (const std::size_t splits : {1, 2, 3, 4}) {
        if (products.size() / splits < 2 * group) continue;  // shorter than an instruction or two, each part is exact
        EXPECT_EQ(probe->verdict(summed(products, Sums::f16, group, splits, false)), Sums::f16) << group << " " << splits;
        EXPECT_EQ(probe->verdict(summed(products, Sums::f16, group, splits, true)), Sums::f16) << group << " " << splits;
        EXPECT_EQ(probe->verdict(summed(products, Sums::f32, group, splits, false)), Sums::f32) << group << " " << splits;
      }
  }
}
INSTANTIATE_TEST_SUITE_P(Lengths, Probe,
                         testing::Values(std::tuple(64, 1), std::tuple(8, 3), std::tuple(3, 7), std::tuple(3, 11), std::tuple(256, 1), std::tuple(64, 3),
                                         std::tuple(512, 3), std::tuple(25088, 1)));

TEST(AccumulationProbe, looks_at_an_output_that_meets_every_tap) {
  const auto padded = AccumulationProbe::of(problem(64, 3, 9, 1));
  EXPECT_EQ(padded->output_element(), (1 * 9 + 1) * 5);
  const auto strided = AccumulationProbe::of(problem(64, 3, 9, 1, 2));
  EXPECT_EQ(strided->output_element(), (1 * 5 + 1) * 5);
  EXPECT_EQ(AccumulationProbe::of(problem(64, 3, 9, 0))->output_element(), 0);
}

TEST(AccumulationProbe, refuses_layers_that_cannot_show_it) {
  EXPECT_THAT(AccumulationProbe::refusal(problem(3, 3)), testing::HasSubstr("27 products"));
  EXPECT_THAT(AccumulationProbe::refusal(problem(64, 3, 2, 1)), testing::HasSubstr("all taps"));
  EXPECT_FALSE(AccumulationProbe::of(problem(3, 3)));
}

TEST(AccumulationProbe, an_output_that_was_never_written_is_no_verdict) {
  const auto probe = AccumulationProbe::of(problem(64, 3));
  Float16 poison;
  poison.bits = 0xffff;
  EXPECT_EQ(probe->verdict(poison), std::nullopt);
  EXPECT_EQ(probe->verdict(Float16(2048.0f)), std::nullopt);
}

}  // namespace
}  // namespace convroof::cuda
