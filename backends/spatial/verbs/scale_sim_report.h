// The columns of SCALE-Sim's three reports, filled from our counts. docs/backends/spatial/scale-sim.md says which of them mean something else here.
#pragma once

#include <map>
#include <string>

#include "backends/spatial/model/accelerator.h"
#include "workloads/network.h"

namespace convroof::spatial {

// By file name: COMPUTE_REPORT.csv, BANDWIDTH_REPORT.csv, DETAILED_ACCESS_REPORT.csv; a row for each layer with weights, numbered from 0. The layers' own
// biases are left out, as SCALE-Sim has none. Throws std::invalid_argument where the accelerator is no systolic array.
std::map<std::string, std::string> scale_sim_reports(const Network& network, const Accelerator& accelerator, std::int64_t batch);

}  // namespace convroof::spatial
