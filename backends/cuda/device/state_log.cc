#include "backends/cuda/device/state_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace convroof::cuda {
namespace {

unsigned median(std::vector<unsigned> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace

void StateLog::add(const GpuState& state) {
  ++readings_;
  if (state.clock_mhz) clocks_.push_back(*state.clock_mhz);
  if (state.memory_clock_mhz) memory_clocks_.push_back(*state.memory_clock_mhz);
  if (state.power_mw) powers_.push_back(*state.power_mw);
  if (state.temperature_c) temperatures_.push_back(*state.temperature_c);
  if (state.throttle_reasons) throttle_ |= *state.throttle_reasons, knows_throttle_ = true;
}

std::map<std::string, std::string> StateLog::facts() const {
  std::map<std::string, std::string> facts;
  if (!clocks_.empty()) {
    const auto [lowest, highest] = std::ranges::minmax(clocks_);
    facts["gpu_clock_mhz"] = fmt::format("{}", median(clocks_));
    facts["gpu_clock_mhz_range"] = fmt::format("{}..{}", lowest, highest);
  }
  if (!memory_clocks_.empty()) facts["gpu_memory_clock_mhz"] = fmt::format("{}", median(memory_clocks_));
  if (!powers_.empty())
    facts["gpu_power_w"] = fmt::format("{:.1f}", std::accumulate(powers_.begin(), powers_.end(), 0.0) / static_cast<double>(powers_.size()) / 1e3);
  if (!temperatures_.empty()) facts["gpu_temperature_c"] = fmt::format("{}", std::ranges::max(temperatures_));
  if (knows_throttle_) facts["gpu_throttle"] = throttle_text(throttle_);
  facts["gpu_readings"] = fmt::format("{}", readings_);
  return facts;
}

}  // namespace convroof::cuda
