#include "harness/stopping_rule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>

namespace convroof {
namespace {

// Feeds samples from `next` until the rule stops; each takes its own time. Returns the reason and the number of samples.
template <typename Next>
std::pair<StopReason, std::size_t> play(const Sampling& sampling, Next next) {
  StoppingRule rule(sampling);
  double elapsed = 0;
  for (;;) {
    const double seconds = next();
    elapsed += seconds;
    if (const auto reason = rule.add(seconds, elapsed)) return {*reason, rule.samples().size()};
    if (rule.samples().size() > 1'000'000) ADD_FAILURE() << "never stops";
  }
}

TEST(StoppingRule, steady_samples_stop_as_soon_as_allowed) {
  const auto [reason, samples] = play({.half_width = 0.01, .min_seconds = 0, .max_seconds = 10, .min_samples = 12, .max_samples = 100}, [] { return 1e-3; });
  EXPECT_EQ(reason, StopReason::precise);
  EXPECT_EQ(samples, 12u);
}

TEST(StoppingRule, no_stop_before_min_seconds) {
  const auto [reason, samples] = play({.half_width = 0.01, .min_seconds = 0.1, .max_seconds = 10, .min_samples = 5, .max_samples = 1000}, [] { return 1e-3; });
  EXPECT_EQ(reason, StopReason::precise);
  EXPECT_GE(samples, 100u);
  EXPECT_LE(samples, 115u);
}

TEST(StoppingRule, modest_noise_needs_more_samples_for_a_narrower_interval) {
  const auto samples_for = [](double half_width) {
    std::mt19937_64 random(5);
    std::normal_distribution<double> time(1e-3, 5e-5);
    return play({.half_width = half_width, .min_seconds = 0, .max_seconds = 60, .min_samples = 10, .max_samples = 100'000}, [&] { return time(random); });
  };
  const auto [loose_reason, loose] = samples_for(0.02);
  const auto [tight_reason, tight] = samples_for(0.002);
  EXPECT_EQ(loose_reason, StopReason::precise);
  EXPECT_EQ(tight_reason, StopReason::precise);
  EXPECT_GT(tight, 10 * loose);
}

TEST(StoppingRule, hopeless_noise_is_called_noisy_before_the_time_is_up) {
  std::mt19937_64 random(9);
  std::uniform_real_distribution<double> time(0.5e-3, 1.5e-3);
  Sampling sampling{.half_width = 0.001, .min_seconds = 0.01, .max_seconds = 1, .min_samples = 10, .max_samples = 1'000'000};
  const auto [reason, samples] = play(sampling, [&] { return time(random); });
  EXPECT_EQ(reason, StopReason::noisy);
  EXPECT_LT(samples, 900u);
  EXPECT_GE(samples, 300u);  // a third of the time at least
}

TEST(StoppingRule, time_is_up) {
  std::mt19937_64 random(9);
  std::uniform_real_distribution<double> time(0.9, 1.1);
  const auto [reason, samples] =
      play({.half_width = 1e-4, .min_seconds = 0, .max_seconds = 8, .min_samples = 3, .max_samples = 1000}, [&] { return time(random); });
  EXPECT_EQ(reason, StopReason::time);
  EXPECT_LE(samples, 9u);
}

TEST(StoppingRule, one_long_run_is_not_called_precise) {
  const auto [reason, samples] = play({.half_width = 0.05, .min_seconds = 0, .max_seconds = 1, .min_samples = 10, .max_samples = 1000}, [] { return 3.0; });
  EXPECT_EQ(reason, StopReason::time);
  EXPECT_EQ(samples, 1u);
}

TEST(StoppingRule, samples_run_out) {
  std::mt19937_64 random(9);
  std::uniform_real_distribution<double> time(0.5e-6, 1.5e-6);
  const auto [reason, samples] =
      play({.half_width = 1e-4, .min_seconds = 0, .max_seconds = 1000, .min_samples = 10, .max_samples = 500}, [&] { return time(random); });
  EXPECT_EQ(reason, StopReason::samples);
  EXPECT_EQ(samples, 500u);
}

TEST(StoppingRule, slow_plateau_after_a_fast_start_is_not_precise) {
  int i = 0;  // alternating weather: long fast and slow spells, each steady to 0.1 %
  const auto [reason, samples] = play({.half_width = 0.01, .min_seconds = 0.2, .max_seconds = 2, .min_samples = 10, .max_samples = 100'000}, [&] {
    ++i;
    return (i / 100 % 2 == 0 ? 1e-3 : 1.3e-3) * (1 + 1e-3 * (i % 3));
  });
  EXPECT_NE(reason, StopReason::precise);
  EXPECT_GT(samples, 200u);
}

TEST(WarmUp, ends_after_the_slow_start) {
  WarmUp warm;
  const std::vector<double> seconds{9, 5, 3, 2, 1.01, 1, 1.02, 1, 1.01, 1};
  std::size_t i = 0;
  while (!warm.add(seconds.at(i))) ++i;
  EXPECT_GE(i, 6u);  // not while it still gains
  EXPECT_LE(i, 8u);
}

TEST(WarmUp, needs_four_runs_when_nothing_changes) {
  WarmUp warm;
  EXPECT_FALSE(warm.add(1));
  EXPECT_FALSE(warm.add(1));
  EXPECT_FALSE(warm.add(1));
  EXPECT_TRUE(warm.add(1));
  EXPECT_EQ(warm.runs(), 4);
}

TEST(WarmUp, steady_decline_is_not_warm) {
  WarmUp warm;
  double seconds = 1;
  for (int i = 0; i < 50; ++i, seconds *= 0.95) EXPECT_FALSE(warm.add(seconds));
}

}  // namespace
}  // namespace convroof
