// Rates of the emulator's engines on systolic arrays: layers counted a second, and PE-clocks stepped a second. One thread.
#include <benchmark/benchmark.h>

#include <map>
#include <vector>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/stepping/families.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

constexpr const char* kArrays[] = {"systolic-ws", "systolic-os", "systolic-is"};

// All layers with weights of ResNet-50, once each. Range 1: 0 as shipped (three buffers, 256 bits a clock); 1 memory that never waits, everything fits.
void counting(benchmark::State& state) {
  Accelerator a = load_accelerator(kArrays[state.range(0)]);
  auto& array = std::get<SystolicArray>(a.array);
  if (state.range(1) == 1) {
    a.dram_bits_per_cycle = std::nullopt;
    array.input_buffer_bytes = array.weight_buffer_bytes = array.output_buffer_bytes = std::nullopt;
  }
  const Network network = load_network("resnet50");
  std::int64_t layers = 0;
  for (auto _ : state)
    for (const NetworkLayer& layer : network.layers) {
      if (!layer.spec.has_weights()) continue;
      benchmark::DoNotOptimize(fast::count(a, {.layer = layer.spec}));
      ++layers;
    }
  state.SetItemsProcessed(layers);
  state.SetLabel(std::string(kArrays[state.range(0)]) + (state.range(1) == 1 ? ", everything fits" : ", as shipped"));
}
BENCHMARK(counting)->ArgsProduct({{0, 1, 2}, {0, 1}});

// A 3x3 layer of 64 channels, 28 x 28; range 1: the array's side.
void stepping_engine(benchmark::State& state) {
  Accelerator a = load_accelerator(kArrays[state.range(0)]);
  auto& array = std::get<SystolicArray>(a.array);
  array.rows = array.columns = state.range(1);
  LayerSpec l;
  l.in_channels = l.out_channels = 64;
  l.in_height = l.in_width = l.out_height = l.out_width = 28;
  l.kernel_height = l.kernel_width = 3;
  l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = 1;
  const std::vector<std::int16_t> input(static_cast<std::size_t>(input_elements(l)), 3), weights(static_cast<std::size_t>(weight_count(l)), 2);
  std::vector<std::int64_t> output(static_cast<std::size_t>(output_elements(l)));
  std::uint64_t clocks = 0;
  for (auto _ : state) clocks += stepping::run(a, {.layer = l, .input = input, .weights = weights}, output).cycles;
  state.SetItemsProcessed(static_cast<std::int64_t>(clocks) * a.multipliers());
  state.SetLabel(kArrays[state.range(0)]);
}
BENCHMARK(stepping_engine)->ArgsProduct({{0, 1, 2}, {16, 32}})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace convroof::spatial
