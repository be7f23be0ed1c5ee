// Does an engine sum in FP16, or only say so? One sum that FP16 gets wrong and FP32 gets right, laid over the very layer that is to be measured.
//
// All activations are 1. Of a filter's weights the first (first tap, first channel) is 2048, the last (last tap, last channel) is -2048, all others are 1/32.
// The exact sum is (K - 2) / 32 with K products. FP16 numbers between 2048 and 4096 are 2 apart: while the 2048 stands in a sum, 1/32 is lost, and so are the
// 16 or 32 products that one matrix instruction adds exactly before it rounds. That holds for any order and any split of the sum, as long as it is longer than
// a few instructions. FP32 holds 2048 + K / 32 exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backends/cuda/cudnn/convolution_problem.h"
#include "backends/float16.h"

namespace convroof::cuda {

class AccumulationProbe {
 public:
  // Nothing where the layer cannot show it: a sum of fewer than 64 products, or no output that meets all taps.
  static std::optional<AccumulationProbe> of(const ConvolutionProblem& problem);
  // Why there is none; empty where there is one.
  static std::string refusal(const ConvolutionProblem& problem);

  std::vector<Float16> input() const;    // NHWC
  std::vector<Float16> weights() const;  // KRSC
  std::int64_t output_element() const;   // in NHWC, of one output that meets all taps
  double exact() const;

  // What `result`, found at output_element(), was summed in. Nothing for a result that is neither: no number, or far from any sum of such products.
  std::optional<Sums> verdict(Float16 result) const;

 private:
  explicit AccumulationProbe(const ConvolutionProblem& problem) : problem_(problem) {}
  ConvolutionProblem problem_;
};

}  // namespace convroof::cuda
