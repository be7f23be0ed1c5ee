#include "backends/spatial/model/energy.h"

namespace convroof::spatial {

std::map<std::string, double> energy_of(const EnergyTable& table, const Outcome& o) {
  const auto words = [&](Level level) { return static_cast<double>(o.accesses.total(level)); };
  const auto place = o.counts.find("local_reads_gated");
  const std::uint64_t gated = place == o.counts.end() ? 0 : place->second;
  return {{"mac", table.mac * static_cast<double>(o.macs - o.macs_gated)},
          {"local", table.local * (words(Level::local) - static_cast<double>(gated))},
          {"array", table.array * words(Level::array)},
          {"global", table.global * words(Level::global)},
          {"dram", table.dram * words(Level::dram)}};
}

double utilization(const Accelerator& a, const Outcome& o) {
  if (o.cycles == 0) return 0;
  return static_cast<double>(o.macs) / (static_cast<double>(a.multipliers()) * static_cast<double>(o.cycles));
}

}  // namespace convroof::spatial
