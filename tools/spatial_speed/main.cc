// The emulator's speed on one core, by accelerator: layer evaluations a second of the counting engine (shapes alone, mapping search included), over every
// layer with weights of AlexNet, VGG-16 and ResNet-50 at batch 1; and PE-clocks a second of the stepping engine on a small layer with its output.
//   convroof_spatial_speed [--network NETWORK] [--counts] [ACCELERATOR...]     (--counts: no stepping engine)
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/stepping/families.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

constexpr double kSeconds = 0.3;  // of each measurement, at least

// Runs of `work` a second.
template <typename Work>
double rate_of(Work work) {
  using Clock = std::chrono::steady_clock;
  work();
  std::int64_t runs = 0;
  const auto begin = Clock::now();
  double seconds = 0;
  do {
    work();
    ++runs;
    seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  } while (seconds < kSeconds);
  return static_cast<double>(runs) / seconds;
}

std::vector<LayerSpec> layers_of(const Accelerator& a, const std::vector<std::string>& networks) {
  std::vector<LayerSpec> layers;
  for (const std::string& name : networks)
    for (const NetworkLayer& layer : load_network(name).layers)
      if (layer.spec.has_weights() && why_not(a, layer.spec, 1).empty()) layers.push_back(layer.spec);
  return layers;
}

std::string evaluations(const Accelerator& a, const std::vector<std::string>& networks) {
  const std::vector<LayerSpec> layers = layers_of(a, networks);
  if (layers.empty()) return fmt::format("{:>8}{:>16}", 0, "-");
  std::uint64_t clocks = 0;
  const double sweeps = rate_of([&] {
    for (const LayerSpec& layer : layers) clocks += fast::count(a, Problem{.layer = layer}).cycles;
  });
  return fmt::format("{:>8}{:>16.3g}", layers.size(), clocks > 0 ? sweeps * static_cast<double>(layers.size()) : 0.0);
}

std::string pe_clocks(const Accelerator& a) {
  LayerSpec l;
  l.in_channels = 16, l.in_height = l.in_width = 13, l.out_channels = 32, l.kernel_height = l.kernel_width = 3;
  l.out_height = l.out_width = 11;
  if (!why_not(a, l, 1).empty()) return fmt::format("{:>16}", "-");
  const std::vector<std::int16_t> input(static_cast<std::size_t>(input_elements(l)), 3), weights(static_cast<std::size_t>(weight_count(l)), 2);
  std::vector<std::int64_t> output(static_cast<std::size_t>(output_elements(l)));
  const Problem p{.layer = l, .input = input, .weights = weights};
  std::uint64_t clocks = 0;
  const double runs = rate_of([&] { clocks = stepping::run(a, p, output).cycles; });
  return fmt::format("{:>16.3g}", runs * static_cast<double>(clocks) * static_cast<double>(a.multipliers()));
}

int speed_main(const std::vector<std::string>& words) {
  std::vector<std::string> networks = {"alexnet", "vgg16", "resnet50"}, names;
  bool steps = true;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--counts") {
      steps = false;
    } else if (words[i] == "--network") {
      if (i + 1 == words.size()) throw std::invalid_argument("--network: a network's name or file is missing");
      networks = {words[++i]};
    } else {
      names.push_back(words[i]);
    }
  }
  fmt::print("{:<18}{:>8}{:>16}{:>16}\n", "one core", "layers", "evaluations/s", steps ? "PE-clocks/s" : "");
  for (const std::string& name : names.empty() ? shipped_accelerator_names() : names) {
    const Accelerator a = load_accelerator(name);
    fmt::print("{:<18}{}{}\n", a.name, evaluations(a, networks), steps ? pe_clocks(a) : "");
  }
  return 0;
}

}  // namespace
}  // namespace convroof::spatial

int main(int count, char** words) {
  try {
    return convroof::spatial::speed_main({words + 1, words + count});
  } catch (const std::exception& error) {
    fmt::print(stderr, "convroof_spatial_speed: {}\n", error.what());
    return 2;
  }
}
