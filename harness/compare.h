// Two runs of the same cases: which got faster, which slower, which stayed, and of which that cannot be said. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "harness/timed_cases.h"

namespace convroof {

enum class Change {
  faster,   // the confidence intervals lie apart, and the medians differ by more than the threshold
  slower,   // likewise
  same,     // whatever the truth inside both intervals is, the difference is below the threshold
  unclear,  // anything else, and always where the machine was busy: measure again, or accept that it cannot be told
};
std::string_view name_of(Change change);

// New over old: 1.1 is 10 % slower.
struct TimeRatio {
  double ratio = 1;       // of the medians
  double lo = 1, hi = 1;  // smallest and largest ratio of values inside the two intervals
};

struct Comparison {
  TimedCase before, after;
  TimeRatio time;
  Change change = Change::unclear;
};

// A case that has no partner, or none that it may be compared with.
struct Unpaired {
  std::string name;
  int threads = 0;
  std::string cache, epilogue;
  std::string reason;
  bool is_regression = false;  // had a number before, and is now wrong, untrusted or failed
};

struct ComparisonReport {
  std::vector<Comparison> cases;  // in the order of the new run
  std::vector<Unpaired> unpaired;
  std::vector<std::string> remarks;  // differences between the runs that may explain everything: device, data, a busy machine
  std::size_t count(Change change) const;
  bool has_regression() const;
};

// Differences below the threshold (a share, 0.03 = 3 %) are of no practical interest. Deterministic times are compared exactly: any difference counts.
TimeRatio time_ratio(const TimedCase& before, const TimedCase& after);
Change judge_change(const TimedCase& before, const TimedCase& after, double threshold);

// Pairs on name, threads, cache, epilogue and workload hash; everything else is listed with the reason.
ComparisonReport compare_runs(const std::vector<TimedCase>& before, const std::vector<TimedCase>& after, double threshold);

}  // namespace convroof
