#include "harness/measure.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

namespace convroof {
namespace {

// A kernel that does what a test says, and remembers how it was called.
class ScriptedKernel final : public Kernel {
 public:
  std::function<std::optional<double>(int)> script;
  std::vector<int> calls;
  int cold_calls = 0;

  std::optional<double> run(int times) override {
    calls.push_back(times);
    return script(times);
  }
  void make_cold() override { ++cold_calls; }
  void poison_output() override {}
  void read_output(Tensor&) override {}
  Work work() const override { return {}; }
};

Sampling quick_sampling() { return {.half_width = 0.2, .min_seconds = 0, .max_seconds = 0.2, .min_samples = 5, .max_samples = 50}; }

TEST(Measure, simulated_clock_gives_one_exact_sample) {
  ScriptedKernel kernel;
  kernel.script = [](int times) { return std::optional(0.25 * times); };
  const Measurement m = measure(kernel, Clock::simulated, CacheState::warm, quick_sampling());
  EXPECT_EQ(kernel.calls, std::vector<int>{1});
  EXPECT_EQ(m.samples, std::vector<double>{0.25});
  EXPECT_EQ(m.seconds, 0.25);
  EXPECT_EQ(m.ci_lo, 0.25);
  EXPECT_EQ(m.ci_hi, 0.25);
  EXPECT_EQ(m.stop_reason, "deterministic");
  EXPECT_FALSE(m.noisy);
  EXPECT_EQ(m.clock, Clock::simulated);
}

TEST(Measure, device_clock_is_the_kernels_own_divided_by_its_runs) {
  ScriptedKernel kernel;
  kernel.script = [](int times) { return std::optional(1e-6 * times); };
  const Measurement m = measure(kernel, Clock::device, CacheState::warm, quick_sampling());
  EXPECT_NEAR(m.seconds, 1e-6, 1e-18);
  EXPECT_GT(m.runs_per_sample, 1);  // a microsecond is too short for one sample
  EXPECT_EQ(m.stop_reason, "precise");
  EXPECT_EQ(m.clock, Clock::device);
  EXPECT_GE(m.warm_up_runs, 1);
}

TEST(Measure, short_host_kernels_are_batched) {
  ScriptedKernel kernel;
  volatile long sink = 0;
  kernel.script = [&](int times) {
    for (int i = 0; i < times * 100; ++i) sink = sink + 1;
    return std::nullopt;
  };
  const Measurement m = measure(kernel, Clock::host, CacheState::warm, quick_sampling());
  EXPECT_GT(m.runs_per_sample, 10);
  EXPECT_GT(m.seconds, 0);
  EXPECT_LE(m.ci_lo, m.seconds);
  EXPECT_GE(m.ci_hi, m.seconds);
  EXPECT_EQ(kernel.cold_calls, 0);
}

TEST(Measure, long_host_kernels_are_not_batched) {
  ScriptedKernel kernel;
  kernel.script = [](int times) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2 * times));
    return std::nullopt;
  };
  const Measurement m = measure(kernel, Clock::host, CacheState::warm, quick_sampling());
  EXPECT_EQ(m.runs_per_sample, 1);
  EXPECT_GE(m.seconds, 2e-3);
}

TEST(Measure, cold_runs_one_at_a_time_each_after_a_sweep) {
  ScriptedKernel kernel;
  kernel.script = [](int times) { return std::optional(1e-6 * times); };
  const Measurement m = measure(kernel, Clock::device, CacheState::cold, quick_sampling());
  EXPECT_EQ(m.runs_per_sample, 1);
  EXPECT_EQ(static_cast<std::size_t>(kernel.cold_calls), m.samples.size());
  for (const int times : kernel.calls) EXPECT_EQ(times, 1);
}

// A kernel that reads one cached megabyte must be slower when cold: the sweep really evicts. 1.2 rather than the factor seen (3 and more), for busy machines.
TEST(Measure, cold_is_slower_than_warm_for_a_cached_working_set) {
  std::vector<std::uint64_t> data(1 << 17, 3);
  volatile std::uint64_t sink = 0;
  ScriptedKernel kernel;
  kernel.script = [&](int times) {
    std::uint64_t sum = 0;
    for (int i = 0; i < times; ++i)
      for (std::size_t j = 0; j < data.size(); j += 8) sum += data[j] + static_cast<std::uint64_t>(i);
    sink = sink + sum;
    return std::nullopt;
  };
  const double warm = measure(kernel, Clock::host, CacheState::warm, quick_sampling()).seconds;
  const double cold = measure(kernel, Clock::host, CacheState::cold, quick_sampling()).seconds;
  EXPECT_GT(cold, 1.2 * warm);
}

TEST(Measure, noise_beyond_the_target_is_said) {
  ScriptedKernel kernel;
  int i = 0;
  kernel.script = [&](int times) { return std::optional((i++ % 2 == 0 ? 1e-3 : 3e-3) * times); };
  const Measurement m =
      measure(kernel, Clock::device, CacheState::warm, {.half_width = 0.01, .min_seconds = 0, .max_seconds = 0.05, .min_samples = 5, .max_samples = 60});
  EXPECT_TRUE(m.noisy);
  EXPECT_NE(m.stop_reason, "precise");
}

TEST(Measure, a_clock_that_says_nothing_or_nonsense_is_refused) {
  ScriptedKernel kernel;
  kernel.script = [](int) { return std::nullopt; };
  EXPECT_THROW(measure(kernel, Clock::device, CacheState::warm, quick_sampling()), std::logic_error);
  EXPECT_THROW(measure(kernel, Clock::simulated, CacheState::warm, quick_sampling()), std::logic_error);
  for (const double nonsense : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    kernel.script = [nonsense](int) { return std::optional(nonsense); };
    EXPECT_THROW(measure(kernel, Clock::simulated, CacheState::warm, quick_sampling()), std::logic_error) << nonsense;
    EXPECT_THROW(measure(kernel, Clock::device, CacheState::warm, quick_sampling()), std::logic_error) << nonsense;
  }
}

// Two threads pinned to one processor: each waits half of the time, and the measurement must say so.
TEST(Measure, waiting_for_processors_is_noticed) {
  if (!seconds_without_processor()) GTEST_SKIP() << "the system does not tell how long threads wait";
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  int processor = 0;
  while (!CPU_ISSET(processor, &before)) ++processor;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  std::atomic<bool> done = false;
  std::jthread rival([&] {
    while (!done) {
    }
  });
  ScriptedKernel kernel;
  kernel.script = [](int times) {
    for (const auto start = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() - start < std::chrono::microseconds(100) * times;) {
    }
    return std::nullopt;
  };
  const Measurement m =
      measure(kernel, Clock::host, CacheState::warm, {.half_width = 0.2, .min_seconds = 0.1, .max_seconds = 0.3, .min_samples = 5, .max_samples = 100'000});
  done = true;
  sched_setaffinity(0, sizeof before, &before);
  EXPECT_EQ(m.stop_reason, "contended");
  EXPECT_TRUE(m.noisy);
  EXPECT_GT(m.waiting_share, 0.2);
}

TEST(Measure, the_timer_resolves_a_microsecond) { EXPECT_LT(timer_grain(), 1e-6); }

}  // namespace
}  // namespace convroof
