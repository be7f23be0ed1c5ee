// Layers without weights.
#include <gtest/gtest.h>

#include "tests/backends/highway/kernel_check.h"

namespace convroof::highway {
namespace {

TEST(Pass, Pooling) {
  for (const Op op : {Op::maxpool, Op::avgpool})
    for (const std::int64_t kernel : {1, 2, 3, 7})
      for (const std::int64_t stride : {1, 2, 3})
        for (const std::int64_t padding : {0, 1}) {
          if (padding >= kernel) continue;
          check("direct", pooling(op, 19, 9, 11, kernel, stride, padding), {.batch = 2, .threads = 2});
        }
}

TEST(Pass, DilatedPooling) {
  LayerSpec layer = pooling(Op::maxpool, 5, 12, 14, 3, 1, 1);
  layer.dilation_height = layer.dilation_width = 2;
  layer.out_height = output_extent(12, 3, 1, 2, 1, 1);
  layer.out_width = output_extent(14, 3, 1, 2, 1, 1);
  check("direct", layer);
}

TEST(Pass, AdditionAndRelu) {
  for (const std::int64_t width : {1, 5, 16, 33}) {
    LayerSpec add = elementwise(Op::add, 3, 7, width);
    check("direct", add, {.threads = 2});
    add.activation = Activation::relu;
    check("direct", add);
    check("direct", elementwise(Op::relu, 3, 7, width));
  }
}

TEST(Pass, LocalResponseNormalisation) {
  for (const std::int64_t size : {1, 3, 4, 5}) {
    LayerSpec layer = elementwise(Op::lrn, 13, 5, 7);
    layer.lrn_size = size;
    check("direct", layer, {.batch = 2, .threads = 2});
    layer.lrn_beta = 0.6;
    layer.lrn_alpha = 0.3;
    layer.lrn_k = 1;
    check("direct", layer);
  }
}

TEST(Pass, Softmax) {
  check("direct", elementwise(Op::softmax, 1000, 1, 1));
  check("direct", elementwise(Op::softmax, 7, 3, 5), {.batch = 2, .threads = 3});
  check("direct", elementwise(Op::softmax, 1, 1, 1));
}

}  // namespace
}  // namespace convroof::highway
