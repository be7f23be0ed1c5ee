#include "harness/stopping_rule.h"

#include <algorithm>
#include <cmath>

#include "harness/statistics.h"

namespace convroof {

std::string_view name_of(StopReason reason) {
  switch (reason) {
    case StopReason::precise:
      return "precise";
    case StopReason::noisy:
      return "noisy";
    case StopReason::time:
      return "time";
    case StopReason::samples:
      return "samples";
    case StopReason::contended:
      return "contended";
    case StopReason::deterministic:
      return "deterministic";
  }
  return "";
}

std::optional<StopReason> StoppingRule::add(double seconds, double elapsed) {
  samples_.push_back(seconds);
  const std::size_t n = samples_.size();
  if (n < static_cast<std::size_t>(std::max(1, sampling_.min_samples)))
    return elapsed >= sampling_.max_seconds ? std::optional(StopReason::time) : std::nullopt;

  const bool out_of_time = elapsed >= sampling_.max_seconds;
  const bool out_of_samples = n >= static_cast<std::size_t>(sampling_.max_samples);
  const bool due = n >= next_check_ && elapsed >= sampling_.min_seconds;
  if (!due && !out_of_time && !out_of_samples) return std::nullopt;
  next_check_ = n + std::max<std::size_t>(1, n / 8);

  const double centre = median(samples_);
  const double half_width = median_interval_of_series(samples_).half_width() / centre;
  if (half_width <= sampling_.half_width) return StopReason::precise;
  if (out_of_time) return StopReason::time;
  if (out_of_samples) return StopReason::samples;

  // The interval shrinks with the square root of the number of samples. Three looks in a row that all predict more than twice the time allowed: give up.
  const double needed = elapsed * (half_width / sampling_.half_width) * (half_width / sampling_.half_width);
  hopeless_checks_ = needed > 2 * sampling_.max_seconds ? hopeless_checks_ + 1 : 0;
  constexpr std::size_t kEnoughToJudge = 30;
  if (hopeless_checks_ >= 3 && n >= kEnoughToJudge && elapsed >= sampling_.max_seconds / 3) return StopReason::noisy;
  return std::nullopt;
}

bool WarmUp::add(double seconds) {
  ++runs_;
  const bool progress = runs_ == 1 || seconds < fastest_ * 0.98;
  fastest_ = runs_ == 1 ? seconds : std::min(fastest_, seconds);
  without_progress_ = progress ? 0 : without_progress_ + 1;
  return without_progress_ >= kPatience;
}

}  // namespace convroof
