// How long one network takes on one accelerator, with every core: counting its layers (actual zeros included), computing their outputs, and the memory
// that this takes at its peak, a layer's operands and output included. Convolutions and fully connected layers, batch 1.
//   convroof_spatial_network [ACCELERATOR [NETWORK [DENSITY]]]     (zascas vgg16 eyeriss-zeros)
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/model/accelerator.h"
#include "workloads/density.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// The share of them not zero, at random places.
std::vector<std::int16_t> values(std::int64_t count, double share, std::mt19937& random) {
  std::vector<std::int16_t> v(static_cast<std::size_t>(count));
  const auto limit = static_cast<std::uint32_t>(share * 0xffffffffu);
  for (std::int16_t& x : v) {
    const auto bits = static_cast<std::uint32_t>(random());
    x = bits <= limit ? static_cast<std::int16_t>(bits % 2 == 0 ? 1 + bits % 3 : -1 - static_cast<int>(bits % 3)) : std::int16_t{0};
  }
  return v;
}

int network_main(const std::string& name, const std::string& network_name, const std::string& density) {
  const Accelerator a = load_accelerator(name);
  const Network network = load_network(network_name);
  const DensitySet set = DensitySet::named(density);
  const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::mt19937 random(1);
  double counting = 0, computing = 0;
  std::uint64_t clocks = 0;
  fmt::print("{:<12}{:>14}{:>12}{:>12}{:>12}\n", "layer", "clocks", "counts ms", "outputs ms", "peak MB");
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const LayerSpec& l = network.layers[i].spec;
    if (!l.has_weights() || !why_not(a, l, 1).empty()) continue;
    std::string reason;
    const auto shares = set.of(network, static_cast<int>(i), &reason);
    if (!shares) throw std::invalid_argument(reason);
    const std::vector<std::int16_t> input = values(input_elements(l), shares->activations, random),
                                    weights = values(weight_count(l),
                                                     shares->weights.pattern == WeightSparsity::Pattern::unstructured ? shares->weights.share : 1, random);
    const Problem p{.layer = l, .input = input, .weights = weights};
    std::vector<std::int64_t> output(static_cast<std::size_t>(output_elements(l)));
    const auto begin = Clock::now();
    const Outcome o = fast::count(a, p, threads);
    const double counted = seconds_since(begin);
    fast::compute(a, p, output, threads);
    const double computed = seconds_since(begin) - counted;
    counting += counted, computing += computed, clocks += o.cycles;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    fmt::print("{:<12}{:>14}{:>12.2f}{:>12.1f}{:>12.0f}\n", l.name, o.cycles, 1e3 * counted, 1e3 * computed, static_cast<double>(usage.ru_maxrss) / 1024);
  }
  fmt::print("{:<12}{:>14}{:>12.2f}{:>12.1f}   {} on {}, {}, {} threads\n", "all", clocks, 1e3 * counting, 1e3 * computing, network_name, a.name, density,
             threads);
  return 0;
}

}  // namespace
}  // namespace convroof::spatial

int main(int count, char** words) {
  try {
    const auto word = [&](int i, const char* otherwise) { return std::string(i < count ? words[i] : otherwise); };
    return convroof::spatial::network_main(word(1, "zascas"), word(2, "vgg16"), word(3, "eyeriss-zeros"));
  } catch (const std::exception& error) {
    fmt::print(stderr, "convroof_spatial_network: {}\n", error.what());
    return 2;
  }
}
