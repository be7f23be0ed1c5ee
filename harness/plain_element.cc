#include "harness/plain_element.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace convroof {
namespace {

struct Element {
  const Case& c;
  const Operands& operands;
  const LayerSpec& l = c.layer;

  double input(std::int64_t n, std::int64_t channel, std::int64_t y, std::int64_t x) const {
    return operands.input.value(((n * l.in_channels + channel) * l.in_height + y) * l.in_width + x);
  }
  // The input under a tap of the window of output (y, x); `outside` where the window hangs over the edge.
  double tap(std::int64_t n, std::int64_t channel, std::int64_t y, std::int64_t r, std::int64_t x, std::int64_t s, double outside) const {
    const std::int64_t row = y * l.stride_height + r * l.dilation_height - l.pad_top, column = x * l.stride_width + s * l.dilation_width - l.pad_left;
    return row >= 0 && row < l.in_height && column >= 0 && column < l.in_width ? input(n, channel, row, column) : outside;
  }

  double convolution(std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x) const {
    double sum = c.has_bias() ? operands.bias.value(k) : 0;
    const std::int64_t first = k / l.out_channels_per_group() * l.in_channels_per_group();
    for (std::int64_t channel = 0; channel < l.in_channels_per_group(); ++channel)
      for (std::int64_t r = 0; r < l.kernel_height; ++r)
        for (std::int64_t s = 0; s < l.kernel_width; ++s)
          sum += tap(n, first + channel, y, r, x, s, 0) *
                 operands.weights.value(((k * l.in_channels_per_group() + channel) * l.kernel_height + r) * l.kernel_width + s);
    return sum;
  }

  double pooled(std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x) const {
    const double outside = std::numeric_limits<double>::quiet_NaN();  // marks padding, which is neither compared nor averaged
    double largest = -std::numeric_limits<double>::infinity(), sum = 0, count = 0;
    for (std::int64_t r = 0; r < l.kernel_height; ++r)
      for (std::int64_t s = 0; s < l.kernel_width; ++s) {
        const double value = tap(n, k, y, r, x, s, outside);
        if (std::isnan(value)) continue;
        largest = std::max(largest, value), sum += value, count += 1;
      }
    if (count == 0) return 0;
    return l.op == Op::maxpool ? largest : sum / count;
  }

  double normalised(std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x) const {
    double squares = 0;
    const std::int64_t first = k - l.lrn_size / 2;
    for (std::int64_t channel = std::max<std::int64_t>(first, 0); channel < std::min(first + l.lrn_size, l.in_channels); ++channel)
      squares += input(n, channel, y, x) * input(n, channel, y, x);
    return input(n, k, y, x) / std::pow(l.lrn_k + l.lrn_alpha * squares, l.lrn_beta);
  }

  double softmax(std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x) const {
    double top = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::int64_t channel = 0; channel < l.in_channels; ++channel) top = std::max(top, input(n, channel, y, x));
    for (std::int64_t channel = 0; channel < l.in_channels; ++channel) sum += std::exp(input(n, channel, y, x) - top);
    return std::exp(input(n, k, y, x) - top) / sum;
  }
};

}  // namespace

double activated(double value, Activation activation) {
  switch (activation) {
    case Activation::none:
      return value;
    case Activation::relu:
      return std::max(value, 0.0);
    case Activation::sigmoid:
      return 1.0 / (1.0 + std::exp(-value));
    case Activation::tanh:
      return std::tanh(value);
  }
  return value;
}

double plain_element(const Case& c, const Operands& operands, std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x) {
  const Element element{c, operands};
  double value = 0;
  switch (c.layer.op) {
    case Op::conv:
    case Op::fc:
      value = element.convolution(n, k, y, x);
      break;
    case Op::maxpool:
    case Op::avgpool:
      value = element.pooled(n, k, y, x);
      break;
    case Op::lrn:
      value = element.normalised(n, k, y, x);
      break;
    case Op::add:
      value = element.input(n, k, y, x) + operands.addend.value(((n * c.layer.in_channels + k) * c.layer.in_height + y) * c.layer.in_width + x);
      break;
    case Op::relu:
      value = std::max(element.input(n, k, y, x), 0.0);
      break;
    case Op::softmax:
      value = element.softmax(n, k, y, x);
      break;
  }
  return activated(value, c.activation());
}

}  // namespace convroof
