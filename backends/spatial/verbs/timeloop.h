// A layer on a systolic array as Timeloop (Parashar et al., ISPASS 2019) is told it: architecture, problem and the one mapping that the array has.
// docs/backends/spatial/timeloop.md: what must come out equal, and what cannot.
#pragma once

#include <map>
#include <string>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial {

// By file name: arch.yaml, problem.yaml, map.yaml. The problem is one group's matrix product, N x K times K x M; folds that do not divide are residual
// factors (K=16,11). Throws std::invalid_argument where the accelerator is no systolic array.
std::map<std::string, std::string> timeloop_files(const std::string& name, const Accelerator& accelerator, const Problem& problem);

}  // namespace convroof::spatial
