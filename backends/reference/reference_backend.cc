// The reference: plain loops, one output element at a time, double (integers: 64-bit) accumulator. Its beauty is that it can be checked by eye;
// it is never made faster. Everything else in this repository is compared with it, directly or through harness/expected.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "backends/backend.h"
#include "backends/host_cpu.h"

namespace convroof {
namespace {

// C++ types behind a DataType. Sum holds every intermediate value.
template <DataType type>
struct Numbers;
template <>
struct Numbers<DataType::f32> {
  using Activation = float;
  using Weight = float;
  using Bias = float;
  using Sum = double;
  using Output = float;
};
template <>
struct Numbers<DataType::bf16> {
  using Activation = BFloat16;
  using Weight = BFloat16;
  using Bias = float;
  using Sum = double;
  using Output = BFloat16;
};
template <>
struct Numbers<DataType::f16> {
  using Activation = Float16;
  using Weight = Float16;
  using Bias = float;
  using Sum = double;
  using Output = Float16;
};
template <>
struct Numbers<DataType::s8> {
  using Activation = std::uint8_t;
  using Weight = std::int8_t;
  using Bias = std::int32_t;
  using Sum = std::int64_t;
  using Output = std::int32_t;
};
template <>
struct Numbers<DataType::s16> {
  using Activation = std::int16_t;
  using Weight = std::int16_t;
  using Bias = std::int64_t;
  using Sum = std::int64_t;
  using Output = std::int64_t;
};

template <typename Sum, typename T>
Sum wide(T value) {
  if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>)
    return static_cast<Sum>(static_cast<float>(value));
  else
    return static_cast<Sum>(value);
}

template <typename Output, typename Sum>
Output narrow(Sum value) {
  if constexpr (std::is_same_v<Output, BFloat16> || std::is_same_v<Output, Float16>)
    return Output(static_cast<float>(value));
  else
    return static_cast<Output>(value);
}

template <typename Sum>
Sum activated(Sum value, Activation activation) {
  switch (activation) {
    case Activation::none:
      return value;
    case Activation::relu:
      return std::max(value, Sum{0});
    case Activation::sigmoid:
      return static_cast<Sum>(1.0 / (1.0 + std::exp(-static_cast<double>(value))));
    case Activation::tanh:
      return static_cast<Sum>(std::tanh(static_cast<double>(value)));
  }
  return value;
}

template <DataType type>
class ReferenceKernel final : public Kernel {
  using Sum = typename Numbers<type>::Sum;
  using Output = typename Numbers<type>::Output;

 public:
  ReferenceKernel(const Case& c, const Operands& operands)
      : c_(c),
        layer_(c.layer),
        input_(operands.input.as<typename Numbers<type>::Activation>()),
        output_tensor_(format_of(type).output, c.output_shape()),
        output_(output_tensor_.as<Output>()) {
    if (layer_.op == Op::add) addend_ = operands.addend.as<typename Numbers<type>::Activation>();
    if (layer_.has_weights()) weights_ = operands.weights.as<typename Numbers<type>::Weight>();
    if (c.has_bias()) bias_ = operands.bias.as<typename Numbers<type>::Bias>();
  }

  std::optional<double> run(int times) override {
    for (int i = 0; i < times; ++i) compute();
    return std::nullopt;
  }
  void poison_output() override { output_tensor_.poison(); }
  void read_output(Tensor& canonical) override { std::ranges::copy(output_, canonical.as<Output>().begin()); }

  Work work() const override {
    const NumberFormat format = format_of(type);
    Work work;
    work.macs_executed = static_cast<std::uint64_t>(c_.batch * macs_valid(layer_));
    work.ops_other = static_cast<std::uint64_t>(c_.batch * ops_other(layer_));
    work.bytes_packed = static_cast<std::uint64_t>(
        c_.batch * (input_elements(layer_) * bytes_per_element(format.activation) + output_elements(layer_) * bytes_per_element(format.output)) +
        weight_count(layer_) * bytes_per_element(format.weight) + (c_.has_bias() ? bias_count(layer_) * bytes_per_element(format.accumulator) : 0));
    work.unit_used = "scalar";
    work.accumulator = std::is_floating_point_v<Sum> ? "f64" : "s64";
    work.facts["implementation"] = "plain loops";
    return work;
  }

 private:
  Sum input(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return wide<Sum>(input_[static_cast<std::size_t>(((n * layer_.in_channels + c) * layer_.in_height + y) * layer_.in_width + x)]);
  }
  Sum weight(std::int64_t k, std::int64_t c, std::int64_t r, std::int64_t s) const {
    return wide<Sum>(weights_[static_cast<std::size_t>(((k * layer_.in_channels_per_group() + c) * layer_.kernel_height + r) * layer_.kernel_width + s)]);
  }
  bool inside(std::int64_t y, std::int64_t x) const { return y >= 0 && y < layer_.in_height && x >= 0 && x < layer_.in_width; }
  std::int64_t row_of(std::int64_t y, std::int64_t r) const { return y * layer_.stride_height + r * layer_.dilation_height - layer_.pad_top; }
  std::int64_t column_of(std::int64_t x, std::int64_t s) const { return x * layer_.stride_width + s * layer_.dilation_width - layer_.pad_left; }

  void compute() {
    for (std::int64_t n = 0; n < c_.batch; ++n)
      for (std::int64_t k = 0; k < layer_.out_channels; ++k)
        for (std::int64_t y = 0; y < layer_.out_height; ++y)
          for (std::int64_t x = 0; x < layer_.out_width; ++x)
            output_[static_cast<std::size_t>(((n * layer_.out_channels + k) * layer_.out_height + y) * layer_.out_width + x)] =
                narrow<Output>(activated(element(n, k, y, x), c_.activation()));
  }

  Sum element(std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x) const {
    switch (layer_.op) {
      case Op::conv:
      case Op::fc:
        return convolution(n, k, y, x);
      case Op::maxpool:
        return largest(n, k, y, x);
      case Op::avgpool:
        return mean(n, k, y, x);
      case Op::lrn:
        return normalised(n, k, y, x);
      case Op::add:
        return input(n, k, y, x) + wide<Sum>(addend_[static_cast<std::size_t>(((n * layer_.in_channels + k) * layer_.in_height + y) * layer_.in_width + x)]);
      case Op::relu:
        return std::max(input(n, k, y, x), Sum{0});
      case Op::softmax:
        return share(n, k, y, x);
    }
    return Sum{0};
  }

  Sum convolution(std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x) const {
    const std::int64_t first_channel = k / layer_.out_channels_per_group() * layer_.in_channels_per_group();
    Sum sum = bias_.empty() ? Sum{0} : wide<Sum>(bias_[static_cast<std::size_t>(k)]);
    for (std::int64_t c = 0; c < layer_.in_channels_per_group(); ++c)
      for (std::int64_t r = 0; r < layer_.kernel_height; ++r)
        for (std::int64_t s = 0; s < layer_.kernel_width; ++s)
          if (inside(row_of(y, r), column_of(x, s))) sum += input(n, first_channel + c, row_of(y, r), column_of(x, s)) * weight(k, c, r, s);
    return sum;
  }

  Sum largest(std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x) const {
    std::optional<Sum> best;
    for (std::int64_t r = 0; r < layer_.kernel_height; ++r)
      for (std::int64_t s = 0; s < layer_.kernel_width; ++s)
        if (inside(row_of(y, r), column_of(x, s))) {
          const Sum value = input(n, k, row_of(y, r), column_of(x, s));
          best = best ? std::max(*best, value) : value;
        }
    return best.value_or(Sum{0});
  }

  // Padding is not averaged: the divisor is the number of inputs under the window.
  Sum mean(std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x) const {
    Sum sum{0};
    std::int64_t count = 0;
    for (std::int64_t r = 0; r < layer_.kernel_height; ++r)
      for (std::int64_t s = 0; s < layer_.kernel_width; ++s)
        if (inside(row_of(y, r), column_of(x, s))) sum += input(n, k, row_of(y, r), column_of(x, s)), ++count;
    return sum / static_cast<Sum>(std::max<std::int64_t>(count, 1));
  }

  // Krizhevsky et al. 2012, section 3.3. The window of lrn_size channels is centred on k; an even size has its larger half below.
  Sum normalised(std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x) const {
    double squares = 0;
    for (std::int64_t c = k - layer_.lrn_size / 2; c < k - layer_.lrn_size / 2 + layer_.lrn_size; ++c)
      if (c >= 0 && c < layer_.in_channels) {
        const auto value = static_cast<double>(input(n, c, y, x));
        squares += value * value;
      }
    return static_cast<Sum>(static_cast<double>(input(n, k, y, x)) / std::pow(layer_.lrn_k + layer_.lrn_alpha * squares, layer_.lrn_beta));
  }

  Sum share(std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x) const {
    double top = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::int64_t c = 0; c < layer_.in_channels; ++c) top = std::max(top, static_cast<double>(input(n, c, y, x)));
    for (std::int64_t c = 0; c < layer_.in_channels; ++c) sum += std::exp(static_cast<double>(input(n, c, y, x)) - top);
    return static_cast<Sum>(std::exp(static_cast<double>(input(n, k, y, x)) - top) / sum);
  }

  const Case c_;
  const LayerSpec& layer_;
  std::span<const typename Numbers<type>::Activation> input_, addend_;
  std::span<const typename Numbers<type>::Weight> weights_;
  std::span<const typename Numbers<type>::Bias> bias_;
  Tensor output_tensor_;
  std::span<Output> output_;
};

class ReferenceBackend final : public Backend {
 public:
  std::string name() const override { return "reference"; }
  std::string device() const override { return host_cpu().name; }
  Clock clock() const override { return Clock::host; }
  DataType native_type() const override { return DataType::f32; }
  std::vector<Variant> variants() const override {
    return {{.name = "plain",
             .summary = "seven plain loops, double accumulator, one thread",
             .in_quick = true,
             .quick_max_macs = 50'000'000,
             .host_seconds_per_mac = 2e-9}};
  }

  Support supports(const Variant&, const Case& c) const override {
    if (is_integer(c.type)) {
      if (c.layer.op == Op::avgpool || c.layer.op == Op::lrn || c.layer.op == Op::softmax)
        return Support::no(fmt::format("{} has no integer form here", name_of(c.layer.op)));
      if (c.activation() == Activation::sigmoid || c.activation() == Activation::tanh)
        return Support::no(fmt::format("{} has no integer form here", name_of(c.activation())));
    }
    return {};
  }

  std::unique_ptr<Kernel> prepare(const Variant&, const Case& c, const Operands& operands) override {
    switch (c.type) {
      case DataType::f32:
        return std::make_unique<ReferenceKernel<DataType::f32>>(c, operands);
      case DataType::bf16:
        return std::make_unique<ReferenceKernel<DataType::bf16>>(c, operands);
      case DataType::f16:
        return std::make_unique<ReferenceKernel<DataType::f16>>(c, operands);
      case DataType::s8:
        return std::make_unique<ReferenceKernel<DataType::s8>>(c, operands);
      case DataType::s16:
        return std::make_unique<ReferenceKernel<DataType::s16>>(c, operands);
    }
    return nullptr;
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace convroof
