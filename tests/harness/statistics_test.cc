#include "harness/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

namespace convroof {
namespace {

std::vector<double> one_to(int n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 1.0);
  return values;
}

TEST(Statistics, median_of_odd_even_and_unsorted) {
  EXPECT_EQ(median(std::vector{3.0}), 3.0);
  EXPECT_EQ(median(std::vector{5.0, 1.0, 3.0}), 3.0);
  EXPECT_EQ(median(std::vector{4.0, 1.0, 3.0, 2.0}), 2.5);
}

TEST(Statistics, nothing_has_no_median) {
  EXPECT_THROW(median({}), std::invalid_argument);
  EXPECT_THROW(quantile({}, 0.5), std::invalid_argument);
  EXPECT_THROW(median_interval({}), std::invalid_argument);
}

TEST(Statistics, quantiles_interpolate_as_type_7) {
  const std::vector<double> values{15, 20, 35, 40, 50};  // numpy.quantile: 0.05 -> 16, 0.3 -> 23, 0.4 -> 29, 0.95 -> 48
  EXPECT_DOUBLE_EQ(quantile(values, 0.05), 16);
  EXPECT_DOUBLE_EQ(quantile(values, 0.3), 23);
  EXPECT_DOUBLE_EQ(quantile(values, 0.4), 29);
  EXPECT_DOUBLE_EQ(quantile(values, 0.95), 48);
  EXPECT_DOUBLE_EQ(quantile(values, 0), 15);
  EXPECT_DOUBLE_EQ(quantile(values, 1), 50);
}

TEST(Statistics, absolute_deviation_ignores_an_outlier) {
  EXPECT_DOUBLE_EQ(median_absolute_deviation(std::vector{1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0}), 1);
  EXPECT_DOUBLE_EQ(median_absolute_deviation(std::vector{1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9e9}), 1);
}

TEST(Statistics, binomial_tails_by_hand) {
  EXPECT_DOUBLE_EQ(binomial_half_cdf(1, 0), 0.5);
  EXPECT_NEAR(binomial_half_cdf(10, 1), 11.0 / 1024, 1e-15);
  EXPECT_NEAR(binomial_half_cdf(10, 4), 386.0 / 1024, 1e-14);
  EXPECT_NEAR(binomial_half_cdf(10, 8), 1013.0 / 1024, 1e-14);
  EXPECT_EQ(binomial_half_cdf(10, -1), 0);
  EXPECT_EQ(binomial_half_cdf(10, 10), 1);
  EXPECT_NEAR(binomial_half_cdf(100, 39), 0.017600100108852, 1e-12);  // scipy.stats.binom.cdf(39, 100, 0.5)
  EXPECT_NEAR(binomial_half_cdf(4001, 2000), 0.5, 1e-11);             // symmetric
}

// Ranks from published tables of the sign interval (Conover, Practical Nonparametric Statistics): n = 6: 1 and 6; 10: 2 and 9; 20: 6 and 15; 100: 40 and 61.
TEST(Statistics, interval_of_the_median_has_the_tabulated_ranks) {
  const auto expect = [](int n, double lo, double hi) {
    const Interval interval = median_interval(one_to(n));
    EXPECT_EQ(interval.lo, lo) << n;
    EXPECT_EQ(interval.hi, hi) << n;
  };
  expect(6, 1, 6);
  expect(8, 1, 8);
  expect(9, 2, 8);
  expect(10, 2, 9);
  expect(15, 4, 12);
  expect(20, 6, 15);
  expect(25, 8, 18);
  expect(50, 18, 33);
  expect(100, 40, 61);
}

TEST(Statistics, interval_of_few_samples_is_their_range) {
  for (int n = 1; n < 6; ++n) {
    const Interval interval = median_interval(one_to(n));
    EXPECT_EQ(interval.lo, 1);
    EXPECT_EQ(interval.hi, n);
  }
}

TEST(Statistics, interval_has_the_largest_rank_that_still_covers) {
  for (int n = 6; n <= 600; ++n) {
    const auto k = static_cast<long>(median_interval(one_to(n)).lo);
    EXPECT_GE(1 - 2 * binomial_half_cdf(static_cast<std::size_t>(n), k - 1), 0.95) << n;
    EXPECT_LT(1 - 2 * binomial_half_cdf(static_cast<std::size_t>(n), k), 0.95) << n;
  }
}

TEST(Statistics, interval_grows_with_confidence) {
  const std::vector<double> values = one_to(101);
  EXPECT_GT(median_interval(values, 0.99).half_width(), median_interval(values, 0.95).half_width());
  EXPECT_LT(median_interval(values, 0.5).half_width(), median_interval(values, 0.95).half_width());
}

// Skewed, as run times are: the interval must hold the true median 95 times in 100 whatever the distribution.
TEST(Statistics, interval_covers_the_true_median_of_a_skewed_distribution) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> time(0, 1);  // true median 1
  int covered = 0;
  constexpr int kTrials = 2000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> values(30);
    for (double& value : values) value = time(random);
    const Interval interval = median_interval(values);
    covered += interval.lo <= 1 && 1 <= interval.hi;
  }
  EXPECT_GE(covered, 0.945 * kTrials);
}

TEST(Statistics, independent_samples_are_not_inflated_by_much) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> value;
  std::vector<double> inflations;
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<double> values(100);
    for (double& v : values) v = value(random);
    inflations.push_back(dependence_inflation(values));
    EXPECT_GE(inflations.back(), 1);
  }
  EXPECT_LT(median(inflations), 1.25);
}

TEST(Statistics, drift_and_plateaus_widen_the_interval) {
  std::vector<double> plateaus;  // a machine that is fast for 50 samples, then slow for 50
  for (int i = 0; i < 100; ++i) plateaus.push_back((i < 50 ? 1.0 : 2.0) + 1e-3 * ((i * 37) % 11));
  EXPECT_GT(dependence_inflation(plateaus), 3);
  const Interval naive = median_interval(plateaus), honest = median_interval_of_series(plateaus);
  EXPECT_LE(honest.lo, naive.lo);
  EXPECT_GE(honest.hi, naive.hi);
  EXPECT_GT(honest.half_width(), 0.4);  // both plateaus are inside
}

// AR(1) with correlation 0.8: the interval for independent samples covers far less than it says, the series' interval nearly does.
TEST(Statistics, interval_of_a_correlated_series_still_covers) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> noise;
  int naive = 0, honest = 0;
  constexpr int kTrials = 600;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> values(200);
    double state = 0;
    for (int i = 0; i < 50; ++i) state = 0.8 * state + noise(random);
    for (double& value : values) value = state = 0.8 * state + noise(random);
    const Interval a = median_interval(values), b = median_interval_of_series(values);
    naive += a.lo <= 0 && 0 <= a.hi;
    honest += b.lo <= 0 && 0 <= b.hi;
  }
  EXPECT_LT(naive, 0.75 * kTrials);
  EXPECT_GT(honest, 0.88 * kTrials);
}

TEST(Statistics, equal_samples_have_an_interval_of_no_width) {
  const std::vector<double> values(40, 2.5);
  EXPECT_EQ(dependence_inflation(values), 1);
  EXPECT_EQ(median_interval_of_series(values).half_width(), 0);
}

}  // namespace
}  // namespace convroof
