#include "backends/xnnpack/xnnpack_kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>
#include <vector>

namespace convroof::xnnpack {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::uint32_t narrow(std::int64_t value) {
  if (value < 0 || value > std::numeric_limits<std::uint32_t>::max()) throw std::runtime_error(fmt::format("XNNPACK takes sizes of 32 bits, not {}", value));
  return static_cast<std::uint32_t>(value);
}

std::size_t size(std::int64_t value) { return static_cast<std::size_t>(value); }

// [outer][rows][pixels] to [outer][pixels][rows]: channels first to channels last and, with the roles exchanged, back.
void transpose(const float* from, float* to, std::int64_t outer, std::int64_t rows, std::int64_t pixels) {
  for (std::int64_t n = 0; n < outer; ++n, from += rows * pixels, to += rows * pixels)
    for (std::int64_t p = 0; p < pixels; ++p)
      for (std::int64_t r = 0; r < rows; ++r) to[p * rows + r] = from[r * pixels + p];
}

Floats copy_of(const Tensor& tensor, bool channels_last) {
  Floats copy = allocate_floats(size(tensor.count()));
  const float* from = tensor.as<float>().data();
  const Tensor::Shape& s = tensor.shape();
  if (channels_last) {
    transpose(from, copy.get(), s[0], s[1], s[2] * s[3]);
  } else {
    std::copy_n(from, tensor.count(), copy.get());
  }
  return copy;
}

}  // namespace

XnnpackKernel::XnnpackKernel(bool sparse, const Case& c, const Operands& operands)
    : c_(c), sparse_(sparse), channels_last_(!sparse && c.layer.op != Op::fc && c.layer.op != Op::add && c.layer.op != Op::relu), pool_(make_pool(c.threads)) {
  if (const std::string& reason = why_not_here(); !reason.empty()) throw std::runtime_error(reason);
  const std::size_t requested_before = bytes_requested();
  const std::int64_t outputs = c.batch * output_elements(c.layer);
  input_ = copy_of(operands.input, channels_last_);
  if (c.layer.op == Op::add) addend_ = copy_of(operands.addend, channels_last_);
  output_ = allocate_floats(size(outputs));

  macs_ = static_cast<std::uint64_t>(c.batch * macs_valid(c.layer));
  if (sparse) {
    const auto weights = operands.weights.as<float>();
    const auto kept = static_cast<std::int64_t>(weights.size()) - std::ranges::count(weights, 0.0f);
    macs_ = static_cast<std::uint64_t>(kept * c.batch * c.layer.out_height * c.layer.out_width);
    facts_["weights_kept"] = std::to_string(kept);
  }
  switch (c.layer.op) {
    case Op::conv:
      facts_["implementation"] = convolution(operands);
      break;
    case Op::fc:
      facts_["implementation"] = fully_connected(operands);
      break;
    case Op::maxpool:
    case Op::avgpool:
      facts_["implementation"] = pooling();
      break;
    case Op::add:
      facts_["implementation"] = addition();
      break;
    case Op::relu:
      facts_["implementation"] = rectifier();
      break;
    default:
      throw std::logic_error(fmt::format("XNNPACK is not asked for {}", convroof::name_of(c.layer.op)));
  }
  bytes_ = bytes_requested() - requested_before + sizeof(float) * static_cast<std::uint64_t>(operands.input.count() + operands.addend.count() + outputs);
  facts_["library"] = "XNNPACK " CONVROOF_XNNPACK_VERSION;
  facts_["layout"] = channels_last_ ? "channels last" : "channels first";
  facts_["threads_of"] = pool_ == nullptr ? "the caller alone" : "pthreadpool, one for this kernel";
  facts_["reorders"] = "done once in preparation, not timed";
}

const char* XnnpackKernel::convolution(const Operands& operands) {
  const LayerSpec& l = c_.layer;
  const float lowest = c_.activation() == Activation::relu ? 0 : -kInfinity;
  const float* bias = c_.has_bias() ? operands.bias.as<float>().data() : nullptr;
  const std::int64_t taps = l.kernel_height * l.kernel_width;
  std::vector<float> weights(size(operands.weights.count()));  // K, R, S, C of one group
  transpose(operands.weights.as<float>().data(), weights.data(), l.out_channels, l.in_channels_per_group(), taps);
  const auto create = sparse_ ? xnn_create_convolution2d_nchw_f32 : xnn_create_convolution2d_nhwc_f32;
  const auto setup = sparse_ ? xnn_setup_convolution2d_nchw_f32 : xnn_setup_convolution2d_nhwc_f32;
  const char* name = sparse_ ? "convolution2d_nchw_f32 (spmm)" : "convolution2d_nhwc_f32";
  xnn_operator_t op = nullptr;
  check(create(narrow(l.pad_top), narrow(l.pad_right), narrow(l.pad_bottom), narrow(l.pad_left), narrow(l.kernel_height), narrow(l.kernel_width),
               narrow(l.stride_height), narrow(l.stride_width), narrow(l.dilation_height), narrow(l.dilation_width), narrow(l.groups),
               size(l.in_channels_per_group()), size(l.out_channels_per_group()), size(l.in_channels), size(l.out_channels), weights.data(), bias, lowest,
               kInfinity, 0, &op),
        fmt::format("creating {}", name));
  operator_.reset(op);
  check(setup(op, size(c_.batch), size(l.in_height), size(l.in_width), input_.get(), output_.get(), pool_.get()), fmt::format("setting up {}", name));
  return name;
}

const char* XnnpackKernel::fully_connected(const Operands& operands) {
  const float lowest = c_.activation() == Activation::relu ? 0 : -kInfinity;
  const float* bias = c_.has_bias() ? operands.bias.as<float>().data() : nullptr;
  const std::size_t inputs = size(c_.layer.reduction_length()), outputs = size(c_.layer.out_channels);
  xnn_operator_t op = nullptr;
  check(xnn_create_fully_connected_nc_f32(inputs, outputs, inputs, outputs, operands.weights.as<float>().data(), bias, lowest, kInfinity, 0, &op),
        "creating fully_connected_nc_f32");
  operator_.reset(op);
  check(xnn_setup_fully_connected_nc_f32(op, size(c_.batch), input_.get(), output_.get(), pool_.get()), "setting up fully_connected_nc_f32");
  return "fully_connected_nc_f32";
}

const char* XnnpackKernel::pooling() {
  const LayerSpec& l = c_.layer;
  const std::size_t channels = size(l.in_channels);
  xnn_operator_t op = nullptr;
  if (l.op == Op::maxpool) {
    check(xnn_create_max_pooling2d_nhwc_f32(narrow(l.pad_top), narrow(l.pad_right), narrow(l.pad_bottom), narrow(l.pad_left), narrow(l.kernel_height),
                                            narrow(l.kernel_width), narrow(l.stride_height), narrow(l.stride_width), narrow(l.dilation_height),
                                            narrow(l.dilation_width), channels, channels, channels, -kInfinity, kInfinity, 0, &op),
          "creating max_pooling2d_nhwc_f32");
    operator_.reset(op);
    check(xnn_setup_max_pooling2d_nhwc_f32(op, size(c_.batch), size(l.in_height), size(l.in_width), input_.get(), output_.get(), pool_.get()),
          "setting up max_pooling2d_nhwc_f32");
    return "max_pooling2d_nhwc_f32";
  }
  check(xnn_create_average_pooling2d_nhwc_f32(narrow(l.pad_top), narrow(l.pad_right), narrow(l.pad_bottom), narrow(l.pad_left), narrow(l.kernel_height),
                                              narrow(l.kernel_width), narrow(l.stride_height), narrow(l.stride_width), channels, channels, channels, -kInfinity,
                                              kInfinity, 0, &op),
        "creating average_pooling2d_nhwc_f32");
  operator_.reset(op);
  check(xnn_setup_average_pooling2d_nhwc_f32(op, size(c_.batch), size(l.in_height), size(l.in_width), input_.get(), output_.get(), pool_.get()),
        "setting up average_pooling2d_nhwc_f32");
  return "average_pooling2d_nhwc_f32";
}

const char* XnnpackKernel::addition() {
  const float lowest = c_.activation() == Activation::relu ? 0 : -kInfinity;
  const std::array<std::size_t, 1> shape{size(c_.batch * output_elements(c_.layer))};
  xnn_operator_t op = nullptr;
  check(xnn_create_add_nd_f32(lowest, kInfinity, 0, &op), "creating add_nd_f32");
  operator_.reset(op);
  check(xnn_setup_add_nd_f32(op, 1, shape.data(), 1, shape.data(), input_.get(), addend_.get(), output_.get(), pool_.get()), "setting up add_nd_f32");
  return "add_nd_f32";
}

const char* XnnpackKernel::rectifier() {
  const std::size_t channels = size(output_elements(c_.layer));
  xnn_operator_t op = nullptr;
  check(xnn_create_clamp_nc_f32(channels, channels, channels, 0, kInfinity, 0, &op), "creating clamp_nc_f32");
  operator_.reset(op);
  check(xnn_setup_clamp_nc_f32(op, size(c_.batch), input_.get(), output_.get(), pool_.get()), "setting up clamp_nc_f32");
  return "clamp_nc_f32";
}

std::optional<double> XnnpackKernel::run(int times) {
  for (int i = 0; i < times; ++i)
    if (const xnn_status status = xnn_run_operator(operator_.get(), pool_.get()); status != xnn_status_success) check(status, "running");
  return std::nullopt;
}

void XnnpackKernel::poison_output() {
  Tensor pattern(ElementType::f32, {1, 1, 1, 1});
  pattern.poison();
  std::fill_n(output_.get(), c_.batch * output_elements(c_.layer), pattern.as<float>()[0]);
}

void XnnpackKernel::read_output(Tensor& canonical) {
  const LayerSpec& l = c_.layer;
  float* to = canonical.as<float>().data();
  if (channels_last_) {
    transpose(output_.get(), to, c_.batch, l.out_height * l.out_width, l.out_channels);
  } else {
    std::copy_n(output_.get(), canonical.count(), to);
  }
}

Work XnnpackKernel::work() const {
  Work work;
  work.facts = facts_;
  work.bytes_packed = bytes_;
  work.macs_executed = macs_;
  work.ops_other = static_cast<std::uint64_t>(c_.batch * ops_other(c_.layer));
  work.unit_used = "fma";
  work.accumulator = convroof::name_of(format_of(c_.type).accumulator);
  return work;
}

}  // namespace convroof::xnnpack
