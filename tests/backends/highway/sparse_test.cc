// Kernels that leave zeros out, on shapes that divide nothing and at densities from none to all.
#include <gtest/gtest.h>

#include "tests/backends/highway/exact_check.h"
#include "tests/backends/highway/kernel_check.h"

namespace convroof::highway {
namespace {

constexpr double kShares[] = {0, 0.03, 0.5, 1};

TEST(SparseDirect, ConvolutionsOfEveryDensity) {
  for (const double share : kShares)
    for (const std::int64_t kernel : {1, 3, 5})
      for (const std::int64_t stride : {1, 2, 3})
        for (const std::int64_t padding : {0, 1, 2}) check_exact("sparse-direct", convolution(7, 9, 11, 17, kernel, stride, padding), {.weights = share});
}

TEST(SparseDirect, EveryWidth) {
  for (std::int64_t width = 1; width <= 60; ++width) check_exact("sparse-direct", convolution(3, 2, 5, width, 3, 1, 1), {.weights = 0.3});
  for (std::int64_t width = 2; width <= 40; width += 3) check_exact("sparse-direct", convolution(3, 2, 7, width, 3, 2, 1), {.weights = 0.3});
}

TEST(SparseDirect, GroupsAndDilation) {
  check_exact("sparse-direct", convolution(12, 18, 9, 10, 3, 1, 1, 3), {.weights = 0.4});
  check_exact("sparse-direct", convolution(6, 6, 9, 10, 3, 1, 2, 6, 2), {.weights = 0.6});
  check_exact("sparse-direct", convolution(4, 5, 12, 13, 3, 2, 2, 1, 3), {.weights = 0.6});
}

TEST(SparseDirect, Pointwise) {
  for (const std::int64_t size : {1, 3, 7, 8, 9, 33}) {
    check_exact("sparse-direct", convolution(31, 20, size, size, 1), {.weights = 0.2});
    check_exact("sparse-direct", convolution(31, 20, size, size, 1, 2), {.weights = 0.2});
  }
}

TEST(SparseDirect, ImagesInLanes) {
  for (const std::int64_t batch : {2, 5, 16, 17, 33}) {
    check_exact("sparse-direct", convolution(5, 6, 7, 7, 3, 1, 1), {.batch = batch, .threads = 2, .weights = 0.3});
    check_exact("sparse-direct", convolution(5, 6, 7, 7, 1), {.batch = batch, .weights = 0.3});
  }
}

TEST(SparseDirect, Threads) {
  for (const int threads : {1, 2, 3, 5}) {
    check_exact("sparse-direct", convolution(33, 50, 9, 15, 3, 1, 1), {.batch = 3, .threads = threads, .weights = 0.1});
    check_exact("sparse-direct", convolution(33, 3, 4, 4, 1), {.threads = threads, .weights = 0.5});
    check_exact("sparse-direct", fully_connected(50, 1, 70), {.threads = threads, .weights = 0.5});
  }
}

TEST(SparseDirect, FullyConnected) {
  for (const double share : kShares)
    for (const std::int64_t batch : {1, 2, 16, 19}) {
      check_exact("sparse-direct", fully_connected(70, 1, 37), {.batch = batch, .weights = share});
      check_exact("sparse-direct", fully_connected(5, 4, 16), {.batch = batch, .weights = share});
    }
}

TEST(SparseDirect, RowsOfVeryDifferentLength) {
  // One full row among empty ones: what does not fit into slots goes to the leftovers.
  LayerSpec layer = fully_connected(300, 1, 40);
  const Case c{.layer = layer};
  Tensor input(ElementType::f32, c.input_shape()), none, weights(ElementType::f32, c.weight_shape()), bias(ElementType::f32, {40, 1, 1, 1});
  for (std::int64_t i = 0; i < 300; ++i) input.set_value(i, static_cast<double>(i % 7 - 3)), weights.set_value(17 * 300 + i, static_cast<double>(i % 5 - 2));
  const auto kernel = algorithm_named("sparse-direct").prepare(c, {input, none, weights, bias});
  kernel->poison_output();
  kernel->run(1);
  Tensor output(ElementType::f32, c.output_shape());
  kernel->read_output(output);
  double sum = 0;
  for (std::int64_t i = 0; i < 300; ++i) sum += input.value(i) * weights.value(17 * 300 + i);
  for (std::int64_t k = 0; k < 40; ++k) EXPECT_EQ(output.value(k), k == 17 ? sum : 0);
  EXPECT_EQ(kernel->work().macs_executed, 240U);  // a fifth of the row is zero
}

TEST(SparseDirect, EightBits) {
  LayerSpec one = convolution(1, 1, 1, 1, 1);
  if (const Support support = algorithm_named("sparse-direct").supports({.layer = one, .type = DataType::s8}); !support) GTEST_SKIP() << support.reason;
  ExactOptions options{.type = DataType::s8, .threads = 2};
  options.largest_weight = 127;
  options.largest_activation = 255;
  for (const double share : kShares) {
    options.weights = share;
    for (const std::int64_t channels : {1, 3, 4, 5, 18})
      for (const std::int64_t stride : {1, 2}) check_exact("sparse-direct", convolution(channels, 9, 11, 17, 3, stride, 1), options);
    check_exact("sparse-direct", convolution(12, 18, 9, 10, 3, 1, 1, 2), options);
    check_exact("sparse-direct", convolution(31, 20, 9, 9, 1), options);
    check_exact("sparse-direct", convolution(31, 20, 9, 9, 1, 2), options);
    check_exact("sparse-direct", fully_connected(70, 2, 37), options);
    options.batch = 18;
    check_exact("sparse-direct", convolution(6, 6, 7, 7, 3, 1, 1), options);
    check_exact("sparse-direct", fully_connected(70, 1, 37), options);
    options.batch = 1;
  }
}

class SparseNm : public testing::TestWithParam<DataType> {
 protected:
  void SetUp() override {
    LayerSpec one = convolution(1, 1, 1, 1, 1);
    if (const Support support = algorithm_named("sparse-nm").supports({.layer = one, .type = GetParam()}); !support) GTEST_SKIP() << support.reason;
  }
  void check_it(const LayerSpec& layer, double share, std::int64_t batch = 1, int threads = 1) {
    ExactOptions options{.type = GetParam(), .batch = batch, .threads = threads, .weights = share};
    if (GetParam() == DataType::s8) options.largest_weight = 127, options.largest_activation = 255;
    check_exact("sparse-nm", layer, options);
  }
};

TEST_P(SparseNm, KernelsStridesAndPaddingsAtEveryDensity) {
  for (const double share : kShares)
    for (const std::int64_t kernel : {1, 3, 5})
      for (const std::int64_t stride : {1, 2, 3})
        for (const std::int64_t padding : {0, 1, 2}) check_it(convolution(19, 35, 11, 13, kernel, stride, padding), share);
}

TEST_P(SparseNm, EveryTileWidth) {
  for (std::int64_t width = 1; width <= 60; ++width) check_it(convolution(5, 18, 3, width, 3, 1, 1), 0.5);
}

TEST_P(SparseNm, ChannelsGroupsDilationBatchesAndThreads) {
  for (const std::int64_t channels : {1, 3, 4, 7, 8, 15, 16, 17, 63, 64, 65, 70}) check_it(convolution(channels, 17, 4, 9, 3, 1, 1), 0.4);
  check_it(convolution(12, 18, 9, 10, 3, 1, 1, 3), 0.4);
  check_it(convolution(6, 6, 9, 10, 3, 1, 2, 6, 2), 0.6);
  for (const int threads : {2, 3, 5}) check_it(convolution(33, 50, 9, 15, 3, 1, 1), 0.25, 3, threads);
  for (const std::int64_t batch : {1, 2, 16, 29}) check_it(fully_connected(70, 2, 37), 0.5, batch);
}

INSTANTIATE_TEST_SUITE_P(Types, SparseNm, testing::Values(DataType::f32, DataType::s8),
                         [](const auto& test) { return test.param == DataType::s8 ? "s8" : "f32"; });

// Weights that really are 2:4 fill every slot.
TEST(SparseNmFormat, TwoOfFourLeavesNoHoles) {
  LayerSpec layer = convolution(64, 32, 6, 6, 1);
  const Case c{.layer = layer};
  Tensor input(ElementType::f32, c.input_shape()), none, weights(ElementType::f32, c.weight_shape()), bias(ElementType::f32, {32, 1, 1, 1});
  for (std::int64_t i = 0; i < weights.count(); ++i) weights.set_value(i, i % 4 == (i / 4) % 4 || i % 4 == (i / 4 + 1 + i / 64 % 3) % 4 ? 1 + i % 3 : 0);
  const Work work = algorithm_named("sparse-nm").prepare(c, {input, none, weights, bias})->work();
  EXPECT_EQ(work.facts.at("slots_filled"), "1.000");
  EXPECT_EQ(work.facts.at("pattern"), "at most 2 of 4");
  EXPECT_EQ(work.macs_executed, 64U * 32 * 36 / 2);
}

TEST(SparseActivations, EveryShareOfInputs) {
  for (const double share : kShares)
    for (const int threads : {1, 2, 3})
      for (const std::int64_t outputs : {1, 16, 37, 100}) {
        check_exact("sparse-activations", fully_connected(70, 1, outputs), {.threads = threads, .activations = share});
        check_exact("sparse-activations", fully_connected(5, 4, outputs), {.threads = threads, .activations = share});
      }
}

TEST(SparseActivations, CountsWhatItMultiplies) {
  LayerSpec layer = fully_connected(10, 1, 3);
  const Case c{.layer = layer};
  Tensor input(ElementType::f32, c.input_shape()), none, weights(ElementType::f32, c.weight_shape()), bias(ElementType::f32, {3, 1, 1, 1});
  input.set_value(4, 2);
  input.set_value(9, -1);
  const auto kernel = algorithm_named("sparse-activations").prepare(c, {input, none, weights, bias});
  kernel->run(1);
  EXPECT_EQ(kernel->work().macs_executed, 6U);
}

TEST(SparseDirect, NormalValuesAndEpilogues) {
  for (const Activation activation : {Activation::none, Activation::relu, Activation::sigmoid, Activation::tanh})
    for (const Epilogue epilogue : {Epilogue::layer, Epilogue::bias, Epilogue::none}) {
      LayerSpec layer = convolution(10, 20, 9, 33, 3, 1, 1);
      layer.activation = activation;
      check("sparse-direct", layer, {.epilogue = epilogue});
      layer = fully_connected(33, 2, 50);
      layer.activation = activation;
      check("sparse-direct", layer, {.epilogue = epilogue});
      check("sparse-direct", layer, {.batch = 3, .epilogue = epilogue});
      check("sparse-nm", layer, {.batch = 3, .epilogue = epilogue});
    }
}

}  // namespace
}  // namespace convroof::highway
