#include "workloads/layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "workloads/checked.h"

namespace convroof {
namespace {

constexpr std::array<std::pair<Op, std::string_view>, 8> kOps = {{{Op::conv, "conv"},
                                                                  {Op::fc, "fc"},
                                                                  {Op::maxpool, "maxpool"},
                                                                  {Op::avgpool, "avgpool"},
                                                                  {Op::lrn, "lrn"},
                                                                  {Op::add, "add"},
                                                                  {Op::relu, "relu"},
                                                                  {Op::softmax, "softmax"}}};

constexpr std::array<std::pair<Activation, std::string_view>, 4> kActivations = {
    {{Activation::none, "none"}, {Activation::relu, "relu"}, {Activation::sigmoid, "sigmoid"}, {Activation::tanh, "tanh"}}};

// Valid taps of a 2-D window, summed over all output positions of one channel.
std::int64_t valid_window_taps(const LayerSpec& l) {
  const std::int64_t rows = valid_taps(l.in_height, l.out_height, l.kernel_height, l.stride_height, l.dilation_height, l.pad_top);
  const std::int64_t columns = valid_taps(l.in_width, l.out_width, l.kernel_width, l.stride_width, l.dilation_width, l.pad_left);
  return checked_product(rows, columns);
}

}  // namespace

std::string_view name_of(Op op) {
  for (const auto& [value, name] : kOps)
    if (value == op) return name;
  return "";
}

std::string_view name_of(Activation activation) {
  for (const auto& [value, name] : kActivations)
    if (value == activation) return name;
  return "";
}

std::optional<Op> op_named(std::string_view name) {
  for (const auto& [value, text] : kOps)
    if (text == name) return value;
  return std::nullopt;
}

std::optional<Activation> activation_named(std::string_view name) {
  for (const auto& [value, text] : kActivations)
    if (text == name) return value;
  return std::nullopt;
}

std::int64_t LayerSpec::reduction_length() const { return checked_product({in_channels_per_group(), kernel_height, kernel_width}); }

std::int64_t output_extent(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t dilation, std::int64_t pad_before, std::int64_t pad_after) {
  const std::int64_t padded = checked_sum(in, checked_sum(pad_before, pad_after));
  const std::int64_t reach = checked_sum(checked_product(dilation, kernel - 1), 1);
  if (padded < reach) throw std::invalid_argument(fmt::format("a window of {} does not fit an input of {} with its padding", reach, padded));
  return (padded - reach) / stride + 1;
}

std::int64_t valid_taps(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t dilation, std::int64_t pad_before) {
  // Tap k of output o sits at o * stride + k * dilation - pad_before. For a fixed tap the valid outputs form one interval.
  std::int64_t count = 0;
  for (std::int64_t k = 0; k < kernel; ++k) {
    const std::int64_t offset = k * dilation - pad_before;
    const std::int64_t first = offset >= 0 ? 0 : ceil_div(-offset, stride);
    const std::int64_t room = in - 1 - offset;  // largest o * stride that still lies inside
    if (room < 0) continue;
    const std::int64_t last = std::min(out - 1, room / stride);
    if (last >= first) count += last - first + 1;
  }
  return count;
}

std::int64_t macs(const LayerSpec& layer) {
  if (!layer.has_weights()) return 0;
  return checked_product({layer.out_channels, layer.out_height, layer.out_width, layer.reduction_length()});
}

std::int64_t macs_valid(const LayerSpec& layer) {
  if (!layer.has_weights()) return 0;
  return checked_product({layer.out_channels, layer.in_channels_per_group(), valid_window_taps(layer)});
}

std::int64_t weight_count(const LayerSpec& layer) { return layer.has_weights() ? checked_product(layer.out_channels, layer.reduction_length()) : 0; }

std::int64_t bias_count(const LayerSpec& layer) { return layer.has_weights() && layer.has_bias ? layer.out_channels : 0; }

std::int64_t input_elements(const LayerSpec& layer) { return checked_product({layer.input_count(), layer.in_channels, layer.in_height, layer.in_width}); }

std::int64_t output_elements(const LayerSpec& layer) { return checked_product({layer.out_channels, layer.out_height, layer.out_width}); }

std::int64_t ops_other(const LayerSpec& layer) {
  const std::int64_t outputs = output_elements(layer);
  switch (layer.op) {
    case Op::conv:
    case Op::fc:
      return 0;
    case Op::maxpool:  // n candidates need n - 1 comparisons
      return checked_product(layer.out_channels, valid_window_taps(layer)) - outputs;
    case Op::avgpool:  // n - 1 additions and the scaling
      return checked_product(layer.out_channels, valid_window_taps(layer));
    case Op::lrn:
      return checked_product(outputs, checked_sum(layer.lrn_size, 5));
    case Op::add:
    case Op::relu:
      return outputs;
    case Op::softmax:
      return checked_product(outputs, 4);
  }
  return 0;
}

std::string canonical_shape(const LayerSpec& l) {
  std::string text = fmt::format("{} c{}h{}w{} k{}h{}w{}", name_of(l.op), l.in_channels, l.in_height, l.in_width, l.out_channels, l.out_height, l.out_width);
  if (l.has_weights() || l.op == Op::maxpool || l.op == Op::avgpool)
    text += fmt::format(" f{}x{} s{}x{} d{}x{} p{},{},{},{}", l.kernel_height, l.kernel_width, l.stride_height, l.stride_width, l.dilation_height,
                        l.dilation_width, l.pad_top, l.pad_left, l.pad_bottom, l.pad_right);
  if (l.has_weights()) text += fmt::format(" g{} b{}", l.groups, l.has_bias ? 1 : 0);
  if (l.op == Op::lrn) text += fmt::format(" n{} alpha{} beta{} k{}", l.lrn_size, l.lrn_alpha, l.lrn_beta, l.lrn_k);
  if (l.activation != Activation::none) text += fmt::format(" {}", name_of(l.activation));
  return text;
}

void validate(const LayerSpec& l) {
  const auto require = [&](bool holds, std::string_view what) {
    if (!holds) throw std::invalid_argument(fmt::format("layer `{}`: {}", l.name, what));
  };
  for (const std::int64_t size : {l.in_channels, l.in_height, l.in_width, l.out_channels, l.out_height, l.out_width, l.kernel_height, l.kernel_width,
                                  l.stride_height, l.stride_width, l.dilation_height, l.dilation_width, l.groups, l.lrn_size})
    require(size >= 1, "every size must be at least 1");
  for (const std::int64_t pad : {l.pad_top, l.pad_left, l.pad_bottom, l.pad_right}) require(pad >= 0, "padding must not be negative");
  require(l.in_channels % l.groups == 0 && l.out_channels % l.groups == 0, "groups must divide the input and the output channels");
  if (l.op == Op::conv || l.op == Op::fc || l.op == Op::maxpool || l.op == Op::avgpool) {
    require(l.out_height == output_extent(l.in_height, l.kernel_height, l.stride_height, l.dilation_height, l.pad_top, l.pad_bottom),
            "the output height does not follow from input, kernel, stride and padding");
    require(l.out_width == output_extent(l.in_width, l.kernel_width, l.stride_width, l.dilation_width, l.pad_left, l.pad_right),
            "the output width does not follow from input, kernel, stride and padding");
  } else {
    require(l.out_channels == l.in_channels && l.out_height == l.in_height && l.out_width == l.in_width, "this op keeps its input's shape");
  }
  if (!l.has_weights()) require(l.groups == 1, "only a convolution has groups");
  if (l.op == Op::maxpool || l.op == Op::avgpool) {
    require(l.out_channels == l.in_channels, "pooling keeps the channels");
    require(l.pad_top < l.kernel_height && l.pad_bottom < l.kernel_height && l.pad_left < l.kernel_width && l.pad_right < l.kernel_width,
            "a pooling window must meet at least one input element");
    require(l.dilation_height == 1 && l.dilation_width == 1, "dilated pooling is not supported");
  }
  if (l.op == Op::fc)
    require(l.kernel_height == l.in_height && l.kernel_width == l.in_width && l.groups == 1 && l.out_height == 1 && l.out_width == 1,
            "a fully connected layer's filter has the input's size");
  // Every count that anybody asks for must be representable; the largest come first.
  macs(l), weight_count(l), input_elements(l), output_elements(l), ops_other(l);
}

}  // namespace convroof
