// Backend `cuda`: the GPU in FP16, NHWC, FP32 accumulation. Starts and answers on machines without driver, device or cuDNN.
#include <fmt/format.h>

#include <cstdlib>
#include <functional>
#include <stdexcept>

#include "backends/backend.h"
#include "backends/cuda/device/device.h"
#include "backends/cuda/variants.h"
#ifdef CONVROOF_HAVE_CUDNN
#include "backends/cuda/cudnn/convolution_problem.h"
#include "backends/cuda/cudnn/cudnn_kernel.h"
#include "backends/cuda/cudnn/library.h"
#include "backends/cuda/cudnn/plans_verb.h"
#endif

namespace convroof {
namespace {

using cuda::device_state;

bool is_cudnn(const Variant& variant) { return variant.name.starts_with("cudnn"); }

// Why cuDNN cannot be used; empty where it can.
std::string cudnn_reason() {
#ifdef CONVROOF_HAVE_CUDNN
  return cuda::CudnnLibrary::get().reason;
#else
  return "this binary was built without cudnn.h";
#endif
}

class CudaBackend final : public Backend {
 public:
  std::string name() const override { return "cuda"; }
  std::string device() const override { return device_state().device.name; }
  Clock clock() const override { return Clock::device; }
  DataType native_type() const override { return DataType::f16; }
  std::vector<Variant> variants() const override { return cuda::variants(); }
  Support available() const override { return device_state().usable ? Support{} : Support::no(device_state().reason); }

  Support supports(const Variant& variant, const Case& c) const override {
    if (c.type != DataType::f16) return Support::no(fmt::format("the GPU kernels compute in f16, not {}", name_of(c.type)));
    if (is_cudnn(variant)) {
      if (!c.layer.has_weights()) return Support::no(fmt::format("{} is not done through cuDNN here", name_of(c.layer.op)));
      if (const std::string reason = cudnn_reason(); !reason.empty()) return Support::no(reason);
    }
    return available();
  }

  std::unique_ptr<Kernel> prepare(const Variant& variant, const Case& c, const Operands& operands) override {
    if (const Support support = supports(variant, c); !support) throw std::runtime_error(support.reason);
#ifdef CONVROOF_HAVE_CUDNN
    if (is_cudnn(variant)) return cuda::make_cudnn_kernel(c, operands, variant.name == "cudnn" ? cuda::PlanChoice::autotuned : cuda::PlanChoice::heuristic);
#endif
    throw std::runtime_error(fmt::format("variant `{}` of cuda is not known", variant.name));
  }

  // Tensor cores align the products of one instruction to the largest and cut what falls off, instead of rounding to nearest (Fasi et al., Numerical behavior
  // of NVIDIA tensor cores, PeerJ CS 2021): each of the K additions, and one more an instruction of 8 products, loses less than 2^-23 of the magnitude.
  ErrorModel error([[maybe_unused]] const Variant& variant, const Case& c) const override {
    ErrorModel model = direct_error_model(c);
    if (!c.layer.has_weights()) return model;
    model.largest_relative_l2 = 1e-3;
    const double cuts = 1.125 * static_cast<double>(c.layer.reduction_length()) + 2;
    model.relative_to_magnitude = cuts * 0x1p-23 / (1 - cuts * 0x1p-23);
    model.derivation = fmt::format("(9/8 K + 2) 2^-23, K = {}: tensor cores cut instead of rounding; output rounding", c.layer.reduction_length());
#ifdef CONVROOF_HAVE_CUDNN
    if (is_cudnn(variant) && cuda::has_separate_epilogue(c)) {
      model.relative_to_magnitude += 0x1p-11;
      model.derivation += "; the sum is rounded once more before bias and activation";
    }
#endif
    return model;
  }

  std::map<std::string, std::string> facts_when_skipped([[maybe_unused]] const Variant& variant, [[maybe_unused]] const Case& c) const override {
#ifdef CONVROOF_HAVE_CUDNN
    if (is_cudnn(variant) && c.layer.has_weights() && c.type == DataType::f16 && cudnn_reason().empty()) {
      const char* profile = std::getenv("CONVROOF_CUDA_PROFILE");
      return cuda::described_plan_facts(c, profile != nullptr ? profile : "h200");
    }
#endif
    return {};
  }

  std::vector<Verb> verbs() override {
#ifdef CONVROOF_HAVE_CUDNN
    return {cuda::cudnn_plans_verb()};
#else
    return {};
#endif
  }
};

}  // namespace

std::unique_ptr<Backend> make_cuda_backend() { return std::make_unique<CudaBackend>(); }

}  // namespace convroof
