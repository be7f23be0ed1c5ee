// The bf16 and 8-bit kernels, on shapes that divide nothing. Sums of small integers are exact in both; 8-bit operands may use their whole range.
#include <gtest/gtest.h>

#include "tests/backends/highway/cpu_classes.h"
#include "tests/backends/highway/exact_check.h"
#include "tests/backends/highway/kernel_check.h"

namespace convroof::highway {
namespace {

struct Format {
  const char* variant;
  ExactOptions options;
};

class LowPrecision : public testing::TestWithParam<Format> {
 protected:
  void SetUp() override {
    LayerSpec layer = convolution(1, 1, 1, 1, 1);
    const Case c{.layer = layer, .type = GetParam().options.type};
    if (const Support support = algorithm_named(GetParam().variant).supports(c); !support) GTEST_SKIP() << support.reason;
  }
  void check_it(const LayerSpec& layer, std::int64_t batch = 1, int threads = 1) {
    ExactOptions options = GetParam().options;
    options.batch = batch;
    options.threads = threads;
    check_exact(GetParam().variant, layer, options);
  }
};

TEST_P(LowPrecision, KernelsStridesPaddingsAndDilations) {
  for (const std::int64_t kernel : {1, 2, 3, 5})
    for (const std::int64_t stride : {1, 2, 3})
      for (const std::int64_t padding : {0, 1, 2})
        for (const std::int64_t dilation : {1, 2}) check_it(convolution(19, 35, 11, 13, kernel, stride, padding, 1, dilation));
}

TEST_P(LowPrecision, EveryTileWidth) {
  for (std::int64_t width = 1; width <= 60; ++width) check_it(convolution(5, 130, 3, width, 3, 1, 1));
}

TEST_P(LowPrecision, EveryChannelCountAroundAWordAndALine) {
  for (const std::int64_t channels : {1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 70}) check_it(convolution(channels, 17, 4, 9, 3, 1, 1));
}

// No pixel lies in the border: the last words of a tile are multiplied group by group of pixels, and bf16 leaves by whole lines where it can. 1 to 5 blocks of
// filters; 1 word (too few to hold back two), 2, 3 and more than a line.
TEST_P(LowPrecision, PointwiseTilesWithAndWithoutActivation) {
  for (std::int64_t width = 1; width <= 60; ++width)
    for (const Activation activation : {Activation::none, Activation::relu}) {
      LayerSpec layer = convolution(width % 4 == 0 ? 2 : width % 4 == 1 ? 7 : width % 4 == 2 ? 12 : 67, 16 * (width % 5) + 13, 1, width, 1, 1, 0);
      layer.activation = activation;
      check_it(layer);
    }
}

TEST_P(LowPrecision, FirstLayers) {
  for (const std::int64_t channels : {1, 2, 3, 4})
    for (const std::int64_t stride : {1, 2, 4}) {
      check_it(convolution(channels, 17, 15, 61, 7, stride, 3), 2);
      check_it(convolution(channels, 33, 15, 40, 11, stride, 0));
      check_it(convolution(channels, 17, 9, 40, 3, stride, 1, 1, 2));
      check_it(convolution(channels, 17, 9, 40, 3, stride, 1), 1, 2);
    }
  check_it(convolution(3, 17, 2, 2, 3, 1, 4));  // padding wider than the image
}

TEST_P(LowPrecision, Groups) {
  check_it(convolution(6, 10, 7, 7, 3, 1, 1, 2));
  check_it(convolution(96, 64, 9, 9, 5, 1, 2, 2));
  check_it(convolution(8, 24, 9, 9, 3, 2, 1, 8));
}

TEST_P(LowPrecision, FullyConnected) {
  for (const std::int64_t batch : {1, 2, 16, 29}) {
    check_it(fully_connected(70, 1, 37), batch);
    check_it(fully_connected(5, 4, 300), batch, 2);
  }
}

TEST_P(LowPrecision, BatchesAndThreads) {
  for (const int threads : {1, 2, 3, 5}) check_it(convolution(33, 50, 9, 15, 3, 1, 1), 3, threads);
}

TEST_P(LowPrecision, LayersWithoutWeights) {
  check_it(pooling(Op::maxpool, 18, 13, 11, 3, 2, 1), 2, 2);
  check_it(pooling(Op::maxpool, 5, 6, 6, 2, 2, 0));
  check_it(elementwise(Op::add, 7, 31, 33), 1, 2);
  check_it(elementwise(Op::relu, 3, 5, 7));
}

ExactOptions whole_range() {
  ExactOptions options{.type = DataType::s8};
  options.largest_weight = 127;
  options.largest_activation = 255;
  return options;
}

INSTANTIATE_TEST_SUITE_P(Formats, LowPrecision, testing::Values(Format{"int8-direct", whole_range()}, Format{"bf16-direct", {.type = DataType::bf16}}),
                         [](const auto& test) { return test.param.options.type == DataType::s8 ? "int8" : "bf16"; });

// The pair of products that saturates 16 bits: 255 * 127 twice. An instruction that adds pairs in 16 bits would give 32767.
TEST(Int8Direct, NothingSaturates) {
  LayerSpec layer = fully_connected(8, 1, 1);
  const Case c{.layer = layer, .type = DataType::s8};
  const Algorithm& algorithm = algorithm_named("int8-direct");
  if (const Support support = algorithm.supports(c); !support) GTEST_SKIP() << support.reason;
  Tensor input(ElementType::u8, c.input_shape()), none, weights(ElementType::s8, c.weight_shape()), bias(ElementType::s32, {1, 1, 1, 1});
  for (std::int64_t i = 0; i < 8; ++i) input.set_value(i, 255), weights.set_value(i, 127);
  Tensor output(ElementType::s32, c.output_shape());
  for (const CpuClass& cpu : cpu_classes(c.type)) {
    SCOPED_TRACE(cpu.name());
    const RunsAs as(cpu);
    const auto kernel = algorithm.prepare(c, {input, none, weights, bias});
    kernel->poison_output();
    kernel->run(1);
    kernel->read_output(output);
    EXPECT_EQ(output.value(0), 8 * 255 * 127);
  }
}

}  // namespace
}  // namespace convroof::highway
