// What the device was like while a case ran: readings of clock, power, temperature and throttling, summed up. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "backends/cuda/device/nvml.h"

namespace convroof::cuda {

class StateLog {
 public:
  void add(const GpuState& state);
  bool empty() const { return readings_ == 0; }
  // "gpu_clock_mhz" (median), "gpu_clock_mhz_range", "gpu_memory_clock_mhz", "gpu_power_w" (mean), "gpu_temperature_c" (highest), "gpu_throttle" (every reason
  // that was seen), "gpu_readings". What the device does not report is left out.
  std::map<std::string, std::string> facts() const;

 private:
  std::vector<unsigned> clocks_, memory_clocks_, powers_, temperatures_;
  unsigned long long throttle_ = 0;
  bool knows_throttle_ = false;
  int readings_ = 0;
};

}  // namespace convroof::cuda
