#include "harness/statistics.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <vector>

namespace convroof {
namespace {

std::vector<double> sorted(std::span<const double> values) {
  if (values.empty()) throw std::invalid_argument("statistics of no values");
  std::vector<double> copy(values.begin(), values.end());
  std::sort(copy.begin(), copy.end());
  return copy;
}

double quantile_of_sorted(const std::vector<double>& values, double share) {
  const double position = std::clamp(share, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  if (below + 1 >= values.size()) return values.back();
  const double part = position - static_cast<double>(below);
  return values[below] + part * (values[below + 1] - values[below]);
}

// The largest 1-based k with the coverage asked for; 1 where there is none.
std::size_t lower_rank(std::size_t n, double confidence) {
  const double tail = (1 - confidence) / 2;
  // Without the normal approximation as a start this is linear in n; with it, a few steps.
  const double guess = static_cast<double>(n) / 2 - std::sqrt(static_cast<double>(n));  // z = 2: below the rank for every confidence up to 95.4 %
  long k = confidence <= 0.95 ? std::max(1L, static_cast<long>(guess) - 1) : 1;
  while (k > 1 && binomial_half_cdf(n, k - 1) > tail) --k;
  while (k < static_cast<long>(n / 2) && binomial_half_cdf(n, k) <= tail) ++k;  // k + 1 would still cover
  return static_cast<std::size_t>(k);
}

}  // namespace

double median(std::span<const double> values) { return quantile_of_sorted(sorted(values), 0.5); }

double quantile(std::span<const double> values, double share) { return quantile_of_sorted(sorted(values), share); }

double median_absolute_deviation(std::span<const double> values) {
  const double centre = median(values);
  std::vector<double> distances;
  distances.reserve(values.size());
  for (const double value : values) distances.push_back(std::abs(value - centre));
  return median(distances);
}

double binomial_half_cdf(std::size_t n, long k) {
  if (k < 0) return 0;
  if (k >= static_cast<long>(n)) return 1;
  const double log_all = static_cast<double>(n) * std::numbers::ln2;
  double sum = 0;
  // From the largest term down, until the rest no longer counts: the terms fall at least geometrically below n / 2.
  const long half = static_cast<long>(n) / 2;
  if (k > half) return 1 - binomial_half_cdf(n, static_cast<long>(n) - k - 1);
  double term =
      std::exp(std::lgamma(static_cast<double>(n) + 1) - std::lgamma(static_cast<double>(k) + 1) - std::lgamma(static_cast<double>(n) - k + 1) - log_all);
  for (long i = k; i >= 0; --i) {
    sum += term;
    if (term < sum * 1e-17) break;
    term *= static_cast<double>(i) / (static_cast<double>(n) - static_cast<double>(i) + 1);
  }
  return std::min(sum, 1.0);
}

Interval median_interval(std::span<const double> values, double confidence) {
  const std::vector<double> ordered = sorted(values);
  const std::size_t k = lower_rank(ordered.size(), confidence);
  return {ordered[k - 1], ordered[ordered.size() - k]};
}

double dependence_inflation(std::span<const double> values) {
  constexpr std::size_t kFewest = 20;  // below, an estimated correlation is noise itself
  if (values.size() < kFewest) return 1;
  const double centre = median(values);
  const std::size_t n = values.size();
  std::vector<double> sign(n);
  double mean = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sign[i] = values[i] > centre ? 1 : (values[i] < centre ? -1 : 0);
    mean += sign[i] / static_cast<double>(n);
  }
  double variance = 0;
  for (double& s : sign) {
    s -= mean;
    variance += s * s;
  }
  if (variance <= 0) return 1;  // all equal
  const auto correlation = [&](std::size_t lag) {
    double sum = 0;
    for (std::size_t i = 0; i + lag < n; ++i) sum += sign[i] * sign[i + lag];
    return sum / variance;
  };
  double sum = 0;
  for (std::size_t lag = 1; lag + 1 <= n / 4; lag += 2) {
    const double pair = correlation(lag) + correlation(lag + 1);
    if (pair <= 0) break;
    sum += pair;
  }
  return std::sqrt(1 + 2 * std::max(0.0, sum));
}

Interval median_interval_of_series(std::span<const double> values, double confidence) {
  const std::vector<double> ordered = sorted(values);
  const std::size_t n = ordered.size();
  const auto k = static_cast<double>(lower_rank(n, confidence));
  const double centre = static_cast<double>(n + 1) / 2;
  const double moved = std::floor(centre - (centre - k) * dependence_inflation(values));
  const std::size_t rank = moved < 1 ? 1 : static_cast<std::size_t>(moved);
  return {ordered[rank - 1], ordered[n - rank]};
}

}  // namespace convroof
