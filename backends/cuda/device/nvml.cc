#include "backends/cuda/device/nvml.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace convroof::cuda {
namespace {

// nvml.h is not part of every toolkit; these are the documented prototypes of what is used (NVML API reference). Status 0 is success.
using NvmlDevice = struct NvmlDeviceHandle*;
using Init = int();
using HandleByUuid = int(const char* uuid, NvmlDevice* device);
using ClockInfo = int(NvmlDevice device, int clock, unsigned* mhz);
using UnsignedQuery = int(NvmlDevice device, unsigned* value);
using Temperature = int(NvmlDevice device, int sensor, unsigned* celsius);
using LongQuery = int(NvmlDevice device, unsigned long long* value);
constexpr int kClockSm = 1, kClockMemory = 2, kTemperatureGpu = 0;

}  // namespace

const Nvml& Nvml::get() {
  static const Nvml nvml;
  return nvml;
}

Nvml::Nvml() : library_({"libnvidia-ml.so.1"}, "CONVROOF_NVML_LIBRARY") {
  if (!library_) {
    reason_ = fmt::format("NVML was not found ({})", library_.why());
    return;
  }
  auto* init = library_.function<Init>("nvmlInit_v2");
  if (init == nullptr)
    reason_ = fmt::format("{} lacks nvmlInit_v2", library_.path());
  else if (const int status = init(); status != 0)
    reason_ = fmt::format("nvmlInit_v2 failed with status {}", status);
}

GpuState Nvml::state(const std::string& uuid) const {
  GpuState state;
  auto* by_uuid = library_.function<HandleByUuid>("nvmlDeviceGetHandleByUUID");
  NvmlDevice device = nullptr;
  if (!*this || by_uuid == nullptr || by_uuid(uuid.c_str(), &device) != 0) return state;
  const auto clock = [&](int which) -> std::optional<unsigned> {
    auto* query = library_.function<ClockInfo>("nvmlDeviceGetClockInfo");
    unsigned value = 0;
    return query != nullptr && query(device, which, &value) == 0 ? std::optional(value) : std::nullopt;
  };
  const auto long_query = [&](const char* name) -> std::optional<unsigned long long> {
    auto* query = library_.function<LongQuery>(name);
    unsigned long long value = 0;
    return query != nullptr && query(device, &value) == 0 ? std::optional(value) : std::nullopt;
  };
  state.clock_mhz = clock(kClockSm);
  state.memory_clock_mhz = clock(kClockMemory);
  unsigned value = 0;
  if (auto* power = library_.function<UnsignedQuery>("nvmlDeviceGetPowerUsage"); power != nullptr && power(device, &value) == 0) state.power_mw = value;
  if (auto* temperature = library_.function<Temperature>("nvmlDeviceGetTemperature");
      temperature != nullptr && temperature(device, kTemperatureGpu, &value) == 0)
    state.temperature_c = value;
  state.throttle_reasons = long_query("nvmlDeviceGetCurrentClocksThrottleReasons");
  state.energy_mj = long_query("nvmlDeviceGetTotalEnergyConsumption");
  return state;
}

std::string throttle_text(unsigned long long reasons) {
  constexpr std::array<std::pair<unsigned long long, const char*>, 9> kNames = {{{0x1, "idle"},
                                                                                 {0x2, "application_clocks"},
                                                                                 {0x4, "power_cap"},
                                                                                 {0x8, "hardware_slowdown"},
                                                                                 {0x10, "sync_boost"},
                                                                                 {0x20, "thermal"},
                                                                                 {0x40, "hardware_thermal"},
                                                                                 {0x80, "power_brake"},
                                                                                 {0x100, "display_clocks"}}};
  std::string text;
  for (const auto& [bit, name] : kNames)
    if ((reasons & bit) != 0) text += (text.empty() ? "" : "+") + std::string(name);
  return text.empty() ? "none" : text;
}

}  // namespace convroof::cuda
