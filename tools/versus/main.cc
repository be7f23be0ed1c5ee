// convroof_versus_onednn: our kernels against the best that an installed oneDNN has, layer by layer, all from one run.
//
//   D = the fastest of the library's implementations without Winograd;  V = the fastest of everything it has, forced Winograd included.
//
// Each output is checked before anything is timed. The machine is probed before and after each sample; a disturbed sample is taken again, a layer that gets
// too few clean rounds is discarded by name, and where more than a quarter of the layers are, the whole run is: exit 5.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <omp.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <map>
#include <regex>

#include "backends/host_cpu.h"
#include "backends/registry.h"
#include "harness/exit_code.h"
#include "harness/expected.h"
#include "harness/inputs.h"
#include "tools/versus/contest.h"
#include "tools/versus/table.h"
#include "workloads/network_file.h"

namespace convroof::versus {
namespace {

struct Options {
  std::vector<std::string> networks{"alexnet", "vgg16", "resnet18", "resnet50"};
  std::vector<std::string> types{"f32"};
  std::vector<std::int64_t> batches{1};
  std::vector<int> threads{1};
  std::string layers = ".*", ops = "conv,fc", density = "dense";
  double known_peak = 0;  // GFLOP/s of one thread
  bool list = false;
  Rules rules;
};

// Bound to places, the first thread may use one core alone, and that is all that the host's description then shows.
int usable_cores() { return std::max(host_cpu().physical_cores, omp_get_num_places()); }

double dram_read_of(int threads) {
  Backend* highway = find_backend("highway");
  if (highway == nullptr || !highway->available()) return 0;
  for (const Ceiling& c : highway->bandwidth_ceilings(threads))
    if (c.level == "dram") return c.value;
  return 0;
}

// The fastest multiplication of the type on this CPU, as measured in this run.
Machine machine_of(DataType type, int threads) {
  Machine machine;
  Backend* highway = find_backend("highway");
  if (highway == nullptr || !highway->available()) return machine;
  for (const Ceiling& c : highway->compute_ceilings(type, threads))
    if (c.value > machine.peak) machine.peak = c.value, machine.peak_of = c.method;
  return machine;
}

// The layers of a network that are worth a contest, equal shapes once with their count.
std::vector<Row> rows_of(const Network& network, const Options& options) {
  const std::vector<int> first = first_of_same_shape(network);
  std::map<int, std::int64_t> counts;
  for (std::size_t i = 0; i < network.layers.size(); ++i) counts[first[i]] += network.layers[i].repeats;
  const std::regex wanted(options.layers);
  std::vector<Row> rows;
  for (const auto& [index, count] : counts) {
    const LayerSpec& spec = network.layers[static_cast<std::size_t>(index)].spec;
    if (!spec.has_weights() || options.ops.find(name_of(spec.op)) == std::string::npos || !std::regex_search(spec.name, wanted)) continue;
    rows.push_back({.network = network.name, .layer = spec.name, .spec = spec, .repeats = count, .density = options.density});
  }
  return rows;
}

void print_header(const Options& options) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::cout << fmt::format("{}, {} cores, {:%Y-%m-%d %H:%M} UTC", host_cpu().name, usable_cores(), fmt::gmtime(now));
  std::cout << fmt::format("; best and median of {} interleaved rounds, warm caches (fully connected at batch 1: cold).\n", options.rules.rounds);
  std::cout << "D: oneDNN's fastest implementation without Winograd. V: the fastest of all it has, forced Winograd included. Ratios above 1: ours is faster.\n";
  std::cout.flush();
}

int run(const Options& options) {
  print_header(options);
  const DensitySet density = DensitySet::named(options.density);
  std::map<int, double> dram_read;  // bytes a second, by threads
  std::map<std::pair<DataType, int>, Machine> machines;
  std::map<int, QuietGuard> guards;
  int measured = 0, discarded = 0;
  for (const int threads : options.threads) guards.emplace(threads, QuietGuard(threads, options.known_peak * 1e9));

  std::vector<Row> all;
  for (const std::string& name : options.networks) {
    const Network network = load_network(name);
    for (const std::string& type_name : options.types) {
      const DataType type = data_type_named(type_name).value();
      for (const std::int64_t batch : options.batches) {
        std::map<int, std::vector<Row>> tables;  // by threads
        for (const Row& template_row : rows_of(network, options)) {
          std::string reason;
          int index = 0;
          while (network.layers[static_cast<std::size_t>(index)].spec.name != template_row.layer) ++index;
          const auto shares = density.of(network, index, &reason);
          if (!shares) throw std::invalid_argument(reason);
          if (options.density != "dense" && shares->is_dense()) continue;
          const OperandSet operands = make_operands(template_row.spec, type, batch, *shares, default_data(type), 1);
          omp_set_num_threads(usable_cores());
          std::optional<Expected> expected;
          for (const int threads : options.threads) {
            Row row = template_row;
            row.type = type, row.batch = batch, row.threads = threads;
            row.cold = row.spec.op == Op::fc && batch == 1;
            const Case c{.layer = row.spec,
                         .type = type,
                         .batch = batch,
                         .threads = threads,
                         .cache = row.cold ? CacheState::cold : CacheState::warm,
                         .density = *shares};
            if (!expected) expected.emplace(c, operands.view());
            try {
              row.times = contest(c, operands.view(), *expected, options.rules, guards.at(threads));
              ++measured;
            } catch (const Disturbed& e) {
              std::cerr << fmt::format("versus_onednn: {}\n", e.what());
              row.disturbed = true;
              ++discarded;
            }
            for (const Row& other : tables[1])
              if (threads > 1 && other.layer == row.layer) row.one_thread = other.times;
            if (isatty(STDERR_FILENO) != 0) std::cerr << fmt::format("{} {} {} batch {} threads {}\n", name, row.layer, type_name, batch, threads);
            // Beside each layer that streams: the rate of main memory changes from minute to minute on a shared machine.
            if (row.cold) row.dram_read = dram_read_of(threads), dram_read[threads] = std::max(dram_read[threads], row.dram_read);
            tables[threads].push_back(std::move(row));
          }
        }
        for (auto& [threads, rows] : tables) {
          if (rows.empty()) continue;
          const auto [machine, is_new] = machines.try_emplace({type, threads});
          if (is_new) machine->second = machine_of(type, threads);
          std::cout << table_of(rows, machine->second) << std::flush;
          for (Row& row : rows) all.push_back(std::move(row));
        }
      }
    }
  }
  std::cout << scaling_of(all) << "\n";
  for (const int threads : options.threads) {
    const QuietGuard& guard = guards.at(threads);
    std::cout << fmt::format(
        "FMA probe, {} thread{}: {:.1f} GFLOP/s at best; {} of {} probes were below 97 % of it, and the samples beside them were taken again.\n", threads,
        threads == 1 ? "" : "s", guard.best() * 1e-9, guard.disturbed(), guard.probes());
    if (dram_read[threads] > 0) std::cout << fmt::format("DRAM read, {} threads: {:.1f} GB/s at best.\n", threads, dram_read[threads] * 1e-9);
  }
  for (const auto& [key, machine] : machines)
    std::cout << fmt::format("Peak, {}, {} threads: {:.1f} Gop/s ({}).\n", name_of(key.first), key.second, machine.peak * 1e-9, machine.peak_of);
  if (discarded > 0) std::cout << fmt::format("{} of {} layers were disturbed and are left out of all means.\n", discarded, discarded + measured);
  if (4 * discarded > discarded + measured) throw Disturbed(fmt::format("{} of {} layers were disturbed", discarded, discarded + measured));
  return exit_code::success;
}

int parsed(int argc, char** argv) {
  CLI::App app{"Our kernels against the best of an installed oneDNN, from one run with checked outputs. Prints markdown."};
  Options options;
  app.add_option("--networks", options.networks, "names or files")->delimiter(',')->capture_default_str();
  app.add_option("--layers", options.layers, "regular expression")->capture_default_str();
  app.add_option("--ops", options.ops, "conv,fc")->capture_default_str();
  app.add_option("--types", options.types, "f32,bf16,s8")->delimiter(',')->check(CLI::IsMember({"f32", "bf16", "s8"}))->capture_default_str();
  app.add_option("--batches", options.batches)->delimiter(',')->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--threads", options.threads, "1,2")->delimiter(',')->check(CLI::Range(1, usable_cores()))->capture_default_str();
  app.add_option("--variants", options.rules.our_variants, "of ours; regular expression")->capture_default_str();
  app.add_option("--density", options.density, "a density set: the best dense kernel of any kind against our sparse ones")->capture_default_str();
  app.add_option("--rounds", options.rules.rounds)->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--known-peak", options.known_peak, "GFLOP/s of one thread; otherwise the best probe of the run is the measure");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_code::success : exit_code::usage;
  }
  for (const char* name : {"onednn", "highway"}) {
    Backend* backend = find_backend(name);
    const Support here = backend != nullptr ? backend->available() : Support::no("not in this build");
    if (here) continue;
    std::cerr << fmt::format("versus_onednn: {}: {}\n", name, here.reason);
    return exit_code::missing;
  }
  try {
    return run(options);
  } catch (const Disturbed& e) {
    std::cerr << fmt::format("versus_onednn: the machine is disturbed, this run is discarded: {}\n", e.what());
    return exit_code::noisy;
  } catch (const std::invalid_argument& e) {
    std::cerr << fmt::format("versus_onednn: {}\n", e.what());
    return exit_code::usage;
  } catch (const std::exception& e) {
    std::cerr << fmt::format("versus_onednn: {}\n", e.what());
    return exit_code::case_failed;
  }
}

}  // namespace
}  // namespace convroof::versus

int main(int argc, char** argv) { return convroof::versus::parsed(argc, argv); }
