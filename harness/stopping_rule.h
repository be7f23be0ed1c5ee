// When to stop taking samples. Pure: it is told what was measured and how much time went by, and touches no clock.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace convroof {

// How precisely a case is to be measured.
struct Sampling {
  double half_width = 0.01;   // of the 95 % confidence interval of the median, as a share of the median. Smaller: more samples
  double min_seconds = 0.05;  // spent on samples before any stop: a short burst sees too little of the machine's weather
  double max_seconds = 1.0;   // after which sampling stops in any case (a run that has begun is finished)
  int min_samples = 10;       // at least 1
  int max_samples = 2000;     // where a kernel is so short that max_seconds would give more
};

enum class StopReason {
  precise,        // the interval is as narrow as asked for
  noisy,          // inherently noisy: at the rate at which the interval shrinks, the time allowed would not do
  time,           // max_seconds are over
  samples,        // max_samples are taken
  contended,      // other programs took the processors from this one while it was timed, whatever the interval says; reported by `measure`
  deterministic,  // a simulated clock: one sample says it all
};
std::string_view name_of(StopReason reason);

class StoppingRule {
 public:
  explicit StoppingRule(const Sampling& sampling) : sampling_(sampling) {}

  // One more sample: seconds of one run of the kernel, and the seconds that sampling has taken so far (sweeps and pauses included).
  // Returns the reason once sampling should stop.
  std::optional<StopReason> add(double seconds, double elapsed);

  const std::vector<double>& samples() const { return samples_; }

 private:
  Sampling sampling_;
  std::vector<double> samples_;
  std::size_t next_check_ = 0;  // the interval is looked at on a growing grid: looking costs a sort, and looking often stops too early
  int hopeless_checks_ = 0;
};

// When the first, slower runs are over: caches filled, pages touched, clocks risen, threads awake. Detected, not assumed: warm once `kPatience` runs in a row
// failed to beat the fastest run before by more than 2 %. Pure, as above.
class WarmUp {
 public:
  bool add(double seconds);  // true once warm
  int runs() const { return runs_; }

 private:
  static constexpr int kPatience = 3;
  int runs_ = 0, without_progress_ = 0;
  double fastest_ = 0;
};

}  // namespace convroof
