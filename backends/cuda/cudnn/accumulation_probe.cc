#include "backends/cuda/cudnn/accumulation_probe.h"

#include <fmt/format.h>

#include <cmath>

namespace convroof::cuda {
namespace {

constexpr float kLarge = 2048.0f, kSmall = 1.0f / 32;
constexpr std::int64_t kFewestProducts = 64;

std::int64_t products(const ConvolutionProblem& p) { return p.kernel_h * p.kernel_w * p.filter_channels; }

// The first output along one axis whose window lies inside the input; nothing where there is none.
std::optional<std::int64_t> inner_output(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t dilation, std::int64_t pad) {
  const std::int64_t at = (pad + stride - 1) / stride;
  if (at >= out || at * stride - pad + (kernel - 1) * dilation >= in) return std::nullopt;
  return at;
}
std::optional<std::int64_t> inner_row(const ConvolutionProblem& p) {
  return inner_output(p.height, p.out_height, p.kernel_h, p.stride_h, p.dilation_h, p.pad_top);
}
std::optional<std::int64_t> inner_column(const ConvolutionProblem& p) {
  return inner_output(p.width, p.out_width, p.kernel_w, p.stride_w, p.dilation_w, p.pad_left);
}

}  // namespace

std::string AccumulationProbe::refusal(const ConvolutionProblem& problem) {
  if (products(problem) < kFewestProducts)
    return fmt::format("a sum of {} products is too short to tell FP16 from FP32 sums ({} are needed)", products(problem), kFewestProducts);
  if (!inner_row(problem) || !inner_column(problem)) return "no output meets all taps of the filter, so FP16 sums cannot be told from FP32 ones";
  return "";
}

std::optional<AccumulationProbe> AccumulationProbe::of(const ConvolutionProblem& problem) {
  if (!refusal(problem).empty()) return std::nullopt;
  return AccumulationProbe(problem);
}

std::vector<Float16> AccumulationProbe::input() const {
  return std::vector<Float16>(static_cast<std::size_t>(problem_.batch * problem_.height * problem_.width * problem_.channels), Float16(1.0f));
}

std::vector<Float16> AccumulationProbe::weights() const {
  const auto length = static_cast<std::size_t>(products(problem_));
  std::vector<Float16> all(static_cast<std::size_t>(problem_.filters) * length, Float16(kSmall));
  for (std::size_t filter = 0; filter < all.size(); filter += length) {
    all[filter] = Float16(kLarge);
    all[filter + length - 1] = Float16(-kLarge);
  }
  return all;
}

std::int64_t AccumulationProbe::output_element() const { return (*inner_row(problem_) * problem_.out_width + *inner_column(problem_)) * problem_.filters; }

double AccumulationProbe::exact() const { return static_cast<double>(products(problem_) - 2) * kSmall; }

std::optional<Sums> AccumulationProbe::verdict(Float16 result) const {
  const double value = static_cast<float>(result);
  // In FP16 a partial sum may keep what was added before the large product came or after it went, and each end rounds by 1 at most.
  if (!(value >= -4 && value <= exact() + 4)) return std::nullopt;
  return static_cast<float>(result) == static_cast<float>(Float16(static_cast<float>(exact()))) ? Sums::f32 : Sums::f16;
}

}  // namespace convroof::cuda
