// Convolutions by register tiles, on shapes that divide nothing.
#include <gtest/gtest.h>

#include "tests/backends/highway/kernel_check.h"

namespace convroof::highway {
namespace {

TEST(Direct, KernelsStridesPaddingsAndDilations) {
  for (const std::int64_t kernel : {1, 2, 3, 5})
    for (const std::int64_t stride : {1, 2, 3})
      for (const std::int64_t padding : {0, 1, 2})
        for (const std::int64_t dilation : {1, 2}) check("direct", convolution(19, 35, 11, 13, kernel, stride, padding, 1, dilation));
}

TEST(Direct, EveryTileWidth) {
  for (std::int64_t width = 1; width <= 60; ++width) check("direct", convolution(5, 40, 3, width, 3, 1, 1));
}

TEST(Direct, TileWidthsOfStrideTwo) {
  for (std::int64_t width = 1; width <= 58; width += 3) check("direct", convolution(17, 16, 5, width, 3, 2, 1));
}

TEST(Direct, FewChannelsStayPlain) {
  for (const std::int64_t channels : {1, 2, 3, 4})
    for (const std::int64_t stride : {1, 2, 3, 4}) {
      check("direct", convolution(channels, 17, 23, 61, 7, stride, 3));
      check("direct", convolution(channels, 17, 23, 40, 11, stride, 0));
      check("direct", convolution(channels, 17, 23, 40, 3, stride, 1, 1, 2));
    }
}

TEST(Direct, Groups) {
  check("direct", convolution(6, 10, 7, 7, 3, 1, 1, 2));
  check("direct", convolution(96, 64, 9, 9, 5, 1, 2, 2));
  check("direct", convolution(8, 8, 9, 9, 3, 1, 1, 8));
  check("direct", convolution(8, 24, 9, 9, 3, 2, 1, 8));
}

TEST(Direct, SeveralPassesOverManyChannels) {
  check("direct", convolution(272, 80, 6, 14, 3, 2, 1), {.all_targets = false});
  check("direct", convolution(1100, 65, 7, 7, 1), {.all_targets = false});
}

// More than several second-level caches of input: tiles pass one by one, or few, and ask for those of the next pass and the next image.
TEST(Direct, PointwiseInputsBeyondTheCaches) {
  check("direct", convolution(20, 40, 199, 201, 1), {.batch = 4, .threads = 2, .all_targets = false});
  check("direct", convolution(20, 40, 199, 201, 1, 2), {.batch = 4, .all_targets = false});
}

TEST(Direct, FullyConnectedStreams) {
  for (const std::int64_t outputs : {1, 15, 16, 17, 33, 100, 128, 250}) check("gemm", fully_connected(37, 1, outputs), {.threads = 2});
}

// Summed in one go, the first is off by 1.2e-6 of the whole and the fully connected ones by 3.2e-6 and 3.3e-6; the bound is 1e-6.
TEST(Direct, LongReductionsAreSummedInParts) {
  check("direct", convolution(512, 32, 14, 14, 3, 1, 1), {.all_targets = false});
  check("direct", convolution(512, 64, 7, 7, 3, 1, 1), {.threads = 2, .all_targets = false});
  check("direct", convolution(512, 16, 5, 5, 5, 1, 2));
  check("gemm", fully_connected(25088, 1, 200), {.all_targets = false});
  check("gemm", fully_connected(25088, 1, 40), {.batch = 5});
}

TEST(Direct, PaddingWiderThanTheImage) { check("direct", convolution(20, 20, 2, 2, 3, 1, 4)); }

TEST(Direct, UnequalSidesAndPaddings) {
  LayerSpec layer = convolution(18, 33, 10, 31, 3, 1, 1);
  layer.kernel_height = 1;
  layer.kernel_width = 5;
  layer.stride_height = 2;
  layer.pad_top = 0;
  layer.pad_left = 3;
  layer.pad_bottom = 1;
  layer.pad_right = 0;
  layer.out_height = output_extent(10, 1, 2, 1, 0, 1);
  layer.out_width = output_extent(31, 5, 1, 1, 3, 0);
  check("direct", layer);
}

TEST(Direct, BatchesAndThreads) {
  for (const int threads : {1, 2, 3, 5}) check("direct", convolution(33, 50, 9, 15, 3, 1, 1), {.batch = 3, .threads = threads});
  check("direct", convolution(3, 4, 1, 1, 1), {.threads = 4});
}

TEST(Direct, IntegersAreExact) {
  check("direct", convolution(37, 50, 9, 15, 3, 1, 1), {.integers = true});
  check("direct", convolution(3, 50, 19, 15, 7, 2, 3), {.integers = true});
}

TEST(Direct, Epilogues) {
  for (const Activation activation : {Activation::none, Activation::relu, Activation::sigmoid, Activation::tanh})
    for (const Epilogue epilogue : {Epilogue::layer, Epilogue::bias, Epilogue::none}) {
      LayerSpec layer = convolution(20, 20, 9, 33, 3, 1, 1);
      layer.activation = activation;
      check("direct", layer, {.epilogue = epilogue});
      layer.has_bias = false;
      check("direct", layer, {.epilogue = epilogue});
    }
}

TEST(Gemm, FullyConnectedLayers) {
  for (const std::int64_t batch : {1, 2, 3, 5, 16, 29, 64}) check("gemm", fully_connected(7, 3, 77), {.batch = batch});
  for (const int threads : {2, 3}) check("gemm", fully_connected(100, 1, 1000), {.batch = 2, .threads = threads});
  check("gemm", fully_connected(1, 1, 1));
  check("gemm", fully_connected(3000, 1, 40), {.batch = 16, .integers = true});
}

}  // namespace
}  // namespace convroof::highway
