// The vendor's library on the same CPU: the opponent that our own kernels are judged by. Thin: it asks for implementations, forces those that a variant
// names, and records what ran.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "backends/backend.h"
#include "backends/host_cpu.h"
#include "backends/onednn/offers.h"
#include "backends/onednn/onednn_kernel.h"
#include "backends/onednn/variants.h"
#include "backends/onednn/winograd.h"

namespace convroof {
namespace {

using onednn::Implementation;
using onednn::OneDnnKernel;

// Best of a few runs after a first one that touches everything; a kernel that starts far behind is not given more.
double seconds_of(OneDnnKernel& kernel, double best_of_others) {
  constexpr int kRuns = 5;
  constexpr double kHopeless = 1.3;
  double best = std::numeric_limits<double>::infinity();
  kernel.run(1);
  for (int i = 0; i < kRuns && !(i > 0 && best > kHopeless * best_of_others); ++i) {
    const auto start = std::chrono::steady_clock::now();
    kernel.run(1);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

// Operands stretched to the range of their type, by powers of two, as quantised networks store them: the library's s8 Winograd drops two bits of its inputs
// and more than one of its weights, which small integers do not have to give. The sums come out larger by the product of both factors.
struct Stretched {
  Tensor input, weights, bias;  // weights in f32: the library transforms them from nothing else
  int input_factor = 1, weight_factor = 1;

  explicit Stretched(const Operands& o)
      : input(o.input.type(), o.input.shape()), weights(ElementType::f32, o.weights.shape()), bias(o.bias.type(), o.bias.shape()) {
    const double largest_input = largest(o.input), largest_weight = largest(o.weights), largest_bias = largest(o.bias);
    while (largest_input > 0 && 2 * input_factor * largest_input <= 255) input_factor *= 2;
    while (largest_weight > 0 && 2 * weight_factor * largest_weight <= 127 && 2.0 * input_factor * weight_factor * largest_bias < 0x1p31) weight_factor *= 2;
    scale(o.input, input_factor, input);
    scale(o.weights, weight_factor, weights);
    scale(o.bias, input_factor * weight_factor, bias);
  }
  float output_scale() const { return 1.0f / static_cast<float>(input_factor * weight_factor); }

 private:
  static double largest(const Tensor& t) {
    double result = 0;
    for (std::int64_t i = 0; i < t.count(); ++i) result = std::max(result, std::abs(t.value(i)));
    return result;
  }
  static void scale(const Tensor& from, int factor, Tensor& to) {
    for (std::int64_t i = 0; i < from.count(); ++i) to.set_value(i, factor * from.value(i));
  }
};

class OneDnnBackend final : public Backend {
 public:
  std::string name() const override { return "onednn"; }
  std::string device() const override { return host_cpu().name; }
  Clock clock() const override { return Clock::host; }
  DataType native_type() const override { return DataType::f32; }
  std::vector<Variant> variants() const override { return onednn::variants(); }

  Support available() const override {
    if (!onednn::kRunsOnOpenMp) return Support::no("this oneDNN was not built for OpenMP: apt-get install libdnnl-dev, then configure and build again");
    return {};
  }

  Support supports(const Variant& variant, const Case& c) const override {
    const onednn::Offers offers = onednn::offers_for(variant, c);
    return offers.implementations.empty() ? Support::no(offers.reason) : Support{};
  }

  std::unique_ptr<Kernel> prepare(const Variant& variant, const Case& c, const Operands& operands) override {
    if (variant.name == "winograd-rounded") return prepare_rounded(variant, c, operands);
    const onednn::Offers offers = onednn::offers_for(variant, c);
    if (offers.implementations.empty()) throw std::runtime_error(offers.reason);
    if (offers.implementations.size() == 1) return std::make_unique<OneDnnKernel>(offers.implementations.front(), c, operands);

    std::unique_ptr<OneDnnKernel> fastest;
    double best = std::numeric_limits<double>::infinity();
    std::string tried;
    for (const Implementation& implementation : offers.implementations) {
      auto kernel = std::make_unique<OneDnnKernel>(implementation, c, operands);
      const double seconds = seconds_of(*kernel, best);
      tried += fmt::format("{}{} {} {:.4g} ms", tried.empty() ? "" : ", ", name_of(implementation.primitive), implementation.name, seconds * 1e3);
      if (!(seconds < best)) continue;
      best = seconds;
      fastest = std::move(kernel);
    }
    fastest->add_fact("tried", tried);
    return fastest;
  }

  ErrorModel error(const Variant& variant, const Case& c) const override {
    if (variant.name == "winograd-rounded") return onednn::rounded_winograd_error_model(c);
    if (variant.name.starts_with("winograd")) return onednn::winograd_error_model(variant.name == "winograd2x2" ? 2 : 4, c);
    ErrorModel model = direct_error_model(c);
    if (is_integer(c.type) && c.layer.has_weights()) {
      // Bias and ReLU are applied in f32. Up to 2^23 this bound is below 1, so nothing but the exact result passes.
      model.relative_to_expected = 0x1p-23;
      model.derivation = "sums are exact integers; bias and activation are applied in f32: exact up to 2^23";
    }
    if (c.type == DataType::bf16 && c.layer.op == Op::softmax) {
      model.relative_to_expected += 0x1p-8;  // the exponentials wait for their sum in the output, in bf16
      model.derivation += "; exponentials stored in bf16";
    }
    return model;
  }

 private:
  static std::unique_ptr<Kernel> prepare_rounded(const Variant& variant, const Case& c, const Operands& operands) {
    const Stretched stretched(operands);
    const onednn::Offers offers = onednn::offers_for(variant, c, stretched.output_scale());
    if (offers.implementations.empty()) throw std::runtime_error(offers.reason);
    auto kernel =
        std::make_unique<OneDnnKernel>(offers.implementations.front(), c, Operands{stretched.input, operands.addend, stretched.weights, stretched.bias});
    kernel->add_fact("stretched", fmt::format("inputs x {}, weights x {}, sums scaled back in the kernel", stretched.input_factor, stretched.weight_factor));
    return kernel;
  }
};

}  // namespace

std::unique_ptr<Backend> make_onednn_backend() { return std::make_unique<OneDnnBackend>(); }

}  // namespace convroof
