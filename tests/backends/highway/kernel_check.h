// Runs one algorithm of the highway backend on one layer and compares with the plain loops, on every instruction set that this CPU has.
#pragma once

#include <string>
#include <vector>

#include "backends/highway/algorithms.h"

namespace convroof::highway {

const Algorithm& algorithm_named(const std::string& name);

struct CheckOptions {
  std::int64_t batch = 1;
  int threads = 1;
  Epilogue epilogue = Epilogue::layer;
  bool integers = false;  // operands are small integers and the result must be exact
  bool all_targets = true;
};

// A convolution with a bias whose output size follows from the rest.
LayerSpec convolution(std::int64_t in_channels, std::int64_t out_channels, std::int64_t height, std::int64_t width, std::int64_t kernel,
                      std::int64_t stride = 1, std::int64_t padding = 0, std::int64_t groups = 1, std::int64_t dilation = 1);
LayerSpec fully_connected(std::int64_t in_channels, std::int64_t size, std::int64_t out_channels);
LayerSpec pooling(Op op, std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t kernel, std::int64_t stride, std::int64_t padding);
LayerSpec elementwise(Op op, std::int64_t channels, std::int64_t height, std::int64_t width);

// Fails the running test where an element is outside the error model, was never written, or the whole is beyond the model's L2 gate.
void check(const std::string& variant, const LayerSpec& layer, const CheckOptions& options = {});

}  // namespace convroof::highway
