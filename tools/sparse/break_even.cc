// break_even: up to which density of the weights does a sparse kernel beat the best dense one of any algorithm, ours or oneDNN's? For each distinct convolution
// and fully connected layer the density is bisected; at each step all dense and all sparse kernels are checked and timed in turns on the same pruned weights
// (contest.h). Then two densities around the crossing are measured with more rounds, and the rounds give the interval (crossing.h).
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "backends/host_cpu.h"
#include "backends/registry.h"
#include "harness/exit_code.h"
#include "harness/expected.h"
#include "harness/inputs.h"
#include "harness/statistics.h"
#include "tools/sparse/crossing.h"
#include "tools/versus/contest.h"
#include "workloads/network.h"
#include "workloads/network_file.h"

namespace convroof {
namespace {

constexpr double kSparsest = 0.01, kDensest = 0.95;
constexpr int kSteps = 5;         // of the bisection: the bracket is 0.03 wide after them
constexpr int kRoundsOfStep = 3;  // of each contest of the bisection
constexpr double kAround = 0.15;  // the two densities of the interval lie this far from the crossing, relatively
constexpr double kWide = 0.15;    // an interval wider than this share of the density asks for more rounds
constexpr int kRepeats = 2;       // so many times at most

struct Options {
  std::vector<std::string> networks = {"resnet50"};
  std::string layers = ".*", type = "f32";
  int threads = 1, rounds = 9;
  std::int64_t batch = 1;
};

// One contest: who was fastest on either side, round by round.
struct Point {
  versus::Times dense, sparse;
  DensityRounds rounds;
  bool pays() const { return median(rounds.dense_over_sparse) > 1; }
};

void append(DensityRounds& rounds, const DensityRounds& more) {
  rounds.dense_over_sparse.insert(rounds.dense_over_sparse.end(), more.dense_over_sparse.begin(), more.dense_over_sparse.end());
}

class Search {
 public:
  Search(const LayerSpec& layer, const Options& options, versus::QuietGuard& guard) : layer_(layer), options_(options), guard_(guard) {}

  // Throws versus::Disturbed where the machine was not quiet twice in a row.
  std::string row(std::int64_t repeats) {
    const Point sparsest = point(kSparsest, kRoundsOfStep);
    if (!sparsest.pays()) return line(repeats, sparsest, "does not pay", fmt::format("below {:g}", kSparsest));
    const Point densest = point(kDensest, kRoundsOfStep);
    if (densest.pays()) return line(repeats, densest, fmt::format("pays up to {:g}", kDensest), fmt::format("above {:g}", kDensest));
    double low = kSparsest, high = kDensest;
    for (int step = 0; step < kSteps; ++step) (point((low + high) / 2, kRoundsOfStep).pays() ? low : high) = (low + high) / 2;
    const double middle = (low + high) / 2;
    const Point sparser = point(std::max(kSparsest, middle * (1 - kAround)), options_.rounds);
    const Point denser = point(std::min(kDensest, middle * (1 + kAround)), options_.rounds);
    DensityRounds below = sparser.rounds, above = denser.rounds;
    BreakEven found = break_even(below, above);
    for (int more = 0; more < kRepeats && found.highest - found.lowest > kWide * found.density; ++more) {
      append(below, point(below.density, options_.rounds).rounds);
      append(above, point(above.density, options_.rounds).rounds);
      found = break_even(below, above);
    }
    return line(repeats, sparser, fmt::format("{:.3f}", found.density), fmt::format("{:.3f} ... {:.3f}", found.lowest, found.highest));
  }

 private:
  Point point(double density, int rounds) {
    try {
      return measured(density, rounds);
    } catch (const versus::Disturbed&) {
      return measured(density, rounds);
    }
  }

  Point measured(double density, int rounds) {
    const DataType type = data_type_named(options_.type).value();
    const bool streams = layer_.op == Op::fc && options_.batch == 1;
    LayerDensity shares;
    shares.weights = {WeightSparsity::Pattern::unstructured, density, 0, 0};
    const Case c{.layer = layer_,
                 .type = type,
                 .batch = options_.batch,
                 .threads = options_.threads,
                 .cache = streams ? CacheState::cold : CacheState::warm,
                 .density = shares};
    const OperandSet operands = make_operands(layer_, type, c.batch, shares, default_data(type), 1);
    omp_set_num_threads(std::max(host_cpu().physical_cores, omp_get_num_places()));
    const Expected expected(c, operands.view());
    versus::Rules rules;
    rules.rounds = rounds;
    const std::vector<versus::Times> times = versus::contest(c, operands.view(), expected, rules, guard_);
    const versus::Times* const dense = versus::fastest(times, {versus::Side::vendor_direct, versus::Side::vendor_winograd, versus::Side::ours});
    const versus::Times* const sparse = versus::fastest(times, {versus::Side::ours_sparse});
    if (dense == nullptr || sparse == nullptr) throw std::runtime_error(fmt::format("{}: no {} kernel", layer_.name, dense == nullptr ? "dense" : "sparse"));
    Point point{*dense, *sparse, {density, {}}};
    for (std::size_t round = 0; round < std::min(dense->samples.size(), sparse->samples.size()); ++round)
      point.rounds.dense_over_sparse.push_back(dense->samples[round] / sparse->samples[round]);
    return point;
  }

  std::string line(std::int64_t repeats, const Point& point, const std::string& verdict, const std::string& interval) const {
    const bool is_ours = point.dense.side == versus::Side::ours;
    return fmt::format("| {} | {} | {:.4g} | {}, {} | {} | {} | {} |\n", layer_.name, repeats, 1e3 * point.dense.best, is_ours ? "ours" : "oneDNN",
                       point.dense.variant, point.sparse.variant, verdict, interval);
  }

  const LayerSpec& layer_;
  const Options& options_;
  versus::QuietGuard& guard_;
};

int run(const Options& options) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  fmt::print("{}, {:%Y-%m-%d %H:%M} UTC; {}, batch {}, {} thread{}; unstructured zeros; the interval is that of {} rounds or more at each of two densities.\n",
             host_cpu().name, fmt::gmtime(now), options.type, options.batch, options.threads, options.threads == 1 ? "" : "s", options.rounds);
  versus::QuietGuard guard(options.threads, 0);
  const std::regex wanted(options.layers);
  int measured = 0, discarded = 0;
  for (const std::string& name : options.networks) {
    const Network network = load_network(name);
    const std::vector<int> first = first_of_same_shape(network);
    std::map<int, std::int64_t> counts;
    for (std::size_t i = 0; i < network.layers.size(); ++i) counts[first[i]] += network.layers[i].repeats;
    fmt::print("\n### {}\n\n| layer | x | best dense ms | by | fastest sparse | pays below a density of | 95 % interval |\n|---|---:|---:|---|---|---:|---:|\n",
               network.name);
    for (const auto& [index, count] : counts) {
      const LayerSpec& layer = network.layers[static_cast<std::size_t>(index)].spec;
      if (!layer.has_weights() || !std::regex_search(layer.name, wanted)) continue;
      try {
        fmt::print("{}", Search(layer, options, guard).row(count));
        ++measured;
      } catch (const versus::Disturbed&) {
        fmt::print("| {} | {} | disturbed: discarded |||||\n", layer.name, count);
        ++discarded;
      }
      std::fflush(stdout);
    }
  }
  fmt::print("\n{} of {} probes of the machine were disturbed; samples beside them were taken again.\n", guard.disturbed(), guard.probes());
  return 4 * discarded > discarded + measured ? exit_code::noisy : exit_code::success;
}

}  // namespace
}  // namespace convroof

int main(int argc, char** argv) {
  convroof::Options options;
  CLI::App app("Density of the weights below which a sparse kernel beats the best dense one, ours or oneDNN's, layer by layer. Prints markdown.");
  app.add_option("--networks", options.networks, "names or files")->delimiter(',')->capture_default_str();
  app.add_option("--layers", options.layers, "regular expression")->capture_default_str();
  app.add_option("--type", options.type)->check(CLI::IsMember({"f32", "s8"}))->capture_default_str();
  app.add_option("--batch", options.batch)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--rounds", options.rounds, "at each of the two densities around the crossing")->capture_default_str()->check(CLI::Range(5, 1000));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? convroof::exit_code::success : convroof::exit_code::usage;
  }
  try {
    return convroof::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "break_even: {}\n", error.what());
    return convroof::exit_code::usage;
  }
}
