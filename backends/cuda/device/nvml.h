// Clock, power, temperature and energy from the driver's management library, found while the program runs.
#pragma once

#include <optional>
#include <string>

#include "backends/cuda/device/shared_library.h"

namespace convroof::cuda {

struct GpuState {
  std::optional<unsigned> clock_mhz, memory_clock_mhz, power_mw, temperature_c;
  std::optional<unsigned long long> throttle_reasons;  // NVML's bit mask; 0x1 is "idle"
  std::optional<unsigned long long> energy_mj;         // since the driver was loaded
};

class Nvml {
 public:
  // Looks for the library; $CONVROOF_NVML_LIBRARY names the only file to be tried.
  Nvml();
  static const Nvml& get();  // of this process
  explicit operator bool() const { return reason_.empty(); }
  const std::string& reason() const { return reason_; }  // why it cannot be used
  GpuState state(const std::string& uuid) const;         // fields that the device does not report stay empty

 private:
  SharedLibrary library_;
  std::string reason_;
};

// "none", or the names of the set bits, joined by '+'.
std::string throttle_text(unsigned long long reasons);

}  // namespace convroof::cuda
