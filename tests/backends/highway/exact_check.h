// Runs one algorithm of the highway backend on small integers in any type and density, on every instruction set that this CPU has: the output must equal the
// plain loops' bit for bit, and the kernel must account for what it did.
#pragma once

#include <string>

#include "backends/highway/algorithms.h"

namespace convroof::highway {

struct ExactOptions {
  DataType type = DataType::f32;
  std::int64_t batch = 1;
  int threads = 1;
  Epilogue epilogue = Epilogue::layer;
  double weights = 1, activations = 1;  // non-zero shares
  int largest_weight = 2, largest_activation = 3;
};

void check_exact(const std::string& variant, const LayerSpec& layer, const ExactOptions& options = {});

}  // namespace convroof::highway
