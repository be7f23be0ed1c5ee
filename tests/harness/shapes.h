// Small layers of every kind for the tests of this room: odd sizes, since bugs live at the edges.
#pragma once

#include <vector>

#include "workloads/layer.h"

namespace convroof::testing_support {

inline LayerSpec convolution(std::int64_t in_channels, std::int64_t size, std::int64_t out_channels, std::int64_t kernel, std::int64_t stride = 1,
                             std::int64_t padding = 0, std::int64_t groups = 1, std::int64_t dilation = 1) {
  LayerSpec l;
  l.name = "conv";
  l.op = Op::conv;
  l.in_channels = in_channels, l.in_height = size, l.in_width = size + 2;
  l.out_channels = out_channels, l.kernel_height = l.kernel_width = kernel;
  l.stride_height = l.stride_width = stride;
  l.dilation_height = l.dilation_width = dilation;
  l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = padding;
  l.groups = groups, l.has_bias = true;
  l.out_height = output_extent(l.in_height, kernel, stride, dilation, padding, padding);
  l.out_width = output_extent(l.in_width, kernel, stride, dilation, padding, padding);
  validate(l);
  return l;
}

inline LayerSpec fully_connected(std::int64_t in_channels, std::int64_t size, std::int64_t out_channels) {
  LayerSpec l;
  l.name = "fc";
  l.op = Op::fc;
  l.in_channels = in_channels, l.in_height = l.in_width = l.kernel_height = l.kernel_width = size;
  l.out_channels = out_channels, l.has_bias = true, l.activation = Activation::relu;
  validate(l);
  return l;
}

inline LayerSpec same_shape(Op op, std::int64_t channels, std::int64_t size) {
  LayerSpec l;
  l.name = name_of(op);
  l.op = op;
  l.in_channels = l.out_channels = channels, l.in_height = l.out_height = size, l.in_width = l.out_width = size;
  validate(l);
  return l;
}

inline LayerSpec pooling(Op op, std::int64_t channels, std::int64_t size, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  LayerSpec l = convolution(1, size, 1, kernel, stride, padding);
  l.name = name_of(op);
  l.op = op;
  l.in_channels = l.out_channels = channels, l.has_bias = false;
  validate(l);
  return l;
}

inline std::vector<LayerSpec> small_layers() {
  std::vector<LayerSpec> layers = {convolution(1, 5, 1, 1),
                                   convolution(3, 7, 5, 3, 1, 1),
                                   convolution(17, 9, 13, 3, 2, 1),
                                   convolution(8, 11, 6, 5, 2, 2, 2),
                                   convolution(6, 13, 6, 3, 1, 1, 6),
                                   convolution(5, 12, 7, 3, 1, 2, 1, 2),
                                   convolution(3, 19, 50, 7, 4, 3),
                                   convolution(70, 6, 49, 1),
                                   convolution(2, 3, 3, 3, 3, 0),
                                   fully_connected(9, 1, 11),
                                   fully_connected(5, 6, 103),
                                   pooling(Op::maxpool, 5, 9, 3, 2, 1),
                                   pooling(Op::avgpool, 3, 8, 2, 2, 0),
                                   pooling(Op::avgpool, 4, 7, 3, 2, 1),
                                   same_shape(Op::lrn, 7, 5),
                                   same_shape(Op::add, 3, 6),
                                   same_shape(Op::relu, 4, 5),
                                   same_shape(Op::softmax, 10, 1),
                                   same_shape(Op::softmax, 3, 4)};
  layers[1].activation = Activation::relu;
  layers[2].activation = Activation::tanh;
  layers[3].activation = Activation::sigmoid;
  layers[4].has_bias = false;
  layers[5].pad_bottom = 1, layers[5].out_height = output_extent(layers[5].in_height, 3, 1, 2, 2, 1);
  for (const LayerSpec& layer : layers) validate(layer);
  return layers;
}

}  // namespace convroof::testing_support
