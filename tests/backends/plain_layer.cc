#include "tests/backends/plain_layer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace convroof::testing_support {
namespace {

double activate(double value, Activation activation) {
  if (activation == Activation::relu) return std::max(value, 0.0);
  if (activation == Activation::sigmoid) return 1 / (1 + std::exp(-value));
  if (activation == Activation::tanh) return std::tanh(value);
  return value;
}

std::vector<double> values_of(const Tensor& t) {
  std::vector<double> values(static_cast<std::size_t>(t.count()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = t.value(static_cast<std::int64_t>(i));
  return values;
}

}  // namespace

PlainResult plain_layer(const Case& c, const Operands& operands) {
  const LayerSpec& l = c.layer;
  PlainResult result;
  const std::vector<double> input = values_of(operands.input), addend = values_of(operands.addend), weights = values_of(operands.weights);
  const auto at = [&](const std::vector<double>& v, std::int64_t n, std::int64_t ch, std::int64_t y, std::int64_t x) {
    return v[static_cast<std::size_t>(((n * l.in_channels + ch) * l.in_height + y) * l.in_width + x)];
  };
  for (std::int64_t n = 0; n < c.batch; ++n)
    for (std::int64_t k = 0; k < l.out_channels; ++k)
      for (std::int64_t y = 0; y < l.out_height; ++y)
        for (std::int64_t x = 0; x < l.out_width; ++x) {
          double value = 0, magnitude = 0, top = -std::numeric_limits<double>::infinity();
          std::int64_t taps = 0;
          const auto for_each_tap = [&](auto&& f) {
            for (std::int64_t r = 0; r < l.kernel_height; ++r)
              for (std::int64_t s = 0; s < l.kernel_width; ++s) {
                const std::int64_t iy = y * l.stride_height + r * l.dilation_height - l.pad_top;
                const std::int64_t ix = x * l.stride_width + s * l.dilation_width - l.pad_left;
                if (iy >= 0 && iy < l.in_height && ix >= 0 && ix < l.in_width) f(r, s, iy, ix);
              }
          };
          switch (l.op) {
            case Op::conv:
            case Op::fc: {
              const std::int64_t group = k / l.out_channels_per_group();
              if (c.has_bias()) value = operands.bias.value(k), magnitude = std::abs(value);
              for_each_tap([&](std::int64_t r, std::int64_t s, std::int64_t iy, std::int64_t ix) {
                for (std::int64_t ch = 0; ch < l.in_channels_per_group(); ++ch) {
                  const double product = at(input, n, group * l.in_channels_per_group() + ch, iy, ix) *
                                         weights[static_cast<std::size_t>(((k * l.in_channels_per_group() + ch) * l.kernel_height + r) * l.kernel_width + s)];
                  value += product, magnitude += std::abs(product);
                }
              });
              break;
            }
            case Op::maxpool:
              for_each_tap([&](std::int64_t, std::int64_t, std::int64_t iy, std::int64_t ix) { top = std::max(top, at(input, n, k, iy, ix)); });
              value = top, magnitude = std::abs(top);
              break;
            case Op::avgpool:
              for_each_tap([&](std::int64_t, std::int64_t, std::int64_t iy, std::int64_t ix) {
                value += at(input, n, k, iy, ix), magnitude += std::abs(at(input, n, k, iy, ix)), ++taps;
              });
              value /= static_cast<double>(taps), magnitude /= static_cast<double>(taps);
              break;
            case Op::lrn: {
              double squares = 0;
              for (std::int64_t ch = std::max<std::int64_t>(0, k - l.lrn_size / 2); ch <= std::min(l.in_channels - 1, k + l.lrn_size / 2); ++ch)
                squares += at(input, n, ch, y, x) * at(input, n, ch, y, x);
              value = at(input, n, k, y, x) * std::pow(l.lrn_k + l.lrn_alpha * squares, -l.lrn_beta);
              magnitude = std::abs(value);
              break;
            }
            case Op::add: {
              const double a = at(input, n, k, y, x), b = at(addend, n, k, y, x);
              value = a + b, magnitude = std::abs(a) + std::abs(b);
              break;
            }
            case Op::relu:
              value = std::max(0.0, at(input, n, k, y, x)), magnitude = value;
              break;
            case Op::softmax: {
              double sum = 0;
              for (std::int64_t ch = 0; ch < l.in_channels; ++ch) top = std::max(top, at(input, n, ch, y, x));
              for (std::int64_t ch = 0; ch < l.in_channels; ++ch) sum += std::exp(at(input, n, ch, y, x) - top);
              value = std::exp(at(input, n, k, y, x) - top) / sum, magnitude = value;
              break;
            }
          }
          result.expected.push_back(activate(value, c.activation()));
          result.magnitude.push_back(magnitude);
        }
  return result;
}

}  // namespace convroof::testing_support
