#include "backends/highway/auto.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <vector>

#include "backends/highway/tuning_cache.h"

namespace convroof::highway {
namespace {

// Dense algorithms whose result is as good as a direct sum's: within 1e-6 of the exact f32 output, exact for integers. F(6x6, 3x3), F(4x4, 5x5) and rounded
// int8 tiles are faster on some layers and stay a person's own choice.
constexpr std::string_view kCandidates[] = {"gemm", "direct", "winograd2x2", "winograd3x3", "winograd4x4", "winograd2x2-5x5", "bf16-direct", "int8-direct"};
constexpr int kTrials = 3;

std::vector<const Algorithm*> candidates(const Case& c) {
  std::vector<const Algorithm*> list;
  for (const Algorithm& algorithm : algorithms())
    if (std::ranges::find(kCandidates, algorithm.variant.name) != std::end(kCandidates) && algorithm.supports(c)) list.push_back(&algorithm);
  // `gemm` and `direct` run a convolution by the same kernel: one of them is enough.
  const auto is_gemm = [](const Algorithm* a) { return a->variant.name == "gemm"; };
  if (c.layer.op == Op::conv) std::erase_if(list, is_gemm);
  return list;
}

Support supports(const Case& c) {
  if (!candidates(c).empty()) return {};
  return Support::no(fmt::format("no dense {} algorithm for {}", name_of(c.type), name_of(c.layer.op)));
}

// Passes everything on and adds what was picked.
class Picked final : public Kernel {
 public:
  Picked(std::unique_ptr<Kernel> kernel, Tuned tuned, std::string how) : kernel_(std::move(kernel)), tuned_(std::move(tuned)), how_(std::move(how)) {}
  std::optional<double> run(int times) override { return kernel_->run(times); }
  void make_cold() override { kernel_->make_cold(); }
  void poison_output() override { kernel_->poison_output(); }
  void read_output(Tensor& canonical) override { kernel_->read_output(canonical); }
  Work work() const override {
    Work work = kernel_->work();
    work.facts["picked"] = tuned_.picked;
    work.facts["tuning"] = how_;
    if (!tuned_.trials.empty()) work.facts["trials"] = tuned_.trials;
    return work;
  }

 private:
  std::unique_ptr<Kernel> kernel_;
  Tuned tuned_;
  std::string how_;  // the choice was made: trials, remembered, one candidate
};

double fastest_of_trials(Kernel& kernel) {
  using Clock = std::chrono::steady_clock;
  double best = std::numeric_limits<double>::infinity();
  for (int trial = 0; trial <= kTrials; ++trial) {  // the first warms up
    const Clock::time_point start = Clock::now();
    kernel.run(1);
    if (trial > 0) best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

std::unique_ptr<Kernel> prepare(const Case& c, const Operands& operands) {
  const std::vector<const Algorithm*> list = candidates(c);
  if (list.size() == 1) return std::make_unique<Picked>(list.front()->prepare(c, operands), Tuned{list.front()->variant.name, ""}, "one candidate");
  TuningCache cache(TuningCache::default_path());
  const std::string key = TuningCache::key(c);
  if (const std::optional<Tuned> known = cache.find(key))
    for (const Algorithm* algorithm : list)  // a name that is no candidate any more is tried anew
      if (algorithm->variant.name == known->picked) return std::make_unique<Picked>(algorithm->prepare(c, operands), *known, "remembered");

  std::unique_ptr<Kernel> best;
  Tuned tuned;
  double least = std::numeric_limits<double>::infinity();
  for (const Algorithm* algorithm : list) {
    std::unique_ptr<Kernel> kernel = algorithm->prepare(c, operands);
    const double seconds = fastest_of_trials(*kernel);
    tuned.trials += fmt::format("{}{} {:.3g} ms", tuned.trials.empty() ? "" : ", ", algorithm->variant.name, 1e3 * seconds);
    if (seconds < least) least = seconds, best = std::move(kernel), tuned.picked = algorithm->variant.name;
  }
  cache.store(key, tuned);
  return std::make_unique<Picked>(std::move(best), tuned, "trials");
}

// Whatever is picked, the widest of the candidates' bounds holds for it.
ErrorModel error(const Case& c) {
  const std::vector<const Algorithm*> list = candidates(c);
  if (list.empty()) return direct_error_model(c);
  ErrorModel widest = list.front()->error(c);
  for (const Algorithm* algorithm : list) {
    const ErrorModel model = algorithm->error(c);
    if (model.relative_to_largest_magnitude > widest.relative_to_largest_magnitude) widest.derivation = model.derivation;
    widest.relative_to_magnitude = std::max(widest.relative_to_magnitude, model.relative_to_magnitude);
    widest.relative_to_largest_magnitude = std::max(widest.relative_to_largest_magnitude, model.relative_to_largest_magnitude);
    widest.relative_to_expected = std::max(widest.relative_to_expected, model.relative_to_expected);
    widest.absolute = std::max(widest.absolute, model.absolute);
    widest.largest_relative_l2 = std::max(widest.largest_relative_l2, model.largest_relative_l2);
  }
  return widest;
}

}  // namespace

Algorithm auto_algorithm() {
  return {.variant = {.name = "auto", .summary = "the fastest dense algorithm of each layer, found by trials", .in_quick = true},
          .supports = supports,
          .prepare = prepare,
          .error = error};
}

}  // namespace convroof::highway
