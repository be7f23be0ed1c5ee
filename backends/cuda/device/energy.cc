#include "backends/cuda/device/energy.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace convroof::cuda {
namespace {

constexpr const char* kNoCounter = "the device has no energy counter";
constexpr double kSecondsABatch = 0.1;
constexpr double kSecondsToSettle = 1;  // after work, clocks and power take a while to fall

}  // namespace

std::optional<double> idle_watts(const EnergySource& source, double window_seconds) {
  source.wait(kSecondsToSettle);
  const auto before = source.millijoules();
  const double start = source.now();
  source.wait(window_seconds);
  const auto after = source.millijoules();
  const double seconds = source.now() - start;
  if (!before || !after || !(seconds > 0) || *after < *before) return std::nullopt;
  return static_cast<double>(*after - *before) * 1e-3 / seconds;
}

Energy measure_energy(const EnergySource& source, std::optional<double> idle, double seconds_a_run, const std::function<void(int)>& run,
                      const EnergyRules& rules) {
  Energy energy;
  if (!idle) return energy.reason = kNoCounter, energy;
  energy.idle_watts = *idle;
  const int batch = static_cast<int>(std::clamp(kSecondsABatch / std::max(seconds_a_run, 1e-9), 1.0, 1e6));
  std::vector<double> joules;
  double total_joules = 0, total_seconds = 0;
  for (int window = 0; window < rules.windows; ++window) {
    // Another phase of the sensor's period each time; the device stays warm.
    source.wait(0.037 * (window + 1));
    run(batch);
    const auto before = source.millijoules();
    const double start = source.now();
    std::uint64_t runs = 0;
    double seconds = 0;
    do {
      run(batch);
      runs += static_cast<std::uint64_t>(batch);
      seconds = source.now() - start;
    } while (seconds < rules.window_seconds);
    const auto after = source.millijoules();
    if (!before || !after) return energy.reason = kNoCounter, energy;
    if (*after <= *before) return energy.reason = fmt::format("the energy counter stood still for {:.1f} s", seconds), energy;
    const double drawn = static_cast<double>(*after - *before) * 1e-3;
    joules.push_back((drawn - *idle * seconds) / static_cast<double>(runs));
    total_joules += drawn;
    total_seconds += seconds;
    energy.runs += runs;
    energy.window_seconds = window == 0 ? seconds : std::min(energy.window_seconds, seconds);
  }
  std::ranges::sort(joules);
  energy.watts = total_joules / total_seconds;
  energy.joules_a_run = joules[joules.size() / 2];
  if (!(energy.joules_a_run > 0)) {
    energy.reason = fmt::format("{:.1f} W under load against {:.1f} W idle: no more than the sensor's error", energy.watts, *idle);
    return energy;
  }
  energy.spread = (joules.back() - joules.front()) / energy.joules_a_run;
  return energy;
}

std::map<std::string, std::string> Energy::facts() const {
  if (!reason.empty()) return {{"energy", reason}};
  return {{"energy_j", fmt::format("{:.6g}", joules_a_run)},
          {"energy_spread", fmt::format("{:.4f}", spread)},
          {"energy_watts", fmt::format("{:.1f}", watts)},
          {"energy_idle_watts", fmt::format("{:.1f}", idle_watts)},
          {"energy_window_s", fmt::format("{:.2f}", window_seconds)},
          {"energy_runs", fmt::format("{}", runs)}};
}

}  // namespace convroof::cuda
