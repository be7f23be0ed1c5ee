// What takes a layer away from an accelerator's stated peak, one cause after the other.
#pragma once

#include <string>
#include <vector>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial {

struct Step {
  std::string cause;  // array shape, fragmentation, fill and drain, imbalance, memory stalls, or several in one where a family cannot tell them apart
  double share;       // of the rate before it that is left, 0 ... 1
};

// Shares multiply to executed MACs / (multipliers x (clocks + stalls)).
//   array shape     multipliers that the mapping never uses: the layer is smaller than the array along an axis
//   fragmentation   those that a partial fold leaves out
//   fill and drain  clocks in which values enter or leave
//   imbalance       units that wait for the slowest
//   memory stalls   clocks in which the array waits for the bus
std::vector<Step> staircase(const Accelerator& accelerator, const Problem& problem, const Outcome& outcome);

// The same in one line, in operations a second from the stated peak down: "peak 5.12e+11 > array shape 5.12e+11 > ... > memory stalls 2.1e+11".
std::string descent(const Accelerator& accelerator, const Problem& problem, const Outcome& outcome);

}  // namespace convroof::spatial
