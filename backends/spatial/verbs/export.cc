// convroof export NETWORK: the emulator's numbers and inputs in other simulators' forms.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "backends/spatial/verbs/scale_sim_report.h"
#include "backends/spatial/verbs/timeloop.h"
#include "backends/spatial/verbs/verbs.h"
#include "workloads/nearest.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

constexpr int kOutputError = 74;

// Throws std::ios_base::failure with the path.
void write_files(const std::filesystem::path& folder, const std::map<std::string, std::string>& files) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  for (const auto& [name, text] : files) {
    const std::filesystem::path path = folder / name;
    std::ofstream stream(path);
    stream << text;
    if (!stream.flush()) throw std::ios_base::failure(fmt::format("{}: cannot be written; choose another folder", path.string()));
    std::puts(path.c_str());
  }
}

}  // namespace

int export_main(const std::vector<std::string>& arguments) {
  std::string what, accelerator = "systolic-ws", layer_name, timeloop, scale_sim;
  std::int64_t batch = 1;
  CLI::App app("Writes a network on a systolic array as other simulators have it", "convroof export");
  app.add_option("network", what, "a shipped network, or the path of a network file")->required();
  app.add_option("--accelerator", accelerator, "a shipped systolic array or a file (.toml, or SCALE-Sim's .cfg)")->capture_default_str();
  app.add_option("--layer", layer_name, "this layer only");
  app.add_option("--batch", batch, "images")->check(CLI::Range(1, 4096))->capture_default_str();
  auto* to_timeloop = app.add_option("--timeloop", timeloop, "folder for architecture, problem and mapping of each layer, as Timeloop reads them");
  auto* to_scale_sim = app.add_option("--scale-sim", scale_sim, "folder for COMPUTE_REPORT.csv and the other reports, with SCALE-Sim's columns");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    throw std::invalid_argument(fmt::format("{}; see convroof export --help", error.what()));
  }
  if (timeloop.empty() && scale_sim.empty())
    throw std::invalid_argument("nothing to write; give --timeloop FOLDER or --scale-sim FOLDER (see convroof export --help)");
  if (timeloop.empty() != (to_timeloop->count() == 0) || scale_sim.empty() != (to_scale_sim->count() == 0))
    throw std::invalid_argument("a folder without a name; write . for this one");
  Network network = load_network(what);
  if (!layer_name.empty()) {
    std::vector<std::string> names;
    for (const NetworkLayer& layer : network.layers)
      if (layer.spec.has_weights()) names.push_back(layer.spec.name);
    const NetworkLayer* found = network.find(layer_name);
    if (found == nullptr || !found->spec.has_weights()) throw std::invalid_argument(unknown_name("layer with weights", layer_name, names));
    const NetworkLayer only = *found;
    network.layers = {only};
  }
  const Accelerator a = load_accelerator(accelerator);
  try {
    if (to_scale_sim->count() > 0) write_files(scale_sim, scale_sim_reports(network, a, batch));
    if (to_timeloop->count() > 0)
      for (const NetworkLayer& layer : network.layers)
        if (layer.spec.has_weights())
          write_files(std::filesystem::path(timeloop) / layer.spec.name,
                      timeloop_files(network.name + "/" + layer.spec.name, a, {.layer = layer.spec, .batch = batch}));
  } catch (const std::ios_base::failure& error) {
    std::fprintf(stderr, "convroof: %s\n", error.what());
    return kOutputError;
  }
  return 0;
}

}  // namespace convroof::spatial
