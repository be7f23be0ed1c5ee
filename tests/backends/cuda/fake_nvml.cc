#include "tests/backends/cuda/fake_nvml.h"

#include <cstring>
#include <set>
#include <string>

namespace {

constexpr int kSuccess = 0, kNotSupported = 3, kNotFound = 6;
struct State {
  unsigned clock_mhz = 210, power_mw = 70000, temperature_c = 30;
  unsigned long long throttle = 1, calls = 0;
  double millijoules = 1e6;
  std::set<std::string> removed;
};
State g_state;
int g_device;

int answer(const char* function) {
  ++g_state.calls;
  return g_state.removed.contains(function) ? kNotSupported : kSuccess;
}

}  // namespace

extern "C" {

void fake_nvml_reset() { g_state = {}; }
void fake_nvml_set(unsigned clock_mhz, unsigned power_mw, unsigned temperature_c, unsigned long long throttle) {
  g_state.clock_mhz = clock_mhz, g_state.power_mw = power_mw, g_state.temperature_c = temperature_c, g_state.throttle = throttle;
}
void fake_nvml_advance(double seconds) { g_state.millijoules += g_state.power_mw * seconds; }
void fake_nvml_remove(const char* function) { g_state.removed.insert(function); }
unsigned long long fake_nvml_calls() { return g_state.calls; }

int nvmlInit_v2() { return kSuccess; }
int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
  if (std::strncmp(uuid, "GPU-", 4) != 0) return kNotFound;
  *device = &g_device;
  return kSuccess;
}
int nvmlDeviceGetClockInfo(void*, int clock, unsigned* mhz) {
  *mhz = clock == 2 ? 3201 : g_state.clock_mhz;
  return answer(__func__);
}
int nvmlDeviceGetPowerUsage(void*, unsigned* milliwatts) {
  *milliwatts = g_state.power_mw;
  return answer(__func__);
}
int nvmlDeviceGetTemperature(void*, int, unsigned* celsius) {
  *celsius = g_state.temperature_c;
  return answer(__func__);
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
  *reasons = g_state.throttle;
  return answer(__func__);
}
int nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long* millijoules) {
  *millijoules = static_cast<unsigned long long>(g_state.millijoules);
  return answer(__func__);
}
}
