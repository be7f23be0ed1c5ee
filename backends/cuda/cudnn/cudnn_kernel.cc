#include "backends/cuda/cudnn/cudnn_kernel.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <random>

#include "backends/cuda/cudnn/accumulation_probe.h"
#include "backends/cuda/cudnn/library.h"
#include "backends/cuda/cudnn/plan.h"
#include "backends/cuda/cudnn/plan_cache.h"
#include "backends/cuda/cudnn/tuner.h"
#include "backends/cuda/device/device.h"
#include "backends/cuda/device/device_kernel.h"
#include "backends/cuda/kernels/pointwise.h"

namespace convroof::cuda {
namespace {

// The tuner passes over plans that want more than this: they transform whole tensors, and a batch of 256 would not leave room for the operands.
constexpr std::int64_t kLargestWorkspace = std::int64_t{4} << 30;

ActivationLayout layout_of_input(const Case& c) { return {c.batch, 1, c.layer.in_channels, c.layer.in_channels, c.layer.in_height, c.layer.in_width}; }
ActivationLayout layout_of_output(const Case& c) { return {c.batch, 1, c.layer.out_channels, c.layer.out_channels, c.layer.out_height, c.layer.out_width}; }

// cuDNN's engines for FP16 want the bias in FP16 as well. Where that loses nothing it is done; otherwise the bias stays FP32 and fewer engines are offered.
bool fits_half(const Case& c, const Tensor& bias) {
  if (!c.has_bias()) return true;
  return std::ranges::all_of(bias.as<float>(), [](float value) { return static_cast<float>(Float16(value)) == value; });
}

std::vector<Float16> halves(const Tensor& bias) {
  std::vector<Float16> result;
  for (const float value : bias.as<float>()) result.emplace_back(value);
  return result;
}

class CudnnKernel final : public DeviceKernel {
 public:
  CudnnKernel(const Case& c, const Operands& operands, PlanChoice choice, Sums sums)
      : DeviceKernel(c, layout_of_output(c)),
        problem_(convolution_problem(c, fits_half(c, operands.bias), sums)),
        target_(CudnnTarget::device()),
        graph_(problem_, target_) {
    check_cudnn(CudnnLibrary::get().set_stream(target_.handle(), stream()), "cudnnSetStream");
    const std::vector<Float16> input = pack_activations(operands.input, layout_of_input(c));
    const std::vector<Float16> weights = pack_filters(operands.weights, operands.weights.shape()[1]);
    require_free_memory(static_cast<std::int64_t>((input.size() + weights.size()) * sizeof(Float16)) + operands.bias.bytes());
    input_ = DeviceMemory(input.size() * sizeof(Float16));
    weights_ = DeviceMemory(weights.size() * sizeof(Float16));
    if (c.has_bias()) {
      const bool half = problem_.has_half_bias && !has_separate_epilogue(c, sums);
      const std::vector<Float16> half_bias = half ? halves(operands.bias) : std::vector<Float16>{};
      const void* bias = half ? static_cast<const void*>(half_bias.data()) : operands.bias.data();
      bias_ = DeviceMemory(static_cast<std::size_t>(operands.bias.count()) * (half ? sizeof(Float16) : sizeof(float)));
      bias_.upload(bias, bias_.bytes());
      facts_["bias_type"] = half ? "f16" : "f32";
    }

    if (choice == PlanChoice::heuristic) {
      ChosenPlan chosen = heuristic_plan(graph_);
      facts_["plan_choice"] = fmt::format("first of {} of heuristic A", chosen.candidates);
      use(std::move(chosen.candidate), std::move(chosen.plan));
    } else {
      choose_by_timing(input.size(), weights.size());
    }
    input_.upload(input.data(), input_.bytes());
    weights_.upload(weights.data(), weights_.bytes());
  }

  Work work() const override {
    Work work = common_work({.input = input_.bytes(),
                             .weights = weights_.bytes() + bias_.bytes(),
                             .output = static_cast<std::uint64_t>(output_layout().elements()) * sizeof(Float16),
                             .partial = static_cast<std::uint64_t>(plan_->workspace_bytes)});
    work.unit_used = candidate_->has("tensor_core") ? "tensor" : "half2";
    if (problem_.sums == Sums::f16) work.accumulator = "f16";
    work.facts.insert(facts_.begin(), facts_.end());
    return work;
  }

 protected:
  void enqueue(cudaStream_t on_stream) override {
    execute(*plan_, workspace_);
    if (has_separate_epilogue(the_case(), problem_.sums))
      launch_bias_activation(output(), bias_.as<float>(), output_layout().elements() / output_layout().channels, output_layout().channels,
                             the_case().activation(), on_stream);
  }

 private:
  void use(Candidate candidate, Plan plan) {
    require_free_memory(plan.workspace_bytes);
    workspace_ = DeviceMemory(static_cast<std::size_t>(plan.workspace_bytes));
    facts_["implementation"] = fmt::format("cuDNN {}", CudnnLibrary::get().version_text());
    facts_["plan"] = candidate.tag;
    facts_["engine"] = fmt::format("{}", candidate.engine);
    facts_["notes"] = fmt::format("{}", fmt::join(candidate.notes, " "));
    facts_["workspace_bytes"] = fmt::format("{}", plan.workspace_bytes);
    facts_["epilogue"] = has_separate_epilogue(the_case(), problem_.sums) ? "a kernel of its own" : "fused";
    facts_["plan_origin"] = candidate.origin;
    candidate_.emplace(std::move(candidate));
    plan_.emplace(std::move(plan));
  }

  void execute(const Plan& plan, const DeviceMemory& workspace) {
    std::vector<std::int64_t> ids = {kInputId, kWeightId, kOutputId};
    std::vector<void*> pointers = {input_.data(), weights_.data(), output()};
    if (problem_.has_bias) {
      ids.push_back(kBiasId);
      pointers.push_back(bias_.data());
    }
    void* const scratch = workspace.data();
    Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span<const std::int64_t>(ids));
    pack.set_pointers(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, pointers);
    pack.set_pointers(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, std::span(&scratch, 1)).finalize();
    check_cudnn(CudnnLibrary::get().execute(target_.handle(), plan.descriptor.raw(), pack.raw()), "cudnnBackendExecute");
  }

  // Tuned on data of its own: a plan chosen and measured on the same samples would look faster than it is.
  void fill_for_tuning(DeviceMemory& memory, std::size_t elements, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0f, 0.05f);
    std::vector<Float16> block(std::min<std::size_t>(elements, 1 << 16));
    for (Float16& value : block) value = Float16(normal(random));
    for (std::size_t at = 0; at < elements; at += block.size())
      CONVROOF_CUDA(cudaMemcpy(memory.as<Float16>() + at, block.data(), std::min(block.size(), elements - at) * sizeof(Float16), cudaMemcpyHostToDevice));
  }

  // An engine that was asked for FP16 sums may use FP32 ones all the same.
  void keep_plans_with_half_sums(std::vector<Candidate>& candidates, std::vector<Plan>& plans, std::int64_t workspace_bytes) {
    const auto probe = AccumulationProbe::of(problem_);
    if (!probe) throw std::runtime_error(AccumulationProbe::refusal(problem_));
    const std::vector<Float16> ones = probe->input(), weights = probe->weights();
    input_.upload(ones.data(), input_.bytes());
    weights_.upload(weights.data(), weights_.bytes());
    require_free_memory(workspace_bytes);
    const DeviceMemory workspace(static_cast<std::size_t>(workspace_bytes));
    std::vector<Candidate> shown;
    std::vector<Plan> shown_plans;
    Float16 last{};
    for (std::size_t i = 0; i < plans.size(); ++i) {
      poison_output();
      execute(plans[i], workspace);
      CONVROOF_CUDA(cudaStreamSynchronize(stream()));
      CONVROOF_CUDA(cudaMemcpy(&last, static_cast<const Float16*>(output()) + probe->output_element(), sizeof(last), cudaMemcpyDeviceToHost));
      if (probe->verdict(last) != Sums::f16) continue;
      facts_["sums"] = fmt::format("FP16, shown by a sum of {} that came out as {}", probe->exact(), static_cast<float>(last));
      shown.push_back(std::move(candidates[i]));
      shown_plans.push_back(std::move(plans[i]));
    }
    if (shown.empty())
      throw std::runtime_error(fmt::format("none of {} plans that were asked for FP16 sums uses them: a sum of {} came out as {}", plans.size(), probe->exact(),
                                           static_cast<float>(last)));
    facts_["plans_with_fp16_sums"] = fmt::format("{} of {}", shown.size(), plans.size());
    candidates = std::move(shown);
    plans = std::move(shown_plans);
  }

  void choose_by_timing(std::size_t input_elements, std::size_t weight_elements) {
    std::vector<Candidate> candidates;
    std::vector<Plan> plans;
    std::int64_t largest = 0;
    for (Candidate& candidate : all_candidates(graph_)) {
      std::optional<Plan> plan = finalize_plan(candidate, target_);
      if (!plan || plan->workspace_bytes > kLargestWorkspace) continue;
      largest = std::max(largest, plan->workspace_bytes);
      candidates.push_back(std::move(candidate));
      plans.push_back(std::move(*plan));
    }
    if (plans.empty()) throw std::runtime_error("cuDNN offers no plan with such sums for this layer");
    if (problem_.sums == Sums::f16) keep_plans_with_half_sums(candidates, plans, largest);

    PlanCache cache(PlanCache::default_path());
    const std::string key = PlanCache::key(target_.name(), CudnnLibrary::get().version_text(), problem_.text());
    if (const auto remembered = cache.find(key))
      for (std::size_t i = 0; i < plans.size(); ++i)
        if (candidates[i].tag == *remembered) {
          facts_["plan_choice"] = fmt::format("remembered, one of {}", plans.size());
          return use(std::move(candidates[i]), std::move(plans[i]));
        }

    require_free_memory(largest);
    const DeviceMemory workspace(static_cast<std::size_t>(largest));
    fill_for_tuning(input_, input_elements, 1);
    fill_for_tuning(weights_, weight_elements, 2);
    CacheFlush flush;
    Event start, end;
    std::vector<bool> is_warm(plans.size(), false);
    const auto measure = [&](int i) {
      const auto at = static_cast<std::size_t>(i);
      if (!is_warm[at]) execute(plans[at], workspace);  // module load and run-time compilation stay out of the samples
      is_warm[at] = true;
      flush(stream());
      CONVROOF_CUDA(cudaEventRecord(start.get(), stream()));
      execute(plans[at], workspace);
      CONVROOF_CUDA(cudaEventRecord(end.get(), stream()));
      CONVROOF_CUDA(cudaStreamSynchronize(stream()));
      return seconds_between(start, end);
    };
    const Tuned tuned = tune(static_cast<int>(plans.size()), measure);
    const auto best = static_cast<std::size_t>(tuned.best);
    facts_["plan_choice"] = fmt::format("fastest of {} by cold timing", plans.size());
    facts_["tuning_gain"] = fmt::format("{:.4f}", tuned.gain_over_incumbent);
    cache.store(key, candidates[best].tag);
    use(std::move(candidates[best]), std::move(plans[best]));
  }

  ConvolutionProblem problem_;
  CudnnTarget target_;
  ConvolutionGraph graph_;
  DeviceMemory input_, weights_, bias_, workspace_;
  std::optional<Candidate> candidate_;
  std::optional<Plan> plan_;
  std::map<std::string, std::string> facts_;
};

}  // namespace

std::unique_ptr<Kernel> make_cudnn_kernel(const Case& c, const Operands& operands, PlanChoice choice, Sums sums) {
  return std::make_unique<CudnnKernel>(c, operands, choice, sums);
}

std::map<std::string, std::string> described_plan_facts(const Case& c, const std::string& profile, Sums sums) {
  std::map<std::string, std::string> facts = {{"described_device", profile}};
  try {
    const CudnnTarget target = CudnnTarget::described(profile);
    const ConvolutionGraph graph(convolution_problem(c, true, sums), target);
    const ChosenPlan chosen = heuristic_plan(graph);
    facts["implementation"] = fmt::format("cuDNN {}", CudnnLibrary::get().version_text());
    facts["plan"] = chosen.candidate.tag;
    facts["engine"] = fmt::format("{}", chosen.candidate.engine);
    facts["notes"] = fmt::format("{}", fmt::join(chosen.candidate.notes, " "));
    facts["workspace_bytes"] = fmt::format("{}", chosen.plan.workspace_bytes);
    facts["plan_choice"] = fmt::format("first of {} of heuristic A, not run", chosen.candidates);
  } catch (const std::exception& error) {
    facts["cudnn_refused"] = error.what();
  }
  return facts;
}

}  // namespace convroof::cuda
