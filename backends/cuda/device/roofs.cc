#include "backends/cuda/device/roofs.h"

#include <algorithm>
#include <functional>

#include "backends/cuda/device/device.h"
#include "backends/cuda/device/device_kernel.h"
#include "backends/cuda/device/nvml.h"
#include "backends/cuda/kernels/ceilings_launch.h"
#include "backends/cuda/kernels/convolution_launch.h"

namespace convroof::cuda {
namespace {

constexpr int kRepetitions = 15;
constexpr double kSecondsARepetition = 0.02;  // long enough that the clock settles under the load

struct Rate {
  double value = 0, spread = 0, clock_hz = 0;
};

// Units a second of `launch(scale)`, which returns the units of one launch and puts it into the stream; median of the repetitions.
Rate measure(const std::function<double(int scale)>& launch, cudaStream_t stream) {
  Event start, end;
  const auto timed = [&](int scale) {
    CONVROOF_CUDA(cudaEventRecord(start.get(), stream));
    const double units = launch(scale);
    CONVROOF_CUDA(cudaEventRecord(end.get(), stream));
    CONVROOF_CUDA(cudaStreamSynchronize(stream));
    return units / seconds_between(start, end);
  };
  launch(1);
  CONVROOF_CUDA(cudaStreamSynchronize(stream));
  const double units = launch(1), first_rate = timed(1);
  const int scale = static_cast<int>(std::clamp(kSecondsARepetition * first_rate / units, 1.0, 1e5));
  std::vector<double> rates;
  for (int i = 0; i < kRepetitions; ++i) rates.push_back(timed(scale));
  std::ranges::sort(rates);
  Rate rate;
  rate.value = rates[rates.size() / 2];
  rate.spread = (rates.back() - rates.front()) / rate.value;
  const GpuState state = Nvml::get() ? Nvml::get().state(device_state().device.uuid) : GpuState{};
  if (state.clock_mhz) rate.clock_hz = *state.clock_mhz * 1e6;
  return rate;
}

Ceiling described(const Rate& rate, const char* kind, const char* unit, std::string method) {
  Ceiling ceiling;
  ceiling.device = device_state().device.name;
  ceiling.kind = kind;
  ceiling.value = rate.value;
  ceiling.unit = unit;
  ceiling.spread = rate.spread;
  ceiling.clock_hz = rate.clock_hz;
  ceiling.source = "measured";
  ceiling.method = std::move(method);
  return ceiling;
}

}  // namespace

// FP16 operations a clock and multiprocessor: Turing 1024 (GeForce half of it with FP32 sums), A100 2048, Hopper 4096: NVIDIA's architecture whitepapers.
double theoretical_tensor_rate(int compute_capability, int multiprocessors, double clock_hz) {
  const double a_clock = compute_capability == 75 ? 1024 : compute_capability == 80 ? 2048 : compute_capability == 90 ? 4096 : 0;
  return a_clock * multiprocessors * clock_hz;
}

// Packed FP16 against FP32: 2x on Turing and Hopper, 4x on A100, 1x on compute capability 8.6 and 8.9.
double theoretical_half2_rate(int compute_capability, int multiprocessors, double clock_hz) {
  const double a_clock = compute_capability == 75 || compute_capability == 86 || compute_capability == 89 ? 256
                         : compute_capability == 80 || compute_capability == 90                           ? 512
                                                                                                          : 0;
  return a_clock * multiprocessors * clock_hz;
}

std::vector<Ceiling> measured_compute_roofs() {
  const Device& device = device_state().device;
  const Stream stream;
  const DeviceMemory sink(sizeof(float));
  std::vector<Ceiling> ceilings;
  const auto add = [&](ComputeRoof roof, const char* unit_used, const char* accumulator, double theoretical, const char* method) {
    Ceiling ceiling = described(
        measure([&](int scale) { return launch_compute_roof(roof, device.multiprocessors, 256 * scale, sink.as<float>(), stream.get()); }, stream.get()),
        "compute", "op/s", method);
    ceiling.type = "f16";
    ceiling.accumulator = accumulator;
    ceiling.unit_used = unit_used;
    ceiling.theoretical = theoretical;
    ceilings.push_back(ceiling);
  };
  const double tensor = theoretical_tensor_rate(device.compute_capability, device.multiprocessors, device.clock_hz);
  const bool hopper = has_wgmma() && device.compute_capability == 90;
  if (hopper) add(ComputeRoof::wgmma, "tensor", "f32", tensor, "wgmma m64n128k16 from shared memory, random operands");
  add(ComputeRoof::mma, hopper ? "tensor-mma" : "tensor", "f32", tensor, "mma.sync m16n8k16 from registers, 8 chains a warp, random operands");
  // Kept products only: at best the dense rate.
  if (hopper) add(ComputeRoof::wgmma_2of4, "tensor-2of4", "f32", tensor, "sparse wgmma m64n128k32 from shared memory, kept products counted");
  if (device.compute_capability >= 80)
    add(ComputeRoof::mma_2of4, hopper ? "tensor-mma-2of4" : "tensor-2of4", "f32", tensor, "sparse mma.sync m16n8k32 from registers, kept products counted");
  add(ComputeRoof::half2, "half2", "f16", theoretical_half2_rate(device.compute_capability, device.multiprocessors, device.clock_hz),
      "packed FP16 fused multiply-adds, 8 chains a thread");
  return ceilings;
}

std::vector<Ceiling> measured_bandwidth_roofs() {
  const Device& device = device_state().device;
  const Stream stream;
  const DeviceMemory sink(sizeof(float));
  const std::int64_t large = std::max<std::int64_t>(8 * device.l2_bytes, std::int64_t{1} << 29), small = device.l2_bytes / 4;
  DeviceMemory from(static_cast<std::size_t>(large)), to(static_cast<std::size_t>(large));
  from.fill(0x35);
  to.fill(0x35);
  std::vector<Ceiling> ceilings;
  const auto add = [&](StreamRoof roof, std::int64_t bytes, const char* level, std::int64_t capacity, double theoretical, const char* method) {
    Ceiling ceiling = described(
        measure(
            [&](int scale) { return launch_stream_roof(roof, from.data(), to.data(), bytes, scale, device.multiprocessors, sink.as<float>(), stream.get()); },
            stream.get()),
        "bandwidth", "B/s", method);
    ceiling.level = level;
    ceiling.capacity_bytes = capacity;
    ceiling.theoretical = theoretical;
    ceilings.push_back(ceiling);
  };
  const double memory = 2 * device.memory_clock_hz * device.memory_bus_bits / 8;  // both edges of the clock
  // Read first: where two levels are alike, the first is the roof.
  add(StreamRoof::read, large, "hbm", 0, memory, "16-byte loads over 8 times the level-two cache");
  add(StreamRoof::write, large, "hbm-write", 0, memory, "16-byte stores over 8 times the level-two cache");
  add(StreamRoof::copy, large, "hbm-copy", 0, memory, "16-byte loads and stores, both counted");
  add(StreamRoof::read, small, "L2", device.l2_bytes, 0, "16-byte loads over a quarter of the level-two cache, again and again");
  return ceilings;
}

}  // namespace convroof::cuda
