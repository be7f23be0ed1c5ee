// XNNPACK on the same CPU: the inference library of phones and browsers, and the one packaged opponent with sparse kernels. Thin: operators are created,
// set up and run, nothing else.
#include <fmt/format.h>

#include "backends/backend.h"
#include "backends/host_cpu.h"
#include "backends/xnnpack/library.h"
#include "backends/xnnpack/variants.h"
#include "backends/xnnpack/xnnpack_kernel.h"

namespace convroof {
namespace {

std::string refusal(const Variant& variant, const Case& c) {
  const LayerSpec& l = c.layer;
  if (const std::string& reason = xnnpack::why_not_here(); !reason.empty()) return reason;
  if (c.type == DataType::s8) return "XNNPACK's 8-bit operators round their sums back to 8 bits: no s32 output to compare";
  if (c.type != DataType::f32) return fmt::format("XNNPACK is measured in f32 here, not in {}", name_of(c.type));
  if (c.activation() == Activation::sigmoid || c.activation() == Activation::tanh) return fmt::format("XNNPACK fuses ReLU, not {}", name_of(c.activation()));
  if (l.op == Op::lrn) return "XNNPACK has no local response normalisation";
  if (l.op == Op::softmax) return "softmax is not wired up";
  if (variant.name == "sparse") {
    const bool one_by_one = l.op == Op::conv && l.kernel_height == 1 && l.kernel_width == 1 && l.stride_height == 1 && l.stride_width == 1 && l.groups == 1;
    if (!one_by_one || (l.pad_top | l.pad_left | l.pad_bottom | l.pad_right) != 0)
      return "XNNPACK's sparse kernels are for 1x1 convolutions of stride 1 without groups and padding";
    if (c.density.weights.pattern == WeightSparsity::Pattern::dense) return "no weight is zero: variant auto";
    return "";
  }
  if ((l.op == Op::maxpool || l.op == Op::avgpool) && l.kernel_height * l.kernel_width == 1) return "XNNPACK refuses pooling windows of one element";
  if (l.op == Op::avgpool && (l.dilation_height != 1 || l.dilation_width != 1)) return "XNNPACK's average pooling has no dilation";
  return "";
}

class XnnpackBackend final : public Backend {
 public:
  std::string name() const override { return "xnnpack"; }
  std::string device() const override { return host_cpu().name; }
  Clock clock() const override { return Clock::host; }
  DataType native_type() const override { return DataType::f32; }
  std::vector<Variant> variants() const override { return xnnpack::variants(); }

  Support available() const override {
    const std::string& reason = xnnpack::why_not_here();
    return reason.empty() ? Support{} : Support::no(reason);
  }

  Support supports(const Variant& variant, const Case& c) const override {
    std::string reason = refusal(variant, c);
    return reason.empty() ? Support{} : Support::no(std::move(reason));
  }

  std::unique_ptr<Kernel> prepare(const Variant& variant, const Case& c, const Operands& operands) override {
    return std::make_unique<xnnpack::XnnpackKernel>(variant.name == "sparse", c, operands);
  }
};

}  // namespace

std::unique_ptr<Backend> make_xnnpack_backend() { return std::make_unique<XnnpackBackend>(); }

}  // namespace convroof
