// Backend `cuda`: the GPU in FP16, NHWC, FP32 accumulation. Starts and answers on machines without driver, device or cuDNN.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <optional>
#include <stdexcept>

#include "backends/backend.h"
#include "backends/cuda/convolution/geometry.h"
#include "backends/cuda/convolution/occupancy.h"
#include "backends/cuda/convolution/own_kernels.h"
#include "backends/cuda/convolution/two_of_four.h"
#include "backends/cuda/cusparselt/library.h"
#include "backends/cuda/cusparselt/sparse_product_kernel.h"
#include "backends/cuda/device/byte_counters.h"
#include "backends/cuda/device/device.h"
#include "backends/cuda/device/nvml.h"
#include "backends/cuda/device/roofs.h"
#include "backends/cuda/kernels/convolution_launch.h"
#include "backends/cuda/network/network_verb.h"
#include "backends/cuda/variants.h"
#ifdef CONVROOF_HAVE_CUDNN
#include "backends/cuda/cudnn/accumulation_probe.h"
#include "backends/cuda/cudnn/convolution_problem.h"
#include "backends/cuda/cudnn/cudnn_kernel.h"
#include "backends/cuda/cudnn/library.h"
#include "backends/cuda/cudnn/plans_verb.h"
#endif

namespace convroof {
namespace {

using cuda::device_state;

bool is_cusparselt(const Variant& variant) { return variant.name == "cusparselt"; }
bool is_cudnn(const Variant& variant) { return variant.name.starts_with("cudnn"); }

std::string capability_text(int capability) { return fmt::format("{}.{}", capability / 10, capability % 10); }

// The class of our own convolution kernels; nothing for cuDNN and plain layers.
std::optional<cuda::KernelClass> kernel_class(const Variant& variant) {
  if (variant.name == "half2") return cuda::KernelClass::half2;
  if (variant.name == "mma") return cuda::KernelClass::mma;
  if (variant.name == "mma-2of4") return cuda::KernelClass::mma_2of4;
  if (variant.name == "wgmma") return cuda::KernelClass::wgmma;
  if (variant.name == "wgmma-2of4") return cuda::KernelClass::wgmma_2of4;
  return std::nullopt;
}

// Why cuDNN cannot be used; empty where it can.
std::string cudnn_reason() {
#ifdef CONVROOF_HAVE_CUDNN
  return cuda::CudnnLibrary::get().reason;
#else
  return "this binary was built without cudnn.h";
#endif
}

#ifdef CONVROOF_HAVE_CUDNN
cuda::Sums sums_of(const Variant& variant) { return variant.name == "cudnn-f16acc" ? cuda::Sums::f16 : cuda::Sums::f32; }

// Every addition may round in FP16: K steps of 2^-11, or 2^-25 where sums are subnormal.
ErrorModel f16_sums_error_model(const Case& c) {
  ErrorModel model = direct_error_model(c);
  const auto length = static_cast<double>(c.layer.reduction_length());
  const double steps = (length + 2) * 0x1p-11;
  model.relative_to_magnitude = steps < 1 ? steps / (1 - steps) : 1;  // a sum that lost everything is off by its magnitude
  model.absolute += (length + 2) * 0x1p-25;
  // Random signs: 2^-11 sqrt(K / 6) of the sum's norm at one rounding a product, and 3e-4 for each rounding of the result; twice that is the gate.
  model.largest_relative_l2 = 2 * (0x1p-11 * std::sqrt(length / 6) + 6e-4);
  model.derivation = fmt::format("(K + 2) 2^-11, K = {}: FP16 sums; rounded once more before bias and activation", c.layer.reduction_length());
  model.relative_to_magnitude += 0x1p-11;
  return model;
}
#endif

// 16 products are summed in FP16 (each of 16 fused steps rounds once, 2^-11 of what is there, or 2^-25 where that is subnormal), the parts in FP32.
ErrorModel half2_error_model(const Case& c) {
  ErrorModel model = direct_error_model(c);
  const auto length = static_cast<double>(c.layer.reduction_length());
  const double in_half = 16 * 0x1p-11 / (1 - 16 * 0x1p-11);
  model.relative_to_magnitude += in_half;
  model.absolute += (length + 16) * 0x1p-25;
  // Random signs: 2^-11 sqrt(16 / 6) = 8e-4 of the sum's norm, and 3e-4 for the result; twice that is the gate.
  model.largest_relative_l2 = 2.2e-3;
  model.derivation = fmt::format("16 FP16 steps (16 2^-11) inside (K + 2) FP32 steps, K = {}; output rounding", c.layer.reduction_length());
  return model;
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
#ifdef CONVROOF_HAVE_CUDNN
      if (sums_of(variant) == cuda::Sums::f16)
        if (const std::string refusal = cuda::AccumulationProbe::refusal(cuda::convolution_problem(c, true, cuda::Sums::f16)); !refusal.empty())
          return Support::no(refusal);
#endif
    }
    if (is_cusparselt(variant)) {
      if (const std::string refusal = cuda::sparse_product_refusal(c); !refusal.empty()) return Support::no(refusal);
      if (const std::string& reason = cuda::CusparseLtLibrary::get().reason; !reason.empty()) return Support::no(reason);
    }
    if (variant.name == "plain" && c.layer.has_weights()) return Support::no(fmt::format("{} is not a layer without weights", name_of(c.layer.op)));
    if (const auto kind = kernel_class(variant)) {
      if (!c.layer.has_weights()) return Support::no(fmt::format("{} has no weights; variant `plain` does it", name_of(c.layer.op)));
      if (const std::string refusal = cuda::geometry_refusal(c); !refusal.empty()) return Support::no(refusal);
      if (cuda::is_sparse(*kind) && !cuda::fits_two_of_four(c.density.weights))
        return Support::no("the weights are not pruned 2:4; ask for such a density, as --densities 2:4");
    }
    if (const Support device = available(); !device) return device;
    const int capability = device_state().device.compute_capability;
    if (is_cusparselt(variant) && capability < 80)
      return Support::no(fmt::format("needs compute capability 8.0, the device has {}", capability_text(capability)));
    if (const auto kind = kernel_class(variant)) {
      const int oldest = cuda::oldest_device(*kind);
      if (capability < oldest)
        return Support::no(fmt::format("needs compute capability {}, the device has {}", capability_text(oldest), capability_text(capability)));
      if (cuda::is_wgmma(*kind) && capability != oldest)
        return Support::no(
            fmt::format("wgmma code runs on compute capability {} alone, the device has {}", capability_text(oldest), capability_text(capability)));
      if (cuda::is_wgmma(*kind) && !cuda::has_wgmma()) return Support::no("this binary was built without architecture 90a");
    }
    return {};
  }

  std::unique_ptr<Kernel> prepare(const Variant& variant, const Case& c, const Operands& operands) override {
    if (const Support support = supports(variant, c); !support) throw std::runtime_error(support.reason);
#ifdef CONVROOF_HAVE_CUDNN
    if (is_cudnn(variant))
      return cuda::make_cudnn_kernel(c, operands, variant.name == "cudnn-heuristic" ? cuda::PlanChoice::heuristic : cuda::PlanChoice::autotuned,
                                     sums_of(variant));
#endif
    if (is_cusparselt(variant)) return cuda::make_sparse_product_kernel(c, operands);
    if (variant.name == "plain") return cuda::make_plain_kernel(c, operands);
    if (const auto kind = kernel_class(variant)) return cuda::make_convolution_kernel(*kind, c, operands);
    throw std::runtime_error(fmt::format("variant `{}` of cuda is not known", variant.name));
  }

  ErrorModel error(const Variant& variant, const Case& c) const override {
    ErrorModel model = direct_error_model(c);
    if (!c.layer.has_weights()) return model;
    if (variant.name == "half2") return half2_error_model(c);
#ifdef CONVROOF_HAVE_CUDNN
    if (sums_of(variant) == cuda::Sums::f16) return f16_sums_error_model(c);
#endif
    // Tensor cores align the products of one instruction to the largest and cut what falls off, instead of rounding to nearest (Fasi et al., Numerical behavior
    // of NVIDIA tensor cores, PeerJ CS 2021): each of the K additions, and one more an instruction of 8 products, loses less than 2^-23 of the magnitude.
    const double cuts = 1.125 * static_cast<double>(c.layer.reduction_length()) + 2;
    model.relative_to_magnitude = cuts * 0x1p-23 / (1 - cuts * 0x1p-23);
    model.largest_relative_l2 = 1e-3;
    model.derivation = fmt::format("(9/8 K + 2) 2^-23, K = {}: tensor cores cut instead of rounding; output rounding", c.layer.reduction_length());
#ifdef CONVROOF_HAVE_CUDNN
    if (is_cudnn(variant) && cuda::has_separate_epilogue(c)) {
      model.relative_to_magnitude += 0x1p-11;
      model.derivation += "; the sum is rounded once more before bias and activation";
    }
#endif
    if (is_cusparselt(variant)) {
      model.relative_to_magnitude += 0x1p-11;
      model.derivation += "; the product is rounded once more before bias and activation";
    }
    return model;
  }

  std::map<std::string, std::string> facts_when_skipped(const Variant& variant, const Case& c) const override {
    std::map<std::string, std::string> facts;
    // What else would be missing once there is a device.
    if (!cuda::Nvml::get()) facts["nvml"] = cuda::Nvml::get().reason();
    if (!cuda::ByteCounters::get()) facts["counters"] = cuda::ByteCounters::get().reason();
    if (is_cudnn(variant) && !cudnn_reason().empty()) facts["cudnn"] = cudnn_reason();
    if (is_cusparselt(variant) && !cuda::CusparseLtLibrary::get()) facts["cusparselt"] = cuda::CusparseLtLibrary::get().reason;
    if (!c.layer.has_weights() || c.type != DataType::f16) return facts;
    const char* wanted = std::getenv("CONVROOF_CUDA_PROFILE");
    const std::string profile = wanted != nullptr ? wanted : "h200";
    if (const auto kind = kernel_class(variant); kind && cuda::geometry_refusal(c).empty()) facts.merge(cuda::described_kernel_facts(*kind, c, profile));
#ifdef CONVROOF_HAVE_CUDNN
    if (is_cudnn(variant) && cudnn_reason().empty()) facts.merge(cuda::described_plan_facts(c, profile, sums_of(variant)));
#endif
    return facts;
  }

  std::vector<Ceiling> compute_ceilings(DataType type, int) override {
    return type == DataType::f16 && available() ? cuda::measured_compute_roofs() : std::vector<Ceiling>{};
  }
  std::vector<Ceiling> bandwidth_ceilings(int) override { return available() ? cuda::measured_bandwidth_roofs() : std::vector<Ceiling>{}; }

  std::vector<Verb> verbs() override {
#ifdef CONVROOF_HAVE_CUDNN
    return {cuda::cudnn_plans_verb(), cuda::network_verb()};
#else
    return {cuda::network_verb()};
#endif
  }
};

}  // namespace

std::unique_ptr<Backend> make_cuda_backend() { return std::make_unique<CudaBackend>(); }

}  // namespace convroof
