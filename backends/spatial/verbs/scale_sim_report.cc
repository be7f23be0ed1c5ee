#include "backends/spatial/verbs/scale_sim_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>
#include <vector>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/model/energy.h"
#include "workloads/checked.h"

namespace convroof::spatial {
namespace {

// Share of the array that a pass uses, averaged over the passes, in percent.
double mapping_efficiency(const SystolicArray& array, const Problem& p) {
  const std::int64_t rows = array.stationary == Stationary::output ? p.n() : p.k();
  const std::int64_t columns = array.stationary == Stationary::input ? p.n() : p.m();
  const auto share = [](std::int64_t total, std::int64_t side) { return static_cast<double>(total) / static_cast<double>(ceil_div(total, side) * side); };
  return 100 * share(rows, array.rows) * share(columns, array.columns);
}

// SCALE-Sim ends every line with a comma.
std::string line(const std::vector<std::string>& cells) { return fmt::format("{},\n", fmt::join(cells, ", ")); }

}  // namespace

std::map<std::string, std::string> scale_sim_reports(const Network& network, const Accelerator& a, std::int64_t batch) {
  const auto* array = std::get_if<SystolicArray>(&a.array);
  if (array == nullptr) throw std::invalid_argument(fmt::format("`{}` is no systolic array; SCALE-Sim's reports have no columns for {}", a.name, a.dataflow));
  std::string compute = "LayerID, Total Cycles (incl. prefetch), Total Cycles, Stall Cycles, Overall Util %, Mapping Efficiency %, Compute Util %,\n";
  std::string bandwidth = "LayerID, Avg IFMAP SRAM BW, Avg FILTER SRAM BW, Avg OFMAP SRAM BW, Avg IFMAP DRAM BW, Avg FILTER DRAM BW, Avg OFMAP DRAM BW,\n";
  std::string detail = "LayerID, ";
  for (const char* memory : {"SRAM", "DRAM"})
    for (const char* operand : {"IFMAP", "Filter", "OFMAP"})
      detail += fmt::format("{0} {1} Start Cycle, {0} {1} Stop Cycle, {0} {1} {2}{3}", memory, operand, operand[0] == 'O' ? "Writes" : "Reads",
                            memory[0] == 'D' && operand[0] == 'O' ? ",\n" : ", ");
  int id = 0;
  for (const NetworkLayer& layer : network.layers) {
    if (!layer.spec.has_weights()) continue;
    const Problem p{.layer = layer.spec, .batch = batch};
    const Outcome o = fast::count(a, p);
    const Accesses& x = o.accesses;
    const std::uint64_t total = o.cycles + o.stall_cycles;
    const auto written = [&](Level level) { return x.writes(level, Operand::psum) + x.writes(level, Operand::output); };
    const std::vector<std::uint64_t> words = {x.reads(Level::global, Operand::input), x.reads(Level::global, Operand::weight), written(Level::global),
                                              x.reads(Level::dram, Operand::input),   x.reads(Level::dram, Operand::weight),   written(Level::dram)};
    const auto number = [](double value) { return fmt::format("{}", value); };
    const double busy = static_cast<double>(o.macs) / static_cast<double>(a.multipliers());
    compute += line({fmt::format("{}", id), fmt::format("{}", total), fmt::format("{}", total), fmt::format("{}", o.stall_cycles),
                     number(100 * busy / static_cast<double>(total)), number(mapping_efficiency(*array, p)), number(100 * utilization(a, o))});
    std::vector<std::string> rates = {fmt::format("{}", id)}, counts = rates;
    for (const std::uint64_t count : words) {
      rates.push_back(number(static_cast<double>(count) / static_cast<double>(total)));
      counts.insert(counts.end(), {"", "", fmt::format("{}", count)});
    }
    bandwidth += line(rates);
    detail += line(counts);
    ++id;
  }
  return {{"COMPUTE_REPORT.csv", compute}, {"BANDWIDTH_REPORT.csv", bandwidth}, {"DETAILED_ACCESS_REPORT.csv", detail}};
}

}  // namespace convroof::spatial
