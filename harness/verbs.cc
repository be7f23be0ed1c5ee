#include "harness/verbs.h"

#include <fmt/format.h>

#include <cstdio>

#include "backends/registry.h"
#include "harness/build_info.h"
#include "harness/command_line.h"
#include "harness/exit_code.h"
#include "harness/worker.h"
#include "workloads/nearest.h"

namespace convroof {
namespace {

std::string help(const std::vector<Verb>& verbs) {
  std::string text =
      "convroof: one workload, many machines: rooflines of CNN layers on SIMD CPUs, GPUs and emulated spatial accelerators\n\nusage: convroof VERB [...]\n\n";
  for (const Verb& verb : verbs) text += fmt::format("  {:<12}{}\n", verb.name, verb.summary);
  text += "\nconvroof VERB --help tells more. Start with: convroof run --quick\n";
  return text;
}

}  // namespace

std::vector<Verb> all_verbs() {
  std::vector<Verb> verbs = {
      run_verb(), list_verb(), describe_verb(), ceilings_verb(), compare_verb(), plot_verb(), report_verb(), doctor_verb(),
  };
  for (const auto& backend : backends())
    for (Verb& verb : backend->verbs()) verbs.push_back(std::move(verb));
  return verbs;
}

int convroof_main(const std::vector<std::string>& arguments) {
  return guarded([&]() -> int {
    if (arguments.size() == 1 && arguments.front() == kWorkerVerb) return worker_main();
    const std::vector<Verb> verbs = all_verbs();
    if (arguments.empty()) {
      std::fputs(help(verbs).c_str(), stderr);
      return exit_code::usage;
    }
    const std::string& word = arguments.front();
    if (word == "--help" || word == "-h" || word == "help") {
      std::fputs(help(verbs).c_str(), stdout);
      flush_stdout();
      return exit_code::success;
    }
    if (word == "--version") {
      std::puts(fmt::format("convroof {} ({})", build_info().version, build_info().commit).c_str());
      flush_stdout();
      return exit_code::success;
    }
    std::vector<std::string> names;
    for (const Verb& verb : verbs) {
      if (verb.name == word) return verb.main({arguments.begin() + 1, arguments.end()});
      names.push_back(verb.name);
    }
    throw UsageError(unknown_name("verb", word, names));
  });
}

}  // namespace convroof
