// convroof energy NETWORK: what a network's layers cost on several accelerators, side by side and relative to the first.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <regex>
#include <stdexcept>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/energy.h"
#include "backends/spatial/verbs/verbs.h"
#include "workloads/nearest.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

constexpr const char* kLevels[] = {"mac", "local", "array", "global", "dram"};

struct Bill {
  std::map<std::string, double> levels;  // summed over layers
  double macs = 0, total = 0, seconds = 0;
  std::string not_run;  // the first layer that cannot run, with its reason
};

Bill bill_of(const Accelerator& a, const std::vector<NetworkLayer>& layers, std::int64_t batch) {
  Bill bill;
  for (const NetworkLayer& layer : layers) {
    if (const std::string reason = why_not(a, layer.spec, batch); !reason.empty()) {
      bill.not_run = fmt::format("{}: {}", layer.spec.name, reason);
      return bill;
    }
    const std::vector<std::int64_t> bias(layer.spec.has_bias ? static_cast<std::size_t>(layer.spec.out_channels) : 0);
    const Outcome o = fast::count(a, {.layer = layer.spec, .batch = batch, .bias = bias});
    const auto times = static_cast<double>(layer.repeats);
    for (const auto& [level, energy] : energy_of(*a.energy, o)) bill.levels[level] += times * energy, bill.total += times * energy;
    bill.macs += times * static_cast<double>(o.macs);
    bill.seconds += times * static_cast<double>(o.cycles + o.stall_cycles) / a.clock_hz;
  }
  return bill;
}

std::string table(const std::vector<Accelerator>& accelerators, const std::vector<NetworkLayer>& layers, std::int64_t batch) {
  std::string text = fmt::format("{:<18}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}{:>13}\n", "accelerator", "mac", "local", "array", "global", "dram", "total",
                                 "relative", "seconds");
  double first = 0;
  for (const Accelerator& a : accelerators) {
    const Bill bill = bill_of(a, layers, batch);
    if (!bill.not_run.empty()) {
      text += fmt::format("{:<18}not run: {}\n", a.name, bill.not_run);
      continue;
    }
    if (first == 0) first = bill.total / bill.macs;
    text += fmt::format("{:<18}", a.name);
    for (const char* level : kLevels) text += fmt::format("{:>9.3f}", bill.levels.at(level) / bill.macs);
    text += fmt::format("{:>9.3f}{:>9.2f}x{:>13.6g}\n", bill.total / bill.macs, bill.total / bill.macs / first, bill.seconds);
  }
  return text;
}

}  // namespace

int energy_main(const std::vector<std::string>& arguments) {
  std::string what, pattern = "conv.*";
  std::vector<std::string> names;
  std::int64_t batch = 1;
  CLI::App app("Prints the energy of a network's layers on accelerators, per multiply-accumulate and level, relative to the first", "convroof energy");
  app.add_option("network", what, "a shipped network or a file")->required();
  app.add_option("--accelerators", names, "shipped accelerators or files, the one to compare with first")->delimiter(',')->required();
  app.add_option("--layers", pattern, "layers whose whole name this regular expression matches")->capture_default_str();
  app.add_option("--batch", batch, "images")->check(CLI::Range(1, 4096))->capture_default_str();
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    throw std::invalid_argument(fmt::format("{}; see convroof energy --help", error.what()));
  }
  std::regex wanted;
  try {
    wanted = std::regex(pattern);
  } catch (const std::regex_error& error) {
    throw std::invalid_argument(fmt::format("--layers {}: no regular expression ({})", pattern, error.what()));
  }
  std::vector<Accelerator> accelerators;
  for (const std::string& name : names) accelerators.push_back(load_accelerator(name));
  for (const Accelerator& a : accelerators) {
    if (!a.energy) throw std::invalid_argument(fmt::format("{} has no energy table; add `energy = \"isca2016\"` to its file", a.name));
    if (a.energy->unit != accelerators.front().energy->unit || a.energy->name != accelerators.front().energy->name)
      throw std::invalid_argument(fmt::format("{} counts in `{}` and {} in `{}`; use one energy table for all", accelerators.front().name,
                                              accelerators.front().energy->name, a.name, a.energy->name));
  }
  const Network network = load_network(what);
  std::vector<NetworkLayer> layers;
  for (const NetworkLayer& layer : network.layers)
    if (layer.spec.has_weights() && std::regex_match(layer.spec.name, wanted)) layers.push_back(layer);
  if (layers.empty()) throw std::invalid_argument(fmt::format("--layers {}: no layer with weights of {} is named so", pattern, network.name));
  const EnergyTable& energy = *accelerators.front().energy;
  std::printf("%s, %zu layers, batch %lld; %s a multiply-accumulate (table %s)\n\n", network.name.c_str(), layers.size(), static_cast<long long>(batch),
              energy.unit == "MAC" ? "units of one MAC" : energy.unit.c_str(), energy.name.c_str());
  std::fputs(table(accelerators, layers, batch).c_str(), stdout);
  return 0;
}

}  // namespace convroof::spatial
