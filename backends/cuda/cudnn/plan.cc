#include "backends/cuda/cudnn/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>

#include "backends/cuda/cudnn/library.h"

namespace convroof::cuda {
namespace {

const char* numerical_note(int note) {
  switch (note) {
    case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
      return "tensor_core";
    case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
      return "down_convert_inputs";
    case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
      return "reduced_precision_reduction";
    case CUDNN_NUMERICAL_NOTE_FFT:
      return "fft";
    case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
      return "nondeterministic";
    case CUDNN_NUMERICAL_NOTE_WINOGRAD:
      return "winograd";
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4:
      return "winograd_tile_4x4";
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6:
      return "winograd_tile_6x6";
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13:
      return "winograd_tile_13x13";
    default:
      return nullptr;
  }
}

const char* behaviour_note(int note) {
  switch (note) {
    case CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION:
      return "runtime_compilation";
    case CUDNN_BEHAVIOR_NOTE_SUPPORTS_CUDA_GRAPH_NATIVE_API:
      return "native_cuda_graph";
    case CUDNN_BEHAVIOR_NOTE_CUBLASLT_DEPENDENCY:
      return "cublaslt";
    default:
      return nullptr;
  }
}

cudnnPointwiseMode_t pointwise_mode(Activation activation) {
  switch (activation) {
    case Activation::sigmoid:
      return CUDNN_POINTWISE_SIGMOID_FWD;
    case Activation::tanh:
      return CUDNN_POINTWISE_TANH_FWD;
    default:
      return CUDNN_POINTWISE_RELU_FWD;
  }
}

Candidate describe(Descriptor configuration, std::string origin) {
  Candidate candidate{.configuration = std::move(configuration), .origin = std::move(origin)};
  const std::vector<Descriptor> engines = candidate.configuration.descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1);
  if (engines.empty()) throw std::runtime_error("cuDNN gave an engine configuration without an engine");
  const Descriptor& engine = engines.front();
  candidate.engine = engine.integer(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
  for (const int note : engine.enums(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT))
    if (const char* name = numerical_note(note)) candidate.notes.emplace_back(name);
  for (const int note : engine.enums(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE, CUDNN_BEHAVIOR_NOTE_TYPE_COUNT))
    if (const char* name = behaviour_note(note)) candidate.notes.emplace_back(name);
  candidate.tag = fmt::format("eng{}", candidate.engine);
  std::vector<std::pair<int, std::int64_t>> knobs;
  for (const Descriptor& knob :
       candidate.configuration.descriptors(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_KNOB_TYPE_COUNTS))
    knobs.emplace_back(knob.enumeration(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE), knob.integer(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
  std::ranges::sort(knobs);
  for (const auto& [type, value] : knobs) candidate.tag += fmt::format("_k{}={}", type, value);
  return candidate;
}

}  // namespace

bool Candidate::has(const std::string& note) const { return std::ranges::find(notes, note) != notes.end(); }

bool Candidate::is_standard(Sums sums) const {
  return (sums == Sums::f16 || !has("reduced_precision_reduction")) && !has("down_convert_inputs") && !has("winograd") && !has("fft");
}

Descriptor& ConvolutionGraph::keep(Descriptor descriptor) { return *kept_.emplace_back(std::make_unique<Descriptor>(std::move(descriptor))); }

// Dimensions are given as NCHW; the strides make it NHWC.
Descriptor& ConvolutionGraph::tensor(std::int64_t id, cudnnDataType_t type, std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w, bool is_virtual) {
  const std::array<std::int64_t, 4> dimensions = {n, c, h, w}, strides = {h * w * c, 1, w * c, c};
  Descriptor descriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  descriptor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id).set(CUDNN_ATTR_TENSOR_DATA_TYPE, type);
  descriptor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, dimensions).set(CUDNN_ATTR_TENSOR_STRIDES, strides);
  descriptor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::int64_t{16}).set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, is_virtual);
  descriptor.finalize();
  return keep(std::move(descriptor));
}

Descriptor& ConvolutionGraph::pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor* b, const Descriptor& y) {
  Descriptor what(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  what.set(CUDNN_ATTR_POINTWISE_MODE, mode).set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT).finalize();
  Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, keep(std::move(what)));
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x).set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  if (b != nullptr) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
  operation.finalize();
  return keep(std::move(operation));
}

ConvolutionGraph::ConvolutionGraph(const ConvolutionProblem& p, const CudnnTarget& target) : target_(target), sums_(p.sums) {
  const bool activates = p.activation != Activation::none;
  const auto result = [&](std::int64_t id, bool is_last) -> Descriptor& {
    return tensor(is_last ? std::int64_t{kOutputId} : id, is_last ? CUDNN_DATA_HALF : CUDNN_DATA_FLOAT, p.batch, p.filters, p.out_height, p.out_width,
                  !is_last);
  };
  const Descriptor& x = tensor(kInputId, CUDNN_DATA_HALF, p.batch, p.channels, p.height, p.width, false);
  const Descriptor& w = tensor(kWeightId, CUDNN_DATA_HALF, p.filters, p.filter_channels, p.kernel_h, p.kernel_w, false);
  const Descriptor* y = &result(100, !p.has_bias && !activates);

  Descriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const std::array<std::int64_t, 2> before = {p.pad_top, p.pad_left}, after = {p.pad_bottom, p.pad_right};
  const std::array<std::int64_t, 2> strides = {p.stride_h, p.stride_w}, dilations = {p.dilation_h, p.dilation_w};
  convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2})
      .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, p.sums == Sums::f16 ? CUDNN_DATA_HALF : CUDNN_DATA_FLOAT);
  convolution.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
  convolution.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, before).set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, after);
  convolution.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, strides).set(CUDNN_ATTR_CONVOLUTION_DILATIONS, dilations).finalize();
  Descriptor forward(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  forward.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, keep(std::move(convolution)));
  forward.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x).set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w);
  forward.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, *y);
  forward.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1.0f).set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 0.0f).finalize();

  std::vector<cudnnBackendDescriptor_t> operations = {keep(std::move(forward)).raw()};
  if (p.has_bias) {
    const Descriptor& bias = tensor(kBiasId, p.has_half_bias ? CUDNN_DATA_HALF : CUDNN_DATA_FLOAT, 1, p.filters, 1, 1, false);
    const Descriptor& sum = result(101, !activates);
    operations.push_back(pointwise(CUDNN_POINTWISE_ADD, *y, &bias, sum).raw());
    y = &sum;
  }
  if (activates) operations.push_back(pointwise(pointwise_mode(p.activation), *y, nullptr, result(102, true)).raw());

  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set_descriptors(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations);
  if (target.handle() != nullptr) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, target.handle());
  graph.finalize();
  graph_ = &keep(std::move(graph));
}

std::vector<Candidate> heuristic_candidates(const ConvolutionGraph& graph, Heuristic mode) {
  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph.graph());
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode == Heuristic::a ? CUDNN_HEUR_MODE_A : CUDNN_HEUR_MODE_B);
  if (graph.target().properties() != nullptr) heuristic.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *graph.target().properties());
  heuristic.finalize();
  const std::int64_t offered = heuristic.count(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR);
  std::vector<Candidate> candidates;
  for (Descriptor& configuration : heuristic.descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, offered))
    candidates.push_back(describe(std::move(configuration), mode == Heuristic::a ? "heuristic A" : "heuristic B"));
  return candidates;
}

std::vector<Candidate> engine_candidates(const ConvolutionGraph& graph) {
  std::vector<Candidate> candidates;
  const std::int64_t engines = graph.graph().integer(CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT);
  for (std::int64_t index = 0; index < engines; ++index) {
    Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph.graph()).set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, index);
    if (graph.target().properties() != nullptr) engine.set(CUDNN_ATTR_ENGINE_DEVICEPROP, *graph.target().properties());
    if (engine.try_finalize() != CUDNN_STATUS_SUCCESS) continue;  // not for this graph or device
    Descriptor configuration(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    configuration.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
    if (configuration.try_finalize() != CUDNN_STATUS_SUCCESS) continue;
    candidates.push_back(describe(std::move(configuration), "engine list"));
  }
  return candidates;
}

std::vector<Candidate> all_candidates(const ConvolutionGraph& graph) {
  std::vector<Candidate> all;
  std::set<std::string> seen;
  const auto take = [&](std::vector<Candidate> some) {
    for (Candidate& candidate : some)
      if (candidate.is_standard(graph.sums()) && seen.insert(candidate.tag).second) all.push_back(std::move(candidate));
  };
  take(heuristic_candidates(graph, Heuristic::a));
  take(heuristic_candidates(graph, Heuristic::b));
  take(engine_candidates(graph));
  return all;
}

std::optional<Plan> finalize_plan(const Candidate& candidate, const CudnnTarget& target, std::string* why) {
  Plan plan{.descriptor = Descriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)};
  if (target.properties() != nullptr)
    plan.descriptor.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.properties());
  else
    plan.descriptor.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.handle());
  plan.descriptor.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, candidate.configuration);
  const cudnnStatus_t status = plan.descriptor.try_finalize();
  if (status != CUDNN_STATUS_SUCCESS) {
    if (why != nullptr) *why = CudnnError(status, "cudnnBackendFinalize(plan)", std::source_location::current()).what();
    return std::nullopt;
  }
  plan.workspace_bytes = plan.descriptor.integer(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
  return plan;
}

ChosenPlan heuristic_plan(const ConvolutionGraph& graph) {
  std::vector<Candidate> candidates = heuristic_candidates(graph, Heuristic::a);
  const int offered = static_cast<int>(candidates.size());
  std::string why = graph.sums() == Sums::f16 ? "no engine with FP16 sums was offered" : "no engine with FP32 sums was offered";
  for (Candidate& candidate : candidates) {
    if (!candidate.is_standard(graph.sums())) continue;
    if (std::optional<Plan> plan = finalize_plan(candidate, graph.target(), &why)) return {std::move(candidate), std::move(*plan), offered};
  }
  throw std::runtime_error(fmt::format("none of the {} configurations of cuDNN's heuristic A can be used for {}: {}", offered, graph.target().name(), why));
}

}  // namespace convroof::cuda
