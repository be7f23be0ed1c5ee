#include "harness/expected.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "harness/convolution_f64.h"
#include "harness/counter_random.h"
#include "harness/plain_element.h"
#include "workloads/checked.h"

namespace convroof {
namespace {

constexpr int kSpotChecks = 8;

std::vector<double> as_doubles(const Tensor& tensor) {
  std::vector<double> values(static_cast<std::size_t>(tensor.count()));
  visit_type(tensor.type(), [&](auto zero) {
    using T = decltype(zero);
    const std::span<const T> from = tensor.as<T>();
    const std::int64_t count = tensor.count();
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < count; ++i) {
      const T value = from[static_cast<std::size_t>(i)];
      if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>)
        values[static_cast<std::size_t>(i)] = static_cast<double>(static_cast<float>(value));
      else
        values[static_cast<std::size_t>(i)] = static_cast<double>(value);
    }
  });
  return values;
}

// Calls f(y, x, first, last) for each output position with the window's index ranges that lie inside the input.
template <typename F>
void for_each_window(const LayerSpec& l, F&& f) {
  for (std::int64_t y = 0; y < l.out_height; ++y)
    for (std::int64_t x = 0; x < l.out_width; ++x) {
      const std::int64_t top = y * l.stride_height - l.pad_top, left = x * l.stride_width - l.pad_left;
      f(y * l.out_width + x, std::max<std::int64_t>(top, 0), std::min(top + l.kernel_height, l.in_height), std::max<std::int64_t>(left, 0),
        std::min(left + l.kernel_width, l.in_width));
    }
}

void pool(const LayerSpec& l, std::int64_t planes, const std::vector<double>& input, std::span<double> out, std::vector<double>& magnitude) {
  if (l.op == Op::avgpool) magnitude.resize(out.size());
#pragma omp parallel for schedule(dynamic)
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    const double* const in = input.data() + plane * l.in_height * l.in_width;
    const std::int64_t base = plane * l.out_height * l.out_width;
    for_each_window(l, [&](std::int64_t position, std::int64_t top, std::int64_t bottom, std::int64_t left, std::int64_t right) {
      double largest = -std::numeric_limits<double>::infinity(), sum = 0, absolute = 0;
      for (std::int64_t y = top; y < bottom; ++y)
        for (std::int64_t x = left; x < right; ++x) {
          const double value = in[y * l.in_width + x];
          largest = std::max(largest, value), sum += value, absolute += std::abs(value);
        }
      const auto count = static_cast<double>(std::max<std::int64_t>((bottom - top) * (right - left), 1));
      if (l.op == Op::maxpool) {
        out[static_cast<std::size_t>(base + position)] = std::isinf(largest) ? 0 : largest;
      } else {
        out[static_cast<std::size_t>(base + position)] = sum / count;
        magnitude[static_cast<std::size_t>(base + position)] = absolute / count;
      }
    });
  }
}

void normalise(const LayerSpec& l, std::int64_t batch, const std::vector<double>& input, std::span<double> out) {
  const std::int64_t pixels = l.in_height * l.in_width;
#pragma omp parallel for collapse(2) schedule(static)
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t k = 0; k < l.in_channels; ++k) {
      const std::int64_t first = std::max<std::int64_t>(k - l.lrn_size / 2, 0), end = std::min(k - l.lrn_size / 2 + l.lrn_size, l.in_channels);
      for (std::int64_t i = 0; i < pixels; ++i) {
        double squares = 0;
        for (std::int64_t c = first; c < end; ++c) {
          const double value = input[static_cast<std::size_t>((n * l.in_channels + c) * pixels + i)];
          squares += value * value;
        }
        const auto index = static_cast<std::size_t>((n * l.in_channels + k) * pixels + i);
        out[index] = input[index] / std::pow(l.lrn_k + l.lrn_alpha * squares, l.lrn_beta);
      }
    }
}

void softmax(const LayerSpec& l, std::int64_t batch, const std::vector<double>& input, std::span<double> out) {
  const std::int64_t pixels = l.in_height * l.in_width;
#pragma omp parallel for collapse(2) schedule(static)
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t i = 0; i < pixels; ++i) {
      const auto index = [&](std::int64_t c) { return static_cast<std::size_t>((n * l.in_channels + c) * pixels + i); };
      double top = -std::numeric_limits<double>::infinity(), sum = 0;
      for (std::int64_t c = 0; c < l.in_channels; ++c) top = std::max(top, input[index(c)]);
      for (std::int64_t c = 0; c < l.in_channels; ++c) sum += out[index(c)] = std::exp(input[index(c)] - top);
      for (std::int64_t c = 0; c < l.in_channels; ++c) out[index(c)] /= sum;
    }
}

}  // namespace

Expected::Expected(const Case& c, const Operands& operands, bool with_magnitudes)
    : layer_(c.layer), has_magnitudes_(with_magnitudes || !c.layer.has_weights()), values_(ElementType::f64, c.output_shape()) {
  compute(c, operands);
  spot_check(c, operands);
}

void Expected::compute(const Case& c, const Operands& operands) {
  const std::span<double> out = values_.as<double>();
  const std::int64_t pixels = layer_.out_height * layer_.out_width, planes = c.batch * layer_.out_channels;
  switch (layer_.op) {
    case Op::conv:
    case Op::fc: {
      ConvolutionSums sums = convolve_f64(c, operands, out, has_magnitudes_);
      patch_norm_ = std::move(sums.patch_norm);
      filter_norm_ = std::move(sums.filter_norm);
      bias_magnitude_.assign(static_cast<std::size_t>(layer_.out_channels), 0.0);
      if (!c.has_bias()) break;
      for (std::int64_t k = 0; k < layer_.out_channels; ++k) bias_magnitude_[static_cast<std::size_t>(k)] = std::abs(operands.bias.value(k));
#pragma omp parallel for schedule(static)
      for (std::int64_t plane = 0; plane < planes; ++plane) {
        const double bias = operands.bias.value(plane % layer_.out_channels);
        for (double& value : out.subspan(static_cast<std::size_t>(plane * pixels), static_cast<std::size_t>(pixels))) value += bias;
      }
      break;
    }
    case Op::maxpool:
    case Op::avgpool:
      pool(layer_, planes, as_doubles(operands.input), out, magnitude_);
      break;
    case Op::lrn:
      normalise(layer_, c.batch, as_doubles(operands.input), out);
      break;
    case Op::add: {
      const std::vector<double> a = as_doubles(operands.input), b = as_doubles(operands.addend);
      magnitude_.resize(a.size());
      for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] + b[i], magnitude_[i] = std::abs(a[i]) + std::abs(b[i]);
      break;
    }
    case Op::relu: {
      const std::vector<double> a = as_doubles(operands.input);
      for (std::size_t i = 0; i < a.size(); ++i) out[i] = std::max(a[i], 0.0);
      break;
    }
    case Op::softmax:
      softmax(layer_, c.batch, as_doubles(operands.input), out);
      break;
  }
  if (c.activation() == Activation::none) return;
  const auto count = static_cast<std::int64_t>(out.size());
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < count; ++i) out[static_cast<std::size_t>(i)] = activated(out[static_cast<std::size_t>(i)], c.activation());
}

void Expected::spot_check(const Case& c, const Operands& operands) const {
  const std::int64_t count = values_.count();
  std::vector<double> plane(static_cast<std::size_t>(layer_.out_height * layer_.out_width));
  for (int check = 0; check < kSpotChecks; ++check) {
    // The first, the last, and some between.
    const std::int64_t index = check == 0 ? 0
                               : check == 1
                                   ? count - 1
                                   : static_cast<std::int64_t>(mixed(static_cast<std::uint64_t>(count * 31 + check)) % static_cast<std::uint64_t>(count));
    const std::int64_t x = index % layer_.out_width, y = index / layer_.out_width % layer_.out_height;
    const std::int64_t k = index / (layer_.out_width * layer_.out_height) % layer_.out_channels,
                       n = index / (layer_.out_width * layer_.out_height * layer_.out_channels);
    const double plain = plain_element(c, operands, n, k, y, x), fast = values()[static_cast<std::size_t>(index)];
    if (has_magnitudes_)
      magnitudes(n, k, plane);
    else
      std::ranges::fill(plane, 0.0);
    // Both are sums in double, in different orders; a library's exp and pow add a few ulps.
    const double length = layer_.has_weights() ? static_cast<double>(layer_.reduction_length()) + 8 : static_cast<double>(layer_.in_channels) + 64;
    const double allowed = is_integer(c.type) && layer_.has_weights() && c.activation() != Activation::sigmoid && c.activation() != Activation::tanh
                               ? 0.0
                               : length * 0x1p-52 * (plane[static_cast<std::size_t>(y * layer_.out_width + x)] + std::abs(plain));
    if (!(std::abs(plain - fast) <= allowed))
      throw std::logic_error(
          fmt::format("the expected output is wrong: element ({}, {}, {}, {}) is {} by plain loops and {} by the fast path", n, k, y, x, plain, fast));
  }
}

void Expected::magnitudes(std::int64_t n, std::int64_t k, std::span<double> plane) const {
  const std::int64_t pixels = layer_.out_height * layer_.out_width;
  const auto first = static_cast<std::size_t>((n * layer_.out_channels + k) * pixels);
  if (layer_.has_weights()) {
    if (!has_magnitudes_) throw std::logic_error("the expected output was made without magnitudes");
    const double* const patches = patch_norm_.data() + (n * layer_.groups + k / layer_.out_channels_per_group()) * pixels;
    const double filter = filter_norm_[static_cast<std::size_t>(k)], bias = bias_magnitude_[static_cast<std::size_t>(k)];
    for (std::int64_t i = 0; i < pixels; ++i) plane[static_cast<std::size_t>(i)] = patches[i] * filter + bias;
    return;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(pixels); ++i) plane[i] = magnitude_.empty() ? std::abs(values()[first + i]) : magnitude_[first + i];
}

std::int64_t expected_bytes(const Case& c) {
  const std::int64_t outputs = checked_product({c.batch, c.layer.out_channels, c.layer.out_height, c.layer.out_width, std::int64_t{sizeof(double)}});
  if (c.layer.has_weights()) return checked_sum(outputs, convolution_workspace_bytes(c));
  const std::int64_t inputs = checked_product({c.batch, c.layer.in_channels, c.layer.in_height, c.layer.in_width, std::int64_t{sizeof(double)}});
  return checked_sum(checked_product(outputs, 2), checked_product(inputs, c.layer.input_count()));
}

}  // namespace convroof
