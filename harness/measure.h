// Times one prepared kernel. The only file of the harness that looks at the host's clock to judge a kernel.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "harness/stopping_rule.h"

namespace convroof {

struct Measurement {
  std::vector<double> samples;  // seconds of one run each, in the order of time; a sample may be the mean over a batch of runs
  double seconds = 0;           // median of the samples
  double ci_lo = 0, ci_hi = 0;  // 95 % confidence interval of the median
  std::string stop_reason;      // precise, noisy, time, samples, contended, deterministic
  bool noisy = false;           // the half-width asked for was not reached, or the machine was busy with something else
  Clock clock = Clock::host;    // by which the samples were taken
  int runs_per_sample = 1;      // more than 1: the kernel is shorter than the timer can resolve
  int warm_up_runs = 0;         // excluded
  double waiting_share = 0;     // of the sampling time, in which a thread of ours was ready but had no processor (host clock; 0 where the system does not say)
};

// Times a kernel by its backend's clock.
//   host       brackets run() with the steady clock; a kernel too short for the timer is run in batches. Warm: batches follow each other. Cold: before each
//   single
//              run, all caches are swept with a buffer larger than the last-level cache (by omp_get_max_threads() threads, the ones that will run the kernel)
//              and Kernel::make_cold() is called; neither is timed.
//   device     the seconds that run() returns, batched in the same way.
//   simulated  one run, which is exact.
// A host measurement during which our threads waited for processors (more than max(2 %, half_width) of the time) is `contended` and noisy: with threads that
// meet at barriers, a busy machine gives times that are steady, narrow and wrong by the length of the scheduler's time slice.
// The kernel has run before (its output was checked), but warm-up is detected all the same.
// Throws std::logic_error where a device or simulated kernel returns no time, or any kernel one that is not a positive finite number.
Measurement measure(Kernel& kernel, Clock backend_clock, CacheState cache, const Sampling& sampling);

// Seconds for which threads of this process have been ready to run without a processor, all together; nothing where the system does not tell.
std::optional<double> seconds_without_processor();

// Resolution of the host's clock as it is used here: the smallest positive difference between two readings, in seconds. Measured once.
double timer_grain();

}  // namespace convroof
