#include "harness/measure.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "backends/host_cpu.h"
#include "harness/statistics.h"

namespace convroof {
namespace {

using HostClock = std::chrono::steady_clock;

double seconds_since(HostClock::time_point start) { return std::chrono::duration<double>(HostClock::now() - start).count(); }

// A sample must be long against the timer's grain and against the cost of reading it, and so long that the number of samples does not run out before the
// time does; a millisecond is enough in any case.
double shortest_sample(const Sampling& sampling) {
  return std::max({50e-6, 1000 * timer_grain(), std::min(1e-3, sampling.max_seconds / std::max(1, sampling.max_samples))});
}

// Pushes everything out of the host's caches by reading a buffer four times the last level's size: where replacement is random, twice
// the size would leave 13 % of the old lines alive, four times 2 %. Reading only, because lines that were written would be written back while the kernel runs,
// at its expense.
class CacheSweep {
 public:
  CacheSweep() : words_(static_cast<std::size_t>(bytes()) / sizeof(std::uint64_t)), buffer_(std::make_unique_for_overwrite<std::uint64_t[]>(words_)) {
    for (std::size_t i = 0; i < words_; ++i) buffer_[i] = i * 0x9e3779b97f4a7c15u | 1;  // never zero: some memory systems treat zero lines specially
  }
  // Each thread sweeps a part that exceeds its own private caches many times; together they sweep the shared one four times over.
  void operator()() {
    const std::uint64_t* const data = buffer_.get();
    const auto words = static_cast<std::int64_t>(words_);
    std::uint64_t sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum)
    for (std::int64_t i = 0; i < words; i += 8) sum += data[i];
    sink_ = sum;
  }

 private:
  static std::int64_t bytes() {
    constexpr std::int64_t kUnknown = std::int64_t{256} << 20;  // where a virtual machine hides its caches
    const HostCpu& cpu = host_cpu();
    const std::int64_t last_level = std::max(cpu.l3_bytes, cpu.l2_bytes);
    const std::int64_t shared = last_level > 0 ? 4 * last_level * std::min(cpu.l3_count, omp_get_max_threads()) : kUnknown;
    return std::max(shared, 4 * cpu.l2_bytes * omp_get_max_threads());
  }
  std::size_t words_;
  std::unique_ptr<std::uint64_t[]> buffer_;
  volatile std::uint64_t sink_ = 0;
};

double checked(double seconds, Clock clock) {
  if (std::isfinite(seconds) && seconds > 0) return seconds;
  throw std::logic_error(fmt::format("a kernel took {} s by the {} clock", seconds, name_of(clock)));
}

// Seconds of `times` runs.
double time_runs(Kernel& kernel, Clock clock, int times) {
  if (clock == Clock::host) {
    const auto start = HostClock::now();
    kernel.run(times);
    return checked(std::max(seconds_since(start), timer_grain()), clock);
  }
  const std::optional<double> seconds = kernel.run(times);
  if (!seconds) throw std::logic_error(fmt::format("a kernel on the {} clock returned no time", name_of(clock)));
  return checked(*seconds, clock);
}

// How many runs one sample needs, and the warm-up on the way there.
int warm_up(Kernel& kernel, Clock clock, const Sampling& sampling, Measurement& result) {
  const auto start = HostClock::now();
  const double shortest = shortest_sample(sampling);
  WarmUp warm;
  int times = 1;
  for (;;) {
    const double seconds = time_runs(kernel, clock, times);
    result.warm_up_runs += times;
    if (seconds < shortest && times < (1 << 20)) {  // too short to see: warm-up is judged on samples of the final length
      const double factor = std::clamp(1.2 * shortest / seconds, 2.0, 64.0);
      times = static_cast<int>(std::ceil(times * factor));
      warm = WarmUp();
      continue;
    }
    if (warm.add(seconds)) return times;
    if (seconds_since(start) >= sampling.max_seconds / 4) return times;
  }
}

void summarise(Measurement& result) {
  result.seconds = median(result.samples);
  const Interval interval = median_interval_of_series(result.samples);
  result.ci_lo = interval.lo;
  result.ci_hi = interval.hi;
}

}  // namespace

std::optional<double> seconds_without_processor() {
  // Second number of schedstat: nanoseconds spent waiting on a run queue.
  namespace fs = std::filesystem;
  std::error_code error;
  double nanoseconds = 0;
  bool known = false;
  for (fs::directory_iterator thread("/proc/self/task", error), end; !error && thread != end; thread.increment(error)) {
    double running = 0, waiting = 0;
    if (std::ifstream(thread->path() / "schedstat") >> running >> waiting) nanoseconds += waiting, known = true;
  }
  return known ? std::optional(nanoseconds * 1e-9) : std::nullopt;
}

double timer_grain() {
  static const double grain = [] {
    double smallest = 1;
    for (int i = 0; i < 200; ++i) {
      const auto start = HostClock::now();
      double difference = 0;
      while (difference <= 0) difference = seconds_since(start);
      smallest = std::min(smallest, difference);
    }
    return smallest;
  }();
  return grain;
}

Measurement measure(Kernel& kernel, Clock backend_clock, CacheState cache, const Sampling& sampling) {
  Measurement result;
  result.clock = backend_clock;
  if (backend_clock == Clock::simulated) {
    result.samples = {time_runs(kernel, backend_clock, 1)};
    summarise(result);
    result.stop_reason = name_of(StopReason::deterministic);
    return result;
  }

  const bool cold = cache == CacheState::cold;
  std::unique_ptr<CacheSweep> sweep;
  if (cold) {
    sweep = std::make_unique<CacheSweep>();
    result.warm_up_runs = 1;  // pages, code and threads, not data
    time_runs(kernel, backend_clock, 1);
  } else {
    result.runs_per_sample = warm_up(kernel, backend_clock, sampling, result);
  }

  StoppingRule rule(sampling);
  const std::optional<double> waited_before = backend_clock == Clock::host ? seconds_without_processor() : std::nullopt;
  const auto start = HostClock::now();
  const auto waiting_share = [&] {
    const std::optional<double> waited = waited_before ? seconds_without_processor() : std::nullopt;
    return waited ? std::max(0.0, *waited - *waited_before) / seconds_since(start) : 0;
  };
  for (;;) {
    if (cold) {
      kernel.make_cold();
      (*sweep)();
    }
    const double seconds = time_runs(kernel, backend_clock, result.runs_per_sample) / result.runs_per_sample;
    const auto reason = rule.add(seconds, seconds_since(start));
    if (!reason) continue;
    result.waiting_share = waiting_share();
    const bool contended = result.waiting_share > std::max(0.02, sampling.half_width);
    constexpr double kPatience = 2;  // seconds in which the share may fall again, if the machine is left alone
    if (contended && *reason == StopReason::precise && seconds_since(start) < std::min(sampling.max_seconds, kPatience)) continue;
    result.samples = rule.samples();
    result.stop_reason = name_of(contended ? StopReason::contended : *reason);
    result.noisy = contended || *reason != StopReason::precise;
    break;
  }
  summarise(result);
  return result;
}

}  // namespace convroof
