// convroof doctor: one screen of what is present, what is missing, and the command that mends it.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backends/host_cpu.h"
#include "backends/registry.h"
#include "harness/build_info.h"
#include "harness/command_line.h"
#include "harness/exit_code.h"
#include "harness/plots_process.h"
#include "harness/run_case.h"
#include "harness/verbs.h"
#include "workloads/data_folder.h"
#include "workloads/density.h"
#include "workloads/network_file.h"

namespace convroof {
namespace {

enum class State { present, missing, remark };

struct Finding {
  State state;
  std::string what, text;
  std::string mend;  // a command, where there is one
};

std::string first_line(const char* path) {
  std::ifstream stream(path);
  std::string line;
  std::getline(stream, line);
  return line;
}

Finding program() {
  const BuildInfo& build = build_info();
  const std::string text = fmt::format("convroof {} ({:.12}), {}, {}", build.version, build.commit, build.compiler, build.build_type);
#ifdef NDEBUG
  return {State::present, "program", text, ""};
#else
  return {State::remark, "program", text + ", with assertions: fine for tests, not for numbers that are shown",
          "cmake --preset default && cmake --build --preset default"};
#endif
}

Finding data_files() {
  try {
    const std::size_t networks = shipped_network_names().size();
    const std::string folder = find_data("workloads/networks");
    if (!folder.empty() && networks > 0)
      return {State::present, "data files", fmt::format("{} networks, {} density sets", networks, shipped_density_names().size()), ""};
  } catch (const std::exception& error) {
    return {State::missing, "data files", error.what(), "export CONVROOF_DATA=<the source tree>"};
  }
  return {State::missing, "data files", fmt::format("none in {}", fmt::join(data_folders(), ", ")),
          "export CONVROOF_DATA=<the source tree>, or cmake --install build"};
}

Finding processor() {
  const HostCpu& cpu = host_cpu();
  return {State::present, "processor",
          fmt::format("{}, {} cores, L1 {} KiB, L2 {} KiB a core, L3 {} MiB", cpu.name, cpu.physical_cores, cpu.l1d_bytes >> 10, cpu.l2_bytes >> 10,
                      cpu.l3_bytes >> 20),
          ""};
}

Finding memory() {
  const double available = static_cast<double>(available_memory_bytes()) / (1 << 30);
  // VGG's first fully connected layer: 0.4 GB of weights, in several copies.
  if (available < 2.5) return {State::remark, "memory", fmt::format("{:.1f} GiB available: large layers will be skipped", available), ""};
  return {State::present, "memory", fmt::format("{:.1f} GiB available", available), ""};
}

Finding figures() {
  try {
    return {State::present, "figures", plots_python(), ""};
  } catch (const MissingError& error) {
    const std::string text = error.what();
    const std::size_t mend = text.find("mend: ");  // the sentence ends with it
    if (mend == std::string::npos) return {State::missing, "figures", text, ""};
    return {State::missing, "figures", text.substr(0, text.find_last_not_of("; ", mend - 1) + 1), text.substr(mend + 6)};
  }
}

// What makes numbers waver.
std::vector<Finding> quietness() {
  std::vector<Finding> findings;
  const std::string governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  if (governor.empty())
    findings.push_back({State::remark, "clock", "the system does not tell its clock policy (a virtual machine?)", ""});
  else if (governor != "performance")
    findings.push_back({State::remark, "clock", fmt::format("governor `{}` lets the clock wander", governor), "sudo cpupower frequency-set -g performance"});
  else
    findings.push_back({State::present, "clock", "governor `performance`", ""});
  double load = 0;
  if (getloadavg(&load, 1) == 1 && load > 0.5 * host_cpu().physical_cores)
    findings.push_back({State::remark, "load", fmt::format("{:.1f} over the last minute: something else runs here", load), "top"});
  return findings;
}

std::vector<Finding> backend_findings() {
  std::vector<Finding> findings;
  for (const auto& backend : backends()) {
    const Support available = backend->available();
    std::string text = fmt::format("{} {}s, {}", backend->variants().size(), backend->variant_noun(), name_of(backend->native_type()));
    if (!available) text = available.reason;
    findings.push_back({available ? State::present : State::missing, fmt::format("backend {}", backend->name()), text, ""});
  }
  return findings;
}

int doctor(const std::vector<std::string>& arguments) {
  CLI::App app("What is present, what is missing, and the command that mends it.", "doctor");
  bool json = false;
  app.add_flag("--json", json, "[{what, state, text, mend}]");
  if (const auto code = parse_arguments(app, arguments)) return *code;

  std::vector<Finding> findings = {program(), data_files(), processor(), memory(), figures()};
  for (auto* more : {&quietness, &backend_findings})
    for (Finding& finding : (*more)()) findings.push_back(std::move(finding));

  const auto state_name = [](State state) { return state == State::present ? "present" : state == State::missing ? "missing" : "remark"; };
  if (json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Finding& f : findings) list.push_back({{"what", f.what}, {"state", state_name(f.state)}, {"text", f.text}, {"mend", f.mend}});
    std::puts(list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
  } else {
    for (const Finding& f : findings) {
      std::puts(fmt::format("{:<8} {:<18} {}", state_name(f.state), f.what, f.text).c_str());
      if (!f.mend.empty()) std::puts(fmt::format("{:<8} {:<18} mend: {}", "", "", f.mend).c_str());
    }
  }
  flush_stdout();
  return exit_code::success;
}

}  // namespace

Verb doctor_verb() { return {"doctor", "what is present, what is missing, and the command that mends it", doctor}; }

}  // namespace convroof
