// cuDNN's plans for one convolution: graph, candidates, and the finalized plan.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/cuda/cudnn/convolution_problem.h"
#include "backends/cuda/cudnn/target.h"

namespace convroof::cuda {

// Unique ids of the tensors in a variant pack.
enum TensorId : std::int64_t { kInputId = 1, kWeightId = 2, kOutputId = 3, kBiasId = 4 };

// convolution [+ bias] [+ activation], FP16 in and out, FP32 in between (with FP16 sums: the sum is FP16, bias and activation are computed in FP32).
class ConvolutionGraph {
 public:
  ConvolutionGraph(const ConvolutionProblem& problem, const CudnnTarget& target);
  const Descriptor& graph() const { return *graph_; }
  const CudnnTarget& target() const { return target_; }
  Sums sums() const { return sums_; }

 private:
  Descriptor& keep(Descriptor descriptor);
  Descriptor& tensor(std::int64_t id, cudnnDataType_t type, std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w, bool is_virtual);
  Descriptor& pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor* b, const Descriptor& y);

  const CudnnTarget& target_;
  Sums sums_;
  std::vector<std::unique_ptr<Descriptor>> kept_;  // a graph refers to its parts
  const Descriptor* graph_ = nullptr;
};

enum class Heuristic { a, b };

// An engine with its knobs set: what can become a plan.
struct Candidate {
  Descriptor configuration;
  std::int64_t engine = -1;
  std::string tag;                 // "eng62_k2=28_k27=0": stable for one cuDNN version
  std::vector<std::string> notes;  // numerical and behaviour notes: "tensor_core", "winograd", "runtime_compilation" ...
  std::string origin;              // "heuristic A", "heuristic B", "engine list"

  bool has(const std::string& note) const;
  // Sums of exact products: no down-converted inputs, no transformed domain; and with FP32 sums, the standard of this suite, no reduced-precision reduction.
  bool is_standard(Sums sums = Sums::f32) const;
};

// In cuDNN's order, best guess first.
std::vector<Candidate> heuristic_candidates(const ConvolutionGraph& graph, Heuristic mode);
// Every engine of the graph with its default knobs; those that cuDNN refuses are left out.
std::vector<Candidate> engine_candidates(const ConvolutionGraph& graph);
// Union of heuristics A, B and the engine list, each tag once, standard ones only, in that order. Never the fallback mode.
std::vector<Candidate> all_candidates(const ConvolutionGraph& graph);

struct Plan {
  Descriptor descriptor;
  std::int64_t workspace_bytes = 0;
};
// Nothing where cuDNN refuses the candidate after all; `why` (where given) gets its words.
std::optional<Plan> finalize_plan(const Candidate& candidate, const CudnnTarget& target, std::string* why = nullptr);

// The first candidate of heuristic A that is standard for the graph and finalizes: what a program that does not tune gets. Throws std::runtime_error where
// there is none.
struct ChosenPlan {
  Candidate candidate;
  Plan plan;
  int candidates = 0;  // offered by the heuristic
};
ChosenPlan heuristic_plan(const ConvolutionGraph& graph);

}  // namespace convroof::cuda
