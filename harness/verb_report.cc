#include "harness/plots_process.h"
#include "harness/verbs.h"

namespace convroof {

// plots/ parses the arguments itself, --help among them.
Verb report_verb() {
  return {"report", "one self-contained HTML file of runs", [](const std::vector<std::string>& arguments) { return run_plots("report", arguments); }};
}

}  // namespace convroof
