// Energy and utilisation from counts: recomputable from the printed numbers.
#pragma once

#include <map>
#include <string>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"

namespace convroof::spatial {

// By level, with "mac" beside the memory levels. Words read and words written cost the same; gated multiplications, and
// reads that were gated with them (count local_reads_gated), cost nothing.
std::map<std::string, double> energy_of(const EnergyTable& table, const Outcome& outcome);

// MACs / (multipliers x clocks of the array), memory's waits left out; 0 without clocks.
double utilization(const Accelerator& accelerator, const Outcome& outcome);

}  // namespace convroof::spatial
