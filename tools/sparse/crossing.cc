#include "tools/sparse/crossing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "harness/statistics.h"

namespace convroof {
namespace {

// NaN where the ratio does not fall.
double crossing(double sparser, double ratio_at_sparser, double denser, double ratio_at_denser) {
  const double fall = std::log(ratio_at_sparser) - std::log(ratio_at_denser);
  if (!(fall > 0)) return std::numeric_limits<double>::quiet_NaN();
  const double part = std::log(ratio_at_sparser) / fall;
  return std::clamp(std::exp(std::log(sparser) + part * (std::log(denser) - std::log(sparser))), 0.0, 1.0);
}

}  // namespace

BreakEven break_even(const DensityRounds& sparser, const DensityRounds& denser, int resamples, std::uint32_t seed) {
  BreakEven result;
  result.density = crossing(sparser.density, median(sparser.dense_over_sparse), denser.density, median(denser.dense_over_sparse));
  if (!std::isfinite(result.density)) return {.density = (sparser.density + denser.density) / 2, .lowest = 0, .highest = 1};

  std::mt19937 random(seed);
  const auto resampled = [&random](const std::vector<double>& rounds) {
    std::vector<double> drawn(rounds.size());
    for (double& value : drawn) value = rounds[random() % rounds.size()];
    return median(drawn);
  };
  std::vector<double> lower, upper;  // a resample without a crossing counts at both ends
  for (int i = 0; i < resamples; ++i) {
    const double at_sparser = resampled(sparser.dense_over_sparse), at_denser = resampled(denser.dense_over_sparse);
    const double one = crossing(sparser.density, at_sparser, denser.density, at_denser);
    lower.push_back(std::isfinite(one) ? one : 0);
    upper.push_back(std::isfinite(one) ? one : 1);
  }
  result.lowest = quantile(lower, 0.025);
  result.highest = quantile(upper, 0.975);
  return result;
}

}  // namespace convroof
