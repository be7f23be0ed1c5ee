// break_even: from which density of the weights on does a sparse kernel beat the best dense one? For each distinct convolution and fully connected layer of a
// network, sparse-direct at several densities and every dense variant of the CPU backends are timed in turns, round after round. Between two densities the
// sparse kernel's time is taken as a straight line; each round gives a crossing, and the rounds give its interval. Every kernel is checked before it is timed.
#include <fmt/format.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <limits>
#include <string>
#include <vector>

#include "backends/registry.h"
#include "harness/expected.h"
#include "harness/inputs.h"
#include "harness/verify.h"
#include "workloads/network.h"
#include "workloads/network_file.h"

namespace convroof {
namespace {

struct Options {
  std::string network = "resnet50";
  int threads = 1, rounds = 5;
  std::int64_t batch = 1;
  std::vector<double> densities = {0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0};
};

struct Contestant {
  std::string name;
  std::unique_ptr<Kernel> kernel;
  std::vector<double> seconds;  // of each round
};

double seconds_of(Kernel& kernel) {
  using Seconds = std::chrono::duration<double>;
  double best = std::numeric_limits<double>::infinity(), spent = 0;
  for (int i = 0; i < 3 || spent < 0.02; ++i) {
    const auto start = std::chrono::steady_clock::now();
    kernel.run(1);
    const double one = Seconds(std::chrono::steady_clock::now() - start).count();
    best = std::min(best, one);
    spent += one;
    if (spent > 2) break;
  }
  return best;
}

// Prepared and right, or nothing.
std::unique_ptr<Kernel> checked(Backend& backend, const Variant& variant, const Case& c, const Operands& operands, const Expected& expected) {
  if (!backend.supports(variant, c)) return nullptr;
  std::unique_ptr<Kernel> kernel = backend.prepare(variant, c, operands);
  Tensor output(format_of(c.type).output, c.output_shape());
  kernel->poison_output();
  kernel->run(1);
  kernel->read_output(output);
  if (const Verdict verdict = verify(output, expected, backend.error(variant, c)); !verdict.right) {
    fmt::print(stderr, "{}/{} is wrong and left out: {}\n", backend.name(), variant.name, verdict.reason);
    return nullptr;
  }
  return kernel;
}

LayerDensity density_of(double share) {
  LayerDensity density;
  if (share < 1) density.weights = {WeightSparsity::Pattern::unstructured, share, 0, 0};
  return density;
}

// The density at which the sparse time, a line through its measured points, passes the dense time. 0: never below; the last density: below at all of them.
double crossing(const std::vector<double>& densities, const std::vector<double>& sparse, double dense) {
  if (!(sparse.front() < dense)) return 0;
  for (std::size_t i = 1; i < densities.size(); ++i)
    if (!(sparse[i] < dense)) return densities[i - 1] + (densities[i] - densities[i - 1]) * (dense - sparse[i - 1]) / (sparse[i] - sparse[i - 1]);
  return densities.back();
}

void contest(const LayerSpec& layer, const Options& options) {
  std::vector<Contestant> dense, sparse;
  std::vector<OperandSet> operands;  // outlive the kernels
  operands.reserve(options.densities.size() + 1);
  const auto add = [&](double share, bool wants_sparse) {
    const Case c{.layer = layer, .batch = options.batch, .threads = options.threads, .density = density_of(share)};
    operands.push_back(make_operands(layer, c.type, c.batch, c.density, Data::normal, 1));
    const Expected expected(c, operands.back().view());
    for (const char* name : {"highway", "onednn"}) {
      Backend* const backend = find_backend(name);
      if (backend == nullptr || !backend->available()) continue;
      for (const Variant& variant : backend->variants()) {
        if (wants_sparse ? variant.name != "sparse-direct" : variant.name.starts_with("sparse") || variant.name == "auto") continue;
        if (auto kernel = checked(*backend, variant, c, operands.back().view(), expected))
          (wants_sparse ? sparse : dense).push_back({std::string(name) + "/" + variant.name, std::move(kernel), {}});
      }
    }
  };
  add(1, false);
  for (const double share : options.densities) add(share, true);
  if (dense.empty() || sparse.size() != options.densities.size()) return;

  for (int round = 0; round < options.rounds; ++round)
    for (auto* group : {&dense, &sparse})
      for (Contestant& contestant : *group) contestant.seconds.push_back(seconds_of(*contestant.kernel));

  std::vector<double> crossings;
  std::size_t winner = 0;
  for (int round = 0; round < options.rounds; ++round) {
    const auto r = static_cast<std::size_t>(round);
    std::vector<double> times;
    for (const Contestant& contestant : sparse) times.push_back(contestant.seconds[r]);
    winner = static_cast<std::size_t>(std::ranges::min_element(dense, {}, [&](const Contestant& d) { return d.seconds[r]; }) - dense.begin());
    crossings.push_back(crossing(options.densities, times, dense[winner].seconds[r]));
  }
  std::ranges::sort(crossings);
  const double middle = crossings[crossings.size() / 2];
  const std::string verdict = middle <= 0                          ? "does not pay"
                              : middle >= options.densities.back() ? fmt::format("at all up to {:g}", middle)
                                                                   : fmt::format("below {:.3f}", middle);
  fmt::print("{:<14} {:<24} {:>9.3f} ms   {:<16} [{:.3f}, {:.3f}]\n", layer.name, dense[winner].name, 1e3 * std::ranges::min(dense[winner].seconds), verdict,
             crossings.front(), crossings.back());
  std::fflush(stdout);
}

int run(const Options& options) {
  omp_set_num_threads(options.threads);
  const Network network = load_network(options.network);
  const std::vector<int> first = first_of_same_shape(network);
  fmt::print("{}, batch {}, {} thread(s), {} rounds: density of the weights below which sparse-direct is faster\n", network.name, options.batch,
             options.threads, options.rounds);
  fmt::print("{:<14} {:<24} {:>12}   {:<16} {}\n", "layer", "best dense", "best", "sparse pays", "over the rounds");
  for (std::size_t i = 0; i < network.layers.size(); ++i)
    if (network.layers[i].spec.has_weights() && first[i] == static_cast<int>(i)) contest(network.layers[i].spec, options);
  return 0;
}

}  // namespace
}  // namespace convroof

int main(int argc, char** argv) {
  convroof::Options options;
  CLI::App app("Density of the weights below which a sparse kernel beats the best dense one, layer by layer");
  app.add_option("--network", options.network, "name or file")->capture_default_str();
  app.add_option("--batch", options.batch)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--rounds", options.rounds)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--densities", options.densities, "shares of non-zero weights, rising")->delimiter(',')->check(CLI::Range(0.0, 1.0));
  CLI11_PARSE(app, argc, argv);
  std::ranges::sort(options.densities);
  try {
    return convroof::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "break_even: {}\n", error.what());
    return 2;
  }
}
