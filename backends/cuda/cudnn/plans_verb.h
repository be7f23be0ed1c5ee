// The verb `cudnn-plans`: the plan that cuDNN's first heuristic gives for each layer of each network on each described device.
#pragma once

#include <string>
#include <vector>

#include "backends/backend.h"

namespace convroof::cuda {

struct PlanRow {
  std::string profile, network, layer;
  std::int64_t batch = 1, engine = -1, workspace_bytes = 0;
  bool uses_tensor_cores = false;
  std::string tag;
};

// Convolutions and fully connected layers, each distinct shape of all networks once. Throws std::invalid_argument or CudnnError.
std::vector<PlanRow> described_plans(const std::vector<std::string>& profiles, const std::vector<std::string>& networks, std::int64_t batch);

// As tab-separated lines under a heading; the form of tests/backends/cuda/cudnn_plans.tsv.
std::string plan_table(const std::vector<PlanRow>& rows);

Verb cudnn_plans_verb();

}  // namespace convroof::cuda
