// Winograd in bf16 and 8 bits: exact on small integers, whose transforms need no rounding, and as accurate as it says on others.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/backends/highway/cpu_classes.h"
#include "tests/backends/highway/exact_check.h"
#include "tests/backends/highway/kernel_check.h"

namespace convroof {
std::unique_ptr<Backend> make_reference_backend();

namespace highway {
namespace {

bool offered(const char* variant, DataType type) {
  LayerSpec layer = convolution(16, 1, 3, 3, 3, 1, 1);
  return static_cast<bool>(algorithm_named(variant).supports({.layer = layer, .type = type}));
}

class DotWinograd : public testing::TestWithParam<std::pair<const char*, DataType>> {
 protected:
  void SetUp() override {
    if (!offered(GetParam().first, GetParam().second)) GTEST_SKIP() << "needs Highway >= 1.2";
  }
  void check_it(const LayerSpec& layer, std::int64_t batch = 1, int threads = 1) {
    check_exact(GetParam().first, layer, {.type = GetParam().second, .batch = batch, .threads = threads});
  }
};

TEST_P(DotWinograd, SizesAndPaddings) {
  for (const std::int64_t size : {3, 4, 7, 8, 14, 29})
    for (const std::int64_t padding : {0, 1, 2}) check_it(convolution(20, 37, size, size + 2, 3, 1, padding));
}

TEST_P(DotWinograd, ChannelsAndFilters) {
  for (const std::int64_t channels : {16, 17, 31, 33, 64, 65, 130}) check_it(convolution(channels, 150, 5, 6, 3, 1, 1));
}

TEST_P(DotWinograd, GroupsBatchesAndThreads) {
  check_it(convolution(48, 36, 9, 9, 3, 1, 1, 3), 2);
  for (const int threads : {2, 3, 5}) check_it(convolution(33, 50, 13, 15, 3, 1, 1), 3, threads);
  check_it(convolution(16, 16, 2, 2, 3, 1, 1), 1, 4);
}

TEST_P(DotWinograd, RefusesWhatItCannotDo) {
  const Algorithm& algorithm = algorithm_named(GetParam().first);
  for (const LayerSpec& layer : {convolution(32, 8, 9, 9, 3, 2, 1), convolution(32, 8, 9, 9, 5, 1, 2), convolution(32, 8, 9, 9, 3, 1, 2, 1, 2),
                                 convolution(8, 8, 9, 9, 3, 1, 1), fully_connected(32, 3, 8)}) {
    const Support support = algorithm.supports({.layer = layer, .type = GetParam().second});
    EXPECT_FALSE(support);
    EXPECT_FALSE(support.reason.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, DotWinograd, testing::Values(std::pair("int8-winograd2x2", DataType::s8), std::pair("bf16-winograd2x2", DataType::bf16)),
                         [](const auto& test) { return test.param.second == DataType::s8 ? "int8" : "bf16"; });

// Relative L2 distance of a kernel's output from sums in double over operands before they were rounded to the kernel's type.
double distance(const char* variant, const Case& c, const Tensor& input, const Tensor& weights, const Tensor& bias) {
  const NumberFormat format = format_of(c.type);
  const auto rounded = [](const Tensor& t, ElementType type) {
    Tensor copy(type, t.shape());
    for (std::int64_t i = 0; i < t.count(); ++i) copy.set_value(i, t.value(i));
    return copy;
  };
  const Tensor x = rounded(input, format.activation), w = rounded(weights, format.weight), b = rounded(bias, format.accumulator), none;
  Tensor actual(format.output, c.output_shape()), expected(ElementType::f32, c.output_shape());
  const auto kernel = algorithm_named(variant).prepare(c, {x, none, w, b});
  kernel->poison_output();
  kernel->run(1);
  kernel->read_output(actual);
  Case plain{.layer = c.layer, .batch = c.batch};
  const auto reference = make_reference_backend();
  const auto loops = reference->prepare(reference->variants().front(), plain, {input, none, weights, bias});
  loops->run(1);
  loops->read_output(expected);
  double difference = 0, norm = 0;
  for (std::int64_t i = 0; i < expected.count(); ++i) {
    difference += std::pow(actual.value(i) - expected.value(i), 2);
    norm += std::pow(expected.value(i), 2);
  }
  return std::sqrt(difference / norm);
}

TEST(DotWinogradAccuracy, Bf16AtMostTwiceTheErrorOfTheDirectKernel) {
  if (!offered("bf16-winograd2x2", DataType::bf16)) GTEST_SKIP() << "needs Highway >= 1.2";
  LayerSpec layer = convolution(64, 40, 14, 14, 3, 1, 1);
  const Case c{.layer = layer, .type = DataType::bf16};
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  Tensor input(ElementType::f32, c.input_shape()), weights(ElementType::f32, c.weight_shape()), bias(ElementType::f32, {40, 1, 1, 1});
  for (std::int64_t i = 0; i < input.count(); ++i) input.set_value(i, std::abs(normal(random)));
  for (std::int64_t i = 0; i < weights.count(); ++i) weights.set_value(i, normal(random) / 24);
  for (const CpuClass& cpu : cpu_classes(c.type)) {
    SCOPED_TRACE(cpu.name());
    const RunsAs as(cpu);
    const double direct = distance("bf16-direct", c, input, weights, bias), winograd = distance("bf16-winograd2x2", c, input, weights, bias);
    EXPECT_LE(winograd, 2 * direct) << direct;
    EXPECT_GT(direct, 1e-4);  // the comparison is with unrounded operands
  }
}

TEST(DotWinogradAccuracy, Int8OverTheWholeRange) {
  if (!offered("int8-winograd2x2", DataType::s8)) GTEST_SKIP() << "needs Highway >= 1.2";
  LayerSpec layer = convolution(64, 40, 14, 14, 3, 1, 1);
  const Case c{.layer = layer, .type = DataType::s8};
  std::mt19937 random(3);
  Tensor input(ElementType::f32, c.input_shape()), weights(ElementType::f32, c.weight_shape()), bias(ElementType::f32, {40, 1, 1, 1});
  for (std::int64_t i = 0; i < input.count(); ++i) input.set_value(i, static_cast<double>(random() % 256));
  for (std::int64_t i = 0; i < weights.count(); ++i) weights.set_value(i, static_cast<double>(random() % 255) - 127);
  for (const CpuClass& cpu : cpu_classes(c.type)) {
    SCOPED_TRACE(cpu.name());
    const RunsAs as(cpu);
    EXPECT_LT(distance("int8-direct", c, input, weights, bias), 1e-6);
    const double error = distance("int8-winograd2x2", c, input, weights, bias);
    EXPECT_LE(error, 0.02);
    EXPECT_GT(error, 1e-4);  // it does round
  }
}

}  // namespace
}  // namespace highway
}  // namespace convroof
