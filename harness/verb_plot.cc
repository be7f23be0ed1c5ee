#include "harness/plots_process.h"
#include "harness/verbs.h"

namespace convroof {

// plots/ parses the arguments itself, --help among them.
Verb plot_verb() {
  return {"plot", "figures of runs: rooflines, throughput, dense against sparse, totals",
          [](const std::vector<std::string>& arguments) { return run_plots("plot", arguments); }};
}

}  // namespace convroof
