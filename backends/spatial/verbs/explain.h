// What each family adds to `explain`: one overload each, in explain_<family>.cc.
#pragma once

#include <string>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial {

// Lines "shape  ..." and "clocks  a x b x c = cycles" (and whatever else the family has to say), each ended; the clocks' terms add up to the outcome's.
std::string clock_terms(const Accelerator& accelerator, const SystolicArray& array, const Problem& problem, const Outcome& outcome);
std::string clock_terms(const Accelerator& accelerator, const NoLocalReuse& array, const Problem& problem, const Outcome& outcome);
std::string clock_terms(const Accelerator& accelerator, const RowStationaryArray& array, const Problem& problem, const Outcome& outcome);
std::string clock_terms(const Accelerator& accelerator, const Dcnn& array, const Problem& problem, const Outcome& outcome);
std::string clock_terms(const Accelerator& accelerator, const Scnn& array, const Problem& problem, const Outcome& outcome);
std::string clock_terms(const Accelerator& accelerator, const ShiftingNeighbourArray& array, const Problem& problem, const Outcome& outcome);
std::string clock_terms(const Accelerator& accelerator, const BroadcastChainArray& array, const Problem& problem, const Outcome& outcome);

std::string clock_terms(const Accelerator& accelerator, const FeieArray& array, const Problem& problem, const Outcome& outcome);

}  // namespace convroof::spatial
