// convroof list networks|backends|variants|accelerators|densities [--json]
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backends/registry.h"
#include "harness/command_line.h"
#include "harness/exit_code.h"
#include "harness/verbs.h"
#include "workloads/density.h"
#include "workloads/nearest.h"
#include "workloads/network_file.h"

namespace convroof {
namespace {

struct Entry {
  std::string name;
  std::string backend;  // empty: belongs to none
  Support available;
  std::string note;
};

std::vector<Entry> networks() {
  std::vector<Entry> entries;
  for (const std::string& name : shipped_network_names()) {
    try {
      const Network network = load_network(name);
      LayerCost total;
      for (const NetworkLayer& layer : network.layers) total += cost_of(layer.spec, 1, DataType::f32, {}).times(layer.repeats);
      entries.push_back({name,
                         "",
                         {},
                         fmt::format("{}, {} layers, {:.3f} G MACs, {:.2f} M weights", network.title, network.layers.size(),
                                     static_cast<double>(total.macs) * 1e-9, static_cast<double>(total.weights) * 1e-6)});
    } catch (const std::exception& error) {
      entries.push_back({name, "", Support::no(error.what()), ""});
    }
  }
  return entries;
}

std::vector<Entry> backend_entries() {
  std::vector<Entry> entries;
  for (const auto& backend : backends()) {
    const Support available = backend->available();
    std::string note =
        fmt::format("{}, {} clock, {} {}s", name_of(backend->native_type()), name_of(backend->clock()), backend->variants().size(), backend->variant_noun());
    if (const std::string device = backend->device(); !device.empty()) note += ", " + device;
    entries.push_back({backend->name(), backend->name(), available, note});
  }
  return entries;
}

std::vector<Entry> variant_entries(bool accelerators_only) {
  std::vector<Entry> entries;
  for (const auto& backend : backends()) {
    if (accelerators_only && backend->variant_noun() != "accelerator") continue;
    for (const Variant& variant : backend->variants()) {
      std::string note = variant.summary;
      if (!variant.fidelity.empty()) note += fmt::format(" [{}]", variant.fidelity);
      entries.push_back({variant.name, backend->name(), backend->available(), note});
    }
  }
  return entries;
}

std::vector<Entry> densities() {
  std::vector<Entry> entries = {{"dense", "", {}, "no zero at all"},
                                {"uniform:W/A", "", {}, "shares of weights and activations that are non-zero, as uniform:0.1/0.5"},
                                {"N:M", "", {}, "N of every M consecutive input channels are kept, as 2:4"}};
  for (const std::string& name : shipped_density_names()) {
    try {
      entries.push_back({name, "", {}, DensitySet::named(name).source()});
    } catch (const std::exception& error) {
      entries.push_back({name, "", Support::no(error.what()), ""});
    }
  }
  return entries;
}

void print_json(const std::vector<Entry>& entries) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Entry& entry : entries) {
    nlohmann::ordered_json row;
    row["name"] = entry.name;
    row["backend"] = entry.backend.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(entry.backend);
    row["available"] = entry.available.yes;
    row["reason"] = entry.available.reason;
    row["note"] = entry.note;
    list.push_back(std::move(row));
  }
  std::puts(list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

void print_table(const std::vector<Entry>& entries, bool with_backend) {
  std::size_t name_width = 4, backend_width = 7;
  for (const Entry& entry : entries) name_width = std::max(name_width, entry.name.size()), backend_width = std::max(backend_width, entry.backend.size());
  for (const Entry& entry : entries) {
    std::string line = fmt::format("{:<{}}  ", entry.name, name_width);
    if (with_backend) line += fmt::format("{:<{}}  ", entry.backend, backend_width);
    line += entry.note;
    if (!entry.available.yes) line += fmt::format("{}not available: {}", entry.note.empty() ? "" : "; ", entry.available.reason);
    std::puts(line.c_str());
  }
}

int list(const std::vector<std::string>& arguments) {
  CLI::App app("What can be named on the command line, and why something is not available here.", "list");
  std::string what;
  bool json = false;
  app.add_option("what", what, "networks, backends, variants, accelerators or densities")->required();
  app.add_flag("--json", json, "[{name, backend, available, reason, note}]");
  if (const auto code = parse_arguments(app, arguments)) return *code;

  std::vector<Entry> entries;
  if (what == "networks")
    entries = networks();
  else if (what == "backends")
    entries = backend_entries();
  else if (what == "variants")
    entries = variant_entries(false);
  else if (what == "accelerators")
    entries = variant_entries(true);
  else if (what == "densities")
    entries = densities();
  else
    throw UsageError(unknown_name("list", what, {"networks", "backends", "variants", "accelerators", "densities"}));
  if (json)
    print_json(entries);
  else
    print_table(entries, what == "variants" || what == "accelerators");
  flush_stdout();
  return exit_code::success;
}

}  // namespace

Verb list_verb() { return {"list", "networks, backends, variants, accelerators, densities", list}; }

}  // namespace convroof
