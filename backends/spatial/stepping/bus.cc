#include "backends/spatial/stepping/bus.h"

namespace convroof::spatial::stepping {

std::uint64_t bus_stalls(std::optional<double> bits_per_cycle, std::span<const Stage> stages) {
  if (!bits_per_cycle || stages.empty()) return 0;
  const double rate = *bits_per_cycle;
  const auto moved_by = [&](std::uint64_t clock) { return static_cast<double>(clock) * rate; };
  std::uint64_t stalls = 0;
  for (std::uint64_t clock = 0; moved_by(clock) < static_cast<double>(stages[0].load_bits); ++clock) ++stalls;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const std::uint64_t bits = stages[i].flow_bits + (i + 1 < stages.size() ? stages[i + 1].load_bits : 0);
    std::uint64_t clock = 0;
    while (clock < stages[i].clocks || moved_by(clock) < static_cast<double>(bits)) {
      if (clock >= stages[i].clocks) ++stalls;  // the array is done, the bus is not
      ++clock;
    }
  }
  return stalls;
}

}  // namespace convroof::spatial::stepping
