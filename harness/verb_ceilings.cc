// convroof ceilings [--threads N] [--types f32,...] [--backends a,...] [--json]
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "backends/host_cpu.h"
#include "backends/registry.h"
#include "harness/case_row.h"
#include "harness/ceilings.h"
#include "harness/command_line.h"
#include "harness/exit_code.h"
#include "harness/verbs.h"
#include "workloads/nearest.h"

namespace convroof {
namespace {

std::vector<DataType> types_named(const std::vector<std::string>& words) {
  std::vector<std::string> known;
  for (const DataType type : all_data_types()) known.emplace_back(name_of(type));
  std::vector<DataType> types;
  for (const std::string& word : words) {
    const auto type = data_type_named(word);
    if (!type) throw UsageError(unknown_name("type", word, known));
    if (std::find(types.begin(), types.end(), *type) == types.end()) types.push_back(*type);
  }
  return types.empty() ? all_data_types() : types;
}

// Without a filter, everything that is measured: the roofs of emulated arrays are arithmetic, and there are many of them.
std::vector<Backend*> backends_named(const std::vector<std::string>& words) {
  std::vector<std::string> known;
  for (const auto& backend : backends()) known.push_back(backend->name());
  std::set<std::string> wanted;
  for (const std::string& word : words) {
    if (find_backend(word) == nullptr) throw UsageError(unknown_name("backend", word, known));
    wanted.insert(word);
  }
  std::vector<Backend*> list;
  for (const auto& backend : backends())
    if (wanted.empty() ? backend->clock() != Clock::simulated : wanted.contains(backend->name())) list.push_back(backend.get());
  return list;
}

std::string scaled(double value, const std::string& unit) {
  if (value <= 0) return "-";
  if (value >= 1e12) return fmt::format("{:.2f} T{}", value * 1e-12, unit);
  return fmt::format("{:.1f} G{}", value * 1e-9, unit);
}

void print_table(const std::vector<Ceiling>& ceilings) {
  std::string device;
  for (const Ceiling& c : ceilings) {
    if (c.device != device) {
      fmt::print("{}{}\n", device.empty() ? "" : "\n", c.device);
      fmt::print("  {:<10} {:<6} {:<4} {:>8} {:>14} {:>8} {:>14} {:>10}  {}\n", "roof", "unit", "sum", "threads", "value", "spread", "theory", "clock", "how");
      device = c.device;
    }
    fmt::print("  {:<10} {:<6} {:<4} {:>8} {:>14} {:>8} {:>14} {:>10}  {}\n", c.kind == "compute" ? c.type : c.level, c.unit_used, c.accumulator, c.threads,
               scaled(c.value, c.unit), c.source == "measured" ? fmt::format("{:.1f} %", 100 * c.spread) : "-", scaled(c.theoretical, c.unit),
               c.clock_hz > 0 ? fmt::format("{:.2f} GHz", c.clock_hz * 1e-9) : "-", c.source == "measured" ? c.method : c.source + ": " + c.method);
  }
}

int ceilings(const std::vector<std::string>& arguments) {
  CLI::App app("What this machine can do at best: operations per second of each type, bytes per second of each level of memory.", "ceilings");
  int threads = host_cpu().physical_cores;
  std::vector<std::string> types, names;
  bool json = false;
  app.add_option("--threads", threads, "threads of the host that work at the same time")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--types", types, "f32, bf16, f16, s8, s16; all without this")->delimiter(',');
  app.add_option("--backends", names, "of whose devices; all that are measured without this (add spatial for the emulated arrays)")->delimiter(',');
  app.add_flag("--json", json, "a list with the fields of `ceilings` in run.json");
  if (const auto code = parse_arguments(app, arguments)) return *code;

  std::vector<CeilingRequest> requests;
  const std::vector<DataType> wanted = types_named(types);
  for (Backend* backend : backends_named(names)) requests.push_back({backend, wanted});
  const std::vector<Ceiling> found =
      gather_ceilings(requests, threads, [](const std::string& warning) { std::fprintf(stderr, "convroof: %s\n", warning.c_str()); });
  if (json) {
    Row list = Row::array();
    for (const Ceiling& ceiling : found) list.push_back(to_json(ceiling));
    drop_non_finite(list);
    std::puts(list.dump(2, ' ', false, Row::error_handler_t::replace).c_str());
  } else if (found.empty()) {
    std::fprintf(stderr, "convroof: no roof is known for these backends and types; `convroof list backends` says what is available here\n");
  } else {
    print_table(found);
  }
  flush_stdout();
  return exit_code::success;
}

}  // namespace

Verb ceilings_verb() { return {"ceilings", "this machine's roofs: operations and bytes per second at best", ceilings}; }

}  // namespace convroof
