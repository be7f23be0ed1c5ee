// Energy of one run: the device's counter over windows of seconds, less what the idle device would have drawn meanwhile. Pure: counter, clock and work are the
// caller's, so that tests can make them up.
//
// Windows are long since the sensor behind the counter looks at the device for a part of the time only (about a quarter on A100 and H100: Yang, Adamek, Armour,
// arXiv 2312.02741); several windows, begun at different phases of its period, show how far that matters.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace convroof::cuda {

struct EnergySource {
  std::function<std::optional<std::uint64_t>()> millijoules;  // a counter that only rises; nothing: not here
  std::function<double()> now;                                // seconds
  std::function<void(double)> wait;                           // seconds, the device idle
};

struct EnergyRules {
  double window_seconds = 5;
  int windows = 3;
};

// Power of the idle device, in watts, over one window. Nothing where there is no counter.
std::optional<double> idle_watts(const EnergySource& source, double window_seconds);

struct Energy {
  std::string reason;       // why there are no numbers; empty where there are
  double joules_a_run = 0;  // median of the windows, idle subtracted
  double spread = 0;        // (largest - smallest) / median of the windows
  double watts = 0;         // mean under load, idle included
  double idle_watts = 0;
  double window_seconds = 0;  // shortest of the windows
  std::uint64_t runs = 0;     // of all windows

  // "energy_j", "energy_spread", "energy_watts", "energy_idle_watts", "energy_window_s", "energy_runs"; or "energy": why not.
  std::map<std::string, std::string> facts() const;
};

// `run(times)` runs the kernel so often and returns when the device is done. `seconds_a_run` sets how many runs a call gets (about 0.1 s).
Energy measure_energy(const EnergySource& source, std::optional<double> idle, double seconds_a_run, const std::function<void(int times)>& run,
                      const EnergyRules& rules);

}  // namespace convroof::cuda
