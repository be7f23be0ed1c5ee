#include "backends/cuda/network/network_verb.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "backends/cuda/device/device.h"
#include "backends/cuda/kernels/convolution_launch.h"
#include "backends/cuda/network/device_network.h"
#include "backends/cuda/network/network_weights.h"
#include "workloads/nearest.h"
#include "workloads/network_file.h"

namespace convroof::cuda {
namespace {

constexpr int kNothingHere = 4;  // exit code: something that was asked for is missing
constexpr std::uint64_t kSeed = 1;

const std::map<std::string, KernelClass> kClasses = {{"half2", KernelClass::half2},
                                                     {"mma", KernelClass::mma},
                                                     {"mma-2of4", KernelClass::mma_2of4},
                                                     {"wgmma", KernelClass::wgmma},
                                                     {"wgmma-2of4", KernelClass::wgmma_2of4}};

KernelClass class_named(const std::string& name) {
  if (const auto found = kClasses.find(name); found != kClasses.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [word, kind] : kClasses) known.push_back(word);
  throw std::invalid_argument(unknown_name("kernel class", name, known));
}

// Why the device of this process cannot run the class; empty where it can.
std::string device_refusal(KernelClass kind) {
  if (!device_state().usable) return device_state().reason;
  const int capability = device_state().device.compute_capability, oldest = oldest_device(kind);
  if (capability < oldest || (is_wgmma(kind) && capability != oldest))
    return fmt::format("these kernels need compute capability {}.{}, the device has {}.{}", oldest / 10, oldest % 10, capability / 10, capability % 10);
  if (is_wgmma(kind) && !has_wgmma()) return "this binary was built without architecture 90a";
  return "";
}

void print_plan(const Network& network, const NetworkPlan& plan) {
  std::puts("# layer\top\treads\tfrom\tto\tbytes\tlast_read_by");
  for (const NetworkStep& step : plan.steps) {
    const LayerSpec& spec = network.layers[static_cast<std::size_t>(step.layer)].spec;
    std::string reads;
    for (const int input : step.inputs)
      reads += (reads.empty() ? "" : ",") + (input == 0 ? std::string("input") : network.layers[static_cast<std::size_t>(input) - 1].spec.name);
    const auto at = static_cast<std::size_t>(step.output);
    const std::int64_t offset = plan.buffers.offsets[at];
    std::puts(fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}", spec.name, name_of(spec.op), reads, offset, offset + plan.needs[at].bytes, plan.needs[at].bytes,
                          network.layers[static_cast<std::size_t>(plan.needs[at].last_step)].spec.name)
                  .c_str());
  }
  std::puts(
      fmt::format("# {} bytes for all activations, {} side by side, {} alive at once", plan.buffers.bytes, plan.all_bytes(), most_alive(plan.needs)).c_str());
}

// The same input through shared and through separate memory must give the same bits: then no layer overwrites what another still needs.
void check_placement(const Network& network, const NetworkPlan& plan, const std::vector<LayerWeights>& weights, const Tensor& input, DeviceNetwork& shared) {
  DeviceNetwork separate(network, plan, weights, Placement::separate, false);
  separate.set_input(input);
  separate.run(1);
  shared.run(2);  // the second pass begins with the buffers of the first
  const Tensor expected = separate.output(), actual = shared.output();
  for (std::int64_t i = 0; i < expected.count(); ++i)
    if (!(actual.value(i) == expected.value(i)))
      throw std::runtime_error(
          fmt::format("output {} is {} where each activation has memory of its own, and {} where they share it", i, expected.value(i), actual.value(i)));
}

int run_network(const Network& network, const NetworkPlan& plan, int samples, bool replays_graph, bool json) {
  const std::vector<LayerWeights> weights = seeded_weights(network, plan.kind, kSeed);
  const Tensor input = seeded_input(network, plan.batch, kSeed);
  DeviceNetwork chain(network, plan, weights, Placement::shared, replays_graph);
  chain.set_input(input);
  check_placement(network, plan, weights, input, chain);
  std::vector<double> seconds;
  for (int i = 0; i < samples; ++i) seconds.push_back(chain.run(1));
  std::ranges::sort(seconds);
  const double median = seconds[seconds.size() / 2];
  if (json) {
    std::puts(nlohmann::ordered_json{{"network", network.name},
                                     {"batch", plan.batch},
                                     {"device", device_state().device.name},
                                     {"launch", replays_graph ? "CUDA graph replay" : "stream"},
                                     {"seconds", median},
                                     {"seconds_lowest", seconds.front()},
                                     {"seconds_highest", seconds.back()},
                                     {"samples", samples},
                                     {"images_per_second", static_cast<double>(plan.batch) / median},
                                     {"activation_bytes", chain.activation_bytes()},
                                     {"weight_bytes", chain.weight_bytes()},
                                     {"scratch_bytes", chain.scratch_bytes()}}
                  .dump(2)
                  .c_str());
  } else {
    std::puts(fmt::format("{} x{} on {}, {}: {:.4g} ms a pass ({:.4g} .. {:.4g} of {}), {:.5g} images/s", network.name, plan.batch, device_state().device.name,
                          replays_graph ? "one graph" : "one stream", median * 1e3, seconds.front() * 1e3, seconds.back() * 1e3, samples,
                          static_cast<double>(plan.batch) / median)
                  .c_str());
  }
  return 0;
}

int network_main(const std::vector<std::string>& arguments) {
  CLI::App app("A whole network back to back on the GPU with our own kernels, checked against runs with memory of its own for each activation",
               "convroof cuda-network");
  std::string network_name = "resnet50", kernels = "mma";
  std::int64_t batch = 1;
  int samples = 21;
  bool replays_graph = false, shows_plan = false, json = false;
  app.add_option("--network", network_name, "a shipped network's name or a path")->capture_default_str();
  app.add_option("--kernels", kernels, "half2, mma, mma-2of4, wgmma or wgmma-2of4")->capture_default_str();
  app.add_option("--batch", batch, "images")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--samples", samples, "timed passes")->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_flag("--graph", replays_graph, "replay the pass from a CUDA graph");
  app.add_flag("--plan", shows_plan, "print which layer writes where; needs no GPU");
  app.add_flag("--json", json, "the numbers as JSON");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    throw std::invalid_argument(error.what());
  }
  const KernelClass kind = class_named(kernels);
  const Network network = load_network(network_name);
  const NetworkPlan plan = plan_network(network, batch, kind);
  if (shows_plan) {
    print_plan(network, plan);
    return 0;
  }
  if (const std::string refusal = device_refusal(kind); !refusal.empty()) {
    std::fputs((refusal + "\n").c_str(), stderr);
    return kNothingHere;
  }
  return run_network(network, plan, samples, replays_graph, json);
}

}  // namespace

Verb network_verb() { return {"cuda-network", "a whole network back to back on the GPU; --plan shows its buffers without one", network_main}; }

}  // namespace convroof::cuda
