// convroof explain NETWORK/LAYER: the terms that add up to a layer's clocks, accesses and energy on one accelerator.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <random>
#include <stdexcept>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/energy.h"
#include "backends/spatial/model/staircase.h"
#include "backends/spatial/verbs/explain.h"
#include "backends/spatial/verbs/verbs.h"
#include "workloads/density.h"
#include "workloads/nearest.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

// Exactly round(share x count) ones at random places, zeros elsewhere.
std::vector<std::int16_t> ones(std::int64_t count, double share, std::mt19937& random) {
  std::vector<std::int16_t> values(static_cast<std::size_t>(count));
  std::int64_t left = count, wanted = kept_of(share, count);
  for (std::int16_t& value : values) {
    value = std::uniform_int_distribution<std::int64_t>(0, --left)(random) < wanted ? 1 : 0;
    wanted -= value;
  }
  return values;
}

std::string explanation(const LayerSpec& layer, std::int64_t batch, const LayerDensity& density, const Accelerator& a, const std::string& name) {
  const std::vector<std::int64_t> bias(layer.has_bias ? static_cast<std::size_t>(layer.out_channels) : 0);
  Problem p{.layer = layer, .batch = batch, .bias = bias};
  std::mt19937 random(1);
  std::vector<std::int16_t> input, weights;
  if (density.activations < 1) p.input = input = ones(batch * input_elements(layer), density.activations, random);
  if (density.weights.pattern == WeightSparsity::Pattern::unstructured) p.weights = weights = ones(weight_count(layer), density.weights.share, random);
  const Outcome o = fast::count(a, p);
  std::string text = fmt::format("{} on {} ({}), batch {}\n", name, a.name, a.dataflow, batch);
  if (!density.is_dense()) text += fmt::format("{:.2f} % of the inputs are not zero, at random places\n", 100 * density.activations);
  text += "\n";
  text += std::visit([&](const auto& array) { return clock_terms(a, array, p, o); }, a.array);
  text += fmt::format("stalls    {} clocks that the array waits for memory ({})\n", o.stall_cycles,
                      a.dram_bits_per_cycle ? fmt::format("{:.6g} bits a clock", *a.dram_bits_per_cycle) : "memory never waits");
  text += fmt::format("time      ({} + {}) clocks / {:.6g} Hz = {:.6g} s\n", o.cycles, o.stall_cycles, a.clock_hz,
                      static_cast<double>(o.cycles + o.stall_cycles) / a.clock_hz);
  text += fmt::format("PEs       {} of {} used; {} MACs / ({} x {}) = {:.2f} % utilisation\n", o.pe_active, a.multipliers(), o.macs, a.multipliers(), o.cycles,
                      100 * utilization(a, o));
  const Staircase steps = staircase(a, p, o);
  text += fmt::format("roof      {:.6g} op/s stated peak: {} PE-clocks\n", a.peak_ops_per_second(), steps.total);
  const auto share = [&](std::uint64_t clocks) { return steps.total == 0 ? 0 : 100 * static_cast<double>(clocks) / static_cast<double>(steps.total); };
  for (const auto& [cause, lost] : steps.losses()) {
    std::string words(cause);
    std::ranges::replace(words, '_', ' ');
    text += fmt::format("          - {:<14}{:>20}{:>8.2f} %\n", words, lost, share(lost));
  }
  text += fmt::format("          = {:<14}{:>20}{:>8.2f} %\n", "multiplications", steps.useful, share(steps.useful));
  text += fmt::format("padding   {} zeros made at the array's edge, never fetched\n\n", o.padding_words);
  text += fmt::format("{:<8}{:<8}{:>16}{:>16}   words\n", "level", "operand", "reads", "writes");
  for (const Level level : kLevels)
    for (const Operand operand : kOperands) {
      const Access& access = o.accesses.at(level, operand);
      if (access.reads + access.writes > 0) text += fmt::format("{:<8}{:<8}{:>16}{:>16}\n", name_of(level), name_of(operand), access.reads, access.writes);
    }
  if (!o.counts.empty()) text += "\n";
  for (const auto& [what, count] : o.counts) text += fmt::format("{:<16}{:>16}\n", what, count);
  if (a.energy) {
    const EnergyTable& e = *a.energy;
    double total = 0;
    text += fmt::format("\nenergy in {} ({})\n", e.unit == "MAC" ? "units of one MAC" : e.unit, e.name);
    const auto term = [&](std::string_view what, double cost, std::uint64_t events) {
      total += cost * static_cast<double>(events);
      text += fmt::format("{:<8}{:>8} x {:>16} = {:.6g}\n", what, cost, events, cost * static_cast<double>(events));
    };
    term("mac", e.mac, o.macs - o.macs_gated);
    term("local", e.local, o.accesses.total(Level::local) - (o.counts.contains("local_reads_gated") ? o.counts.at("local_reads_gated") : 0));
    term("array", e.array, o.accesses.total(Level::array));
    term("global", e.global, o.accesses.total(Level::global));
    term("dram", e.dram, o.accesses.total(Level::dram));
    text += fmt::format("{:<8}{:>8}   {:>16} = {:.6g}\n", "total", "", "", total);
  }
  text += fmt::format("\nfidelity  {}\n", a.fidelity);
  for (const std::string& assumption : a.assumptions) text += fmt::format("assumed   {}\n", assumption);
  return text;
}

}  // namespace

int explain_main(const std::vector<std::string>& arguments) {
  std::string what, accelerator = "systolic-ws", density = "dense";
  std::int64_t batch = 1;
  CLI::App app("Prints the terms that add up to one layer's clocks, accesses and energy on an accelerator", "convroof explain");
  app.add_option("what", what, "NETWORK/LAYER, as vgg16/conv3_1")->required();
  app.add_option("--accelerator", accelerator, "a shipped accelerator or a file")->capture_default_str();
  app.add_option("--density", density, "dense, uniform:W/A, a shipped set or a file; matters to machines that skip zeros")->capture_default_str();
  app.add_option("--batch", batch, "images")->check(CLI::Range(1, 4096))->capture_default_str();
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    throw std::invalid_argument(fmt::format("{}; see convroof explain --help", error.what()));
  }
  const std::size_t slash = what.rfind('/');
  if (slash == std::string::npos) throw std::invalid_argument(fmt::format("`{}` names no layer; write NETWORK/LAYER, as vgg16/conv3_1", what));
  const Network network = load_network(what.substr(0, slash));
  std::vector<std::string> names;
  for (const NetworkLayer& layer : network.layers)
    if (layer.spec.has_weights()) names.push_back(layer.spec.name);
  const NetworkLayer* layer = network.find(what.substr(slash + 1));
  if (layer == nullptr || !layer->spec.has_weights()) throw std::invalid_argument(unknown_name("layer with weights", what.substr(slash + 1), names));
  const Accelerator a = load_accelerator(accelerator);
  if (const std::string reason = why_not(a, layer->spec, batch); !reason.empty()) throw std::invalid_argument(fmt::format("{}: {}", a.name, reason));
  std::string reason;
  const auto shares = DensitySet::named(density).of(network, static_cast<int>(layer - network.layers.data()), &reason);
  if (!shares) throw std::invalid_argument(fmt::format("--density {}: {}", density, reason));
  std::fputs(explanation(layer->spec, batch, *shares, a, what).c_str(), stdout);
  return 0;
}

}  // namespace convroof::spatial
