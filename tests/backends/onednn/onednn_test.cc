// What the conformance suite cannot know: which of the library's implementations ran, and that a forced one is the forced one.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "backends/onednn/offers.h"
#include "backends/onednn/winograd.h"
#include "backends/registry.h"
#include "tests/backends/plain_layer.h"

namespace convroof {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing_support::plain_layer;

LayerSpec convolution(std::int64_t channels, std::int64_t size, std::int64_t filters, std::int64_t kernel, std::int64_t stride, std::int64_t groups = 1) {
  LayerSpec l;
  l.name = "layer";
  l.in_channels = channels, l.in_height = l.in_width = size, l.out_channels = filters, l.groups = groups;
  l.kernel_height = l.kernel_width = kernel, l.stride_height = l.stride_width = stride;
  l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = kernel / 2;
  l.out_height = l.out_width = output_extent(size, kernel, stride, 1, kernel / 2, kernel / 2);
  l.has_bias = true, l.activation = Activation::relu;
  return l;
}

LayerSpec fully_connected(std::int64_t length, std::int64_t outputs) {
  LayerSpec l = convolution(length, 1, outputs, 1, 1);
  l.op = Op::fc;
  return l;
}

const Variant& variant(const std::string& name) {
  static const std::vector<Variant> all = find_backend("onednn")->variants();
  return *std::ranges::find_if(all, [&](const Variant& v) { return v.name == name; });
}

struct Outcome {
  Work work;
  double relative_l2 = 0;
  double largest_error = 0;
};

// Prepares and runs a case on random operands (normal values; s8: inputs of the whole range, weights around zero up to `largest_weight`) and compares it
// with plain loops.
Outcome run(const std::string& name, const Case& c, double largest_weight = 127) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  const NumberFormat format = format_of(c.type);
  const auto fill = [&](Tensor& t, double scale) {
    for (std::int64_t i = 0; i < t.count(); ++i) t.set_value(i, scale * normal(random));
  };
  Tensor input(format.activation, c.input_shape()), addend, weights(format.weight, c.weight_shape()), bias(format.accumulator, {c.layer.out_channels, 1, 1, 1});
  const bool integers = is_integer(c.type);
  if (integers)
    for (std::int64_t i = 0; i < input.count(); ++i) input.set_value(i, static_cast<double>(random() % 256));
  else
    fill(input, 1);
  fill(weights, integers ? 40 : 1 / std::sqrt(static_cast<double>(c.layer.reduction_length())));
  if (integers)
    for (std::int64_t i = 0; i < weights.count(); ++i) weights.set_value(i, std::clamp(weights.value(i), -largest_weight, largest_weight));
  fill(bias, integers ? 1000 : 1);
  const Operands operands{input, addend, weights, bias};
  const auto kernel = find_backend("onednn")->prepare(variant(name), c, operands);
  kernel->poison_output();
  kernel->run(2);
  Tensor output(format.output, c.output_shape());
  output.poison();
  kernel->read_output(output);

  const auto plain = plain_layer(c, operands);
  Outcome result{.work = kernel->work()};
  double squares = 0, errors = 0;
  for (std::int64_t i = 0; i < output.count(); ++i) {
    const double expected = plain.expected[static_cast<std::size_t>(i)], error = output.value(i) - expected;
    squares += expected * expected, errors += error * error;
    result.largest_error = std::max(result.largest_error, std::abs(error));
    if (std::isnan(error)) result.largest_error = error;
  }
  result.relative_l2 = std::sqrt(errors / squares);
  return result;
}

bool loaded_v2() { return onednn::loaded_version().starts_with("2."); }
// Of the library, whose own limit (ONEDNN_MAX_CPU_ISA) may be below the CPU's.
bool has_avx512() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  return isa != dnnl::cpu_isa::sse41 && isa != dnnl::cpu_isa::avx && isa != dnnl::cpu_isa::avx2;
}
#define NEEDS_WINOGRAD() \
  if (!loaded_v2() || !has_avx512()) GTEST_SKIP() << "Winograd kernels need oneDNN 2 and AVX-512"

TEST(OneDnn, records_the_implementation_that_ran) {
  const LayerSpec layer = convolution(16, 12, 32, 3, 1);
  for (const char* name : {"auto", "direct"}) {
    const Outcome r = run(name, {.layer = layer});
    EXPECT_FALSE(r.work.facts.at("implementation").empty());
    EXPECT_THAT(r.work.facts.at("library"), HasSubstr(onednn::loaded_version()));
    EXPECT_THAT(r.work.facts.at("implementation"), Not(HasSubstr("wino")));
    EXPECT_EQ(r.work.macs_executed, static_cast<std::uint64_t>(macs_valid(layer)));
    EXPECT_LE(r.relative_l2, 1e-6);
  }
}

TEST(OneDnn, direct_says_what_it_tried) {
  const LayerSpec layer = convolution(16, 12, 32, 3, 1);
  const Outcome r = run("direct", {.layer = layer});
  EXPECT_THAT(r.work.facts.at("tried"), HasSubstr(r.work.facts.at("implementation")));
}

TEST(OneDnn, forces_implementations_by_name) {
  if (!has_avx512()) GTEST_SKIP() << "names of AVX-512 kernels";
  const LayerSpec layer = convolution(32, 9, 32, 3, 1), wide = convolution(32, 9, 48, 1, 1), last = fully_connected(64, 32);
  EXPECT_THAT(run("brgemm", {.layer = layer}).work.facts.at("implementation"), StartsWith("brg"));
  EXPECT_THAT(run("brgemm", {.layer = wide}).work.facts.at("implementation"), StartsWith("brg"));
  EXPECT_THAT(run("brgemm", {.layer = last}).work.facts.at("implementation"), StartsWith("brgemm"));
  EXPECT_THAT(run("jit", {.layer = layer}).work.facts.at("implementation"), StartsWith("jit"));
  EXPECT_THAT(run("gemm", {.layer = layer}).work.facts.at("implementation"), HasSubstr("gemm"));
  const Outcome product = run("matmul", {.layer = last, .batch = 3});
  EXPECT_EQ(product.work.facts.at("primitive"), "matrix product");
  EXPECT_LE(product.relative_l2, 1e-6);
}

TEST(OneDnn, winograd_is_really_forced) {
  NEEDS_WINOGRAD();
  const LayerSpec layer = convolution(32, 14, 48, 3, 1);
  const Outcome four = run("winograd4x4", {.layer = layer, .threads = 2});
  EXPECT_THAT(four.work.facts.at("implementation"), HasSubstr("wino_4x3"));
  // 4 x 4 tiles of 36 multiplications against 14 x 14 x 9 of a direct kernel.
  EXPECT_EQ(four.work.macs_executed, 16u * 36 * 32 * 48);
  EXPECT_LE(four.relative_l2, 1e-6);

  const LayerSpec deep = convolution(128, 14, 128, 3, 1);
  EXPECT_THAT(run("winograd", {.layer = deep}).work.facts.at("implementation"), HasSubstr("wino"));
  const Case c{.layer = deep};
  if (find_backend("onednn")->supports(variant("winograd2x2"), c)) {
    const Outcome two = run("winograd2x2", c);
    EXPECT_THAT(two.work.facts.at("implementation"), HasSubstr("wino_2x3"));
    EXPECT_EQ(two.work.macs_executed, 49u * 16 * 128 * 128);
    EXPECT_LE(two.relative_l2, 1e-6);
  }
}

TEST(OneDnn, winograd_says_why_not) {
  Backend& backend = *find_backend("onednn");
  const LayerSpec grouped = convolution(32, 14, 48, 3, 1, 2), strided = convolution(32, 14, 48, 3, 2), last = fully_connected(64, 32);
  for (const LayerSpec* layer : {&grouped, &strided}) {
    const Support support = backend.supports(variant("winograd"), {.layer = *layer});
    EXPECT_FALSE(support);
    EXPECT_THAT(support.reason, HasSubstr("offers no Winograd"));
  }
  EXPECT_FALSE(backend.supports(variant("winograd"), {.layer = last}));
}

TEST(OneDnn, s8_is_exact_over_its_whole_range_or_says_where_not) {
  const double largest_weight = onednn::int8_is_exact() ? 127 : 64;
  for (const int threads : {1, 2})
    for (const char* name : {"auto", "direct", "jit", "gemm"}) {
      const LayerSpec first = convolution(3, 17, 16, 7, 2), inner = convolution(48, 9, 32, 3, 1), last = fully_connected(65, 31);
      for (const LayerSpec* layer : {&first, &inner, &last}) {
        const Case c{.layer = *layer, .type = DataType::s8, .batch = 2, .threads = threads};
        if (!find_backend("onednn")->supports(variant(name), c)) continue;
        const Outcome r = run(name, c, largest_weight);
        EXPECT_EQ(r.work.facts.contains("int8"), !onednn::int8_is_exact());
        EXPECT_EQ(r.largest_error, 0) << name << " " << canonical_shape(*layer);
        EXPECT_EQ(r.work.accumulator, "s32");
      }
    }
}

TEST(OneDnn, s8_trials_leave_out_kernels_that_saturate) {
  const LayerSpec layers[] = {convolution(3, 17, 16, 7, 2), convolution(48, 9, 32, 3, 1), convolution(64, 9, 32, 1, 1)};
  for (const LayerSpec& layer : layers)
    for (const char* name : {"direct", "jit"}) {
      const onednn::Offers offers = onednn::offers_for(variant(name), {.layer = layer, .type = DataType::s8});
      ASSERT_FALSE(offers.implementations.empty());
      const auto uses_dot_products = [](const onednn::Implementation& i) { return i.name.find("vnni") != i.name.npos || i.name.find("amx") != i.name.npos; };
      if (std::ranges::none_of(offers.implementations, uses_dot_products)) GTEST_SKIP() << "no 8-bit dot products here";
      for (const onednn::Implementation& i : offers.implementations)
        EXPECT_THAT(i.name, Not(testing::AnyOf(testing::EndsWith(":avx2"), testing::EndsWith(":sse41"))));
    }
}

TEST(OneDnn, s8_winograd_is_rounded_and_says_so) {
  NEEDS_WINOGRAD();
  const LayerSpec layer = convolution(64, 14, 64, 3, 1);
  const Case c{.layer = layer, .type = DataType::s8};
  EXPECT_FALSE(find_backend("onednn")->supports(variant("winograd"), c));
  const Outcome r = run("winograd-rounded", c);
  EXPECT_THAT(r.work.facts.at("implementation"), HasSubstr("int8_wino"));
  EXPECT_GT(r.largest_error, 0);
  EXPECT_LT(r.relative_l2, 0.05);
}

TEST(OneDnn, takes_the_threads_of_the_case) {
  const LayerSpec layer = convolution(17, 13, 19, 3, 1);
  for (const int threads : {1, 2}) EXPECT_LE(run("auto", {.layer = layer, .batch = 3, .threads = threads}).relative_l2, 1e-6);
}

TEST(Winograd, amplification_of_f2_by_hand) {
  // Rows of A', G, B' of F(2,3): 1 * 1 * sqrt 2 + 2 * (sqrt 3 / 2) * sqrt 2 = 3.86; both axes, and the tile over its patches: 2.
  const double axis = std::sqrt(2.0) + std::sqrt(3.0) * std::sqrt(2.0);
  EXPECT_NEAR(onednn::winograd_amplification(2), 2 * axis * axis, 1e-12);
  EXPECT_GT(onednn::winograd_amplification(4), onednn::winograd_amplification(2));
}

TEST(Winograd, cost_counts_whole_tiles) {
  const LayerSpec layer = convolution(3, 7, 5, 3, 1);
  const onednn::WinogradCost cost = onednn::winograd_cost(4, layer, 2, 16, 16);
  EXPECT_EQ(cost.macs, 2u * 4 * 36 * 16 * 16);
  EXPECT_EQ(cost.additions, 2u * 4 * (12 * 12 * 16 + 10 * 10 * 16));
}

TEST(Offers, families_follow_the_names) {
  EXPECT_EQ(onednn::family_of("brgconv_1x1:avx512_core"), "brgemm");
  EXPECT_EQ(onednn::family_of("brg_conv_fwd:avx512_core"), "brgemm");
  EXPECT_EQ(onednn::family_of("jit_1x1:avx2"), "jit");
  EXPECT_EQ(onednn::family_of("x64:gemm:jit"), "gemm");
  EXPECT_EQ(onednn::family_of("jit_wino_4x3:avx512_core"), "winograd4x4");
  EXPECT_EQ(onednn::family_of("jit_fp32_wino_2x3:avx512_core"), "winograd2x2");
  EXPECT_EQ(onednn::family_of("jit_int8_wino:avx512_core_vnni"), "winograd-rounded");
  EXPECT_EQ(onednn::family_of("ref:any"), "reference");
}

}  // namespace
}  // namespace convroof
