#include "backends/cuda/cudnn/plans_verb.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <set>
#include <stdexcept>

#include "backends/cuda/cudnn/library.h"
#include "backends/cuda/cudnn/plan.h"
#include "backends/cuda/device/profiles.h"
#include "workloads/network_file.h"

namespace convroof::cuda {
namespace {

int plans_main(const std::vector<std::string>& arguments) {
  CLI::App app("Plans that cuDNN makes for devices that are only described; no GPU is needed", "convroof cudnn-plans");
  std::vector<std::string> profiles = shipped_profiles(), networks = shipped_network_names();
  std::int64_t batch = 1;
  app.add_option("--profiles", profiles, "device profiles: names of shipped ones or paths")->delimiter(',');
  app.add_option("--networks", networks, "networks: names of shipped ones or paths")->delimiter(',');
  app.add_option("--batch", batch, "images")->check(CLI::PositiveNumber);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    throw std::invalid_argument(error.what());
  }
  if (!CudnnLibrary::get()) {
    std::fputs((CudnnLibrary::get().reason + "\n").c_str(), stderr);
    return 4;
  }
  const std::vector<PlanRow> rows = described_plans(profiles, networks, batch);
  std::fputs(plan_table(rows).c_str(), stdout);
  return 0;
}

}  // namespace

std::vector<PlanRow> described_plans(const std::vector<std::string>& profiles, const std::vector<std::string>& networks, std::int64_t batch) {
  std::vector<PlanRow> rows;
  for (const std::string& profile : profiles) {
    const CudnnTarget target = CudnnTarget::described(profile);
    std::set<std::string> seen;
    for (const std::string& network_name : networks) {
      const Network network = load_network(network_name);
      for (const NetworkLayer& layer : network.layers) {
        if (!layer.spec.has_weights()) continue;
        const Case c{.layer = layer.spec, .type = DataType::f16, .batch = batch};
        const ConvolutionProblem problem = convolution_problem(c);
        if (!seen.insert(problem.text()).second) continue;
        const ConvolutionGraph graph(problem, target);
        const ChosenPlan chosen = heuristic_plan(graph);
        rows.push_back({.profile = target.name(),
                        .network = network.name,
                        .layer = layer.spec.name,
                        .batch = batch,
                        .engine = chosen.candidate.engine,
                        .workspace_bytes = chosen.plan.workspace_bytes,
                        .uses_tensor_cores = chosen.candidate.has("tensor_core"),
                        .tag = chosen.candidate.tag});
      }
    }
  }
  return rows;
}

std::string plan_table(const std::vector<PlanRow>& rows) {
  std::string text = fmt::format("# cuDNN {}\n# profile\tnetwork\tlayer\tbatch\ttensor_cores\tworkspace_bytes\tplan\n", CudnnLibrary::get().version_text());
  for (const PlanRow& row : rows)
    text += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\n", row.profile, row.network, row.layer, row.batch, row.uses_tensor_cores ? 1 : 0, row.workspace_bytes,
                        row.tag);
  return text;
}

Verb cudnn_plans_verb() { return {"cudnn-plans", "plans that cuDNN makes for described devices; needs no GPU", plans_main}; }

}  // namespace convroof::cuda
