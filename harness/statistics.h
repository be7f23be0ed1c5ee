// Order statistics of small, skewed samples. Nothing here assumes a normal distribution, and nothing here touches a clock.
#pragma once

#include <cstddef>
#include <span>

namespace convroof {

struct Interval {
  double lo = 0, hi = 0;
  double half_width() const { return (hi - lo) / 2; }
};

// All of these throw std::invalid_argument on an empty sample. The order of the values does not matter, except where said.
double median(std::span<const double> values);                  // mean of the two middle values where their number is even
double quantile(std::span<const double> values, double share);  // linear between order statistics (Hyndman and Fan 1996, type 7: the default of NumPy and R)
double median_absolute_deviation(std::span<const double> values);

// P(X <= k) of a binomial with n trials and probability 1/2, to about 1e-11; 0 for k < 0.
double binomial_half_cdf(std::size_t n, long k);

// Distribution-free interval of the median: [x_(k), x_(n + 1 - k)], 1-based and sorted, with the largest k whose coverage
// 1 - 2 P(Binomial(n, 1/2) <= k - 1) still reaches `confidence` (David and Nagaraja, Order Statistics, section 7.1).
// Small n: where even k = 1 covers less (n < 6 at 95 %), the whole range [smallest, largest] is returned; its coverage is 1 - 2^(1 - n), so 94 % for n = 5.
Interval median_interval(std::span<const double> values, double confidence = 0.95);

// How much wider the interval of the median has to be because neighbouring samples resemble each other (throttling, another tenant): sqrt(1 + 2 sum rho_k) of
// the series "above the median or not", whose variance is what the order-statistic interval is built on. The sum stops where a pair of neighbouring
// correlations is no longer positive (Geyer, Practical Markov Chain Monte Carlo, 1992). At least 1; 1 for fewer than 20 values. `values` in the order of time.
double dependence_inflation(std::span<const double> values);

// median_interval with ranks moved outwards by dependence_inflation. `values` in the order of time.
Interval median_interval_of_series(std::span<const double> values, double confidence = 0.95);

}  // namespace convroof
