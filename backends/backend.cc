#include "backends/backend.h"

#include <fmt/format.h>

#include <stdexcept>

namespace convroof {

std::string_view name_of(CacheState cache) { return cache == CacheState::warm ? "warm" : "cold"; }

std::string_view name_of(Clock clock) {
  switch (clock) {
    case Clock::host:
      return "host";
    case Clock::device:
      return "device";
    case Clock::simulated:
      return "simulated";
  }
  return "";
}

std::string_view name_of(Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::layer:
      return "layer";
    case Epilogue::bias:
      return "bias";
    case Epilogue::none:
      return "none";
  }
  return "";
}

ErrorModel direct_error_model(const Case& c) {
  ErrorModel model;
  const NumberFormat format = format_of(c.type);
  if (is_integer(c.type) && c.layer.has_weights() && (c.activation() == Activation::none || c.activation() == Activation::relu)) {
    model.derivation = "integer sums are exact";
    return model;
  }
  const double u = format.accumulator == ElementType::f32 ? 0x1p-24 : 0x1p-53;
  switch (c.layer.op) {
    case Op::conv:
    case Op::fc: {
      // K products and K additions (bias included): |error| <= gamma_(K+2) * sum |x||w|, in whatever order they are added.
      const double length = static_cast<double>(c.layer.reduction_length()) + 2;
      model.relative_to_magnitude = length * u / (1 - length * u);
      model.derivation = fmt::format("(K + 2) u, K = {}, u = {:.3g}; output rounding", c.layer.reduction_length(), u);
      break;
    }
    case Op::avgpool:
      model.relative_to_magnitude = static_cast<double>(c.layer.kernel_height * c.layer.kernel_width + 2) * u;
      model.derivation = "(window + 2) u; output rounding";
      break;
    case Op::lrn:
      // The base of the power carries (size + 3) u, the power multiplies it by beta and a library's pow adds a few ulps.
      model.relative_to_expected = (static_cast<double>(c.layer.lrn_size) + 16) * u;
      model.derivation = "(size + 16) u of the result; output rounding";
      break;
    case Op::softmax:
      // exp(x - max): the subtraction's rounding is an absolute error of the exponent, the sum adds C u.
      model.relative_to_expected = (static_cast<double>(c.layer.in_channels) + 64) * u;
      model.absolute = 0x1p-126;
      model.derivation = "(C + 64) u of the result; output rounding";
      break;
    case Op::add:
      model.relative_to_magnitude = 2 * u;
      model.derivation = "2 u; output rounding";
      break;
    case Op::maxpool:
    case Op::relu:
      model.derivation = "selection: exact";
      return model;
  }
  // Rounding to the stored type, and for sigmoid and tanh a few ulps of the function (their slope is at most 1).
  switch (format.output) {
    case ElementType::bf16:
      model.relative_to_expected += 0x1p-8;
      break;
    case ElementType::f16:
      model.relative_to_expected += 0x1p-11;
      model.absolute += 0x1p-25;
      break;
    default:
      model.relative_to_expected += 2 * u;
      break;
  }
  if (c.activation() == Activation::sigmoid || c.activation() == Activation::tanh) model.absolute += 16 * u;
  return model;
}

std::string Backend::add_variant_file(const std::string& path) {
  throw std::invalid_argument(fmt::format("backend `{}` reads no {} files; `{}` cannot be used with it", name(), variant_noun(), path));
}

ErrorModel Backend::error(const Variant&, const Case& c) const { return direct_error_model(c); }

}  // namespace convroof
