// From how fast a sparse kernel is at two densities to the density at which it is as fast as the dense one, with an interval.
#pragma once

#include <cstdint>
#include <vector>

namespace convroof {

// Dense time over sparse time of each round, all measured at one density of the weights. Above 1: the sparse kernel is faster.
struct DensityRounds {
  double density = 0;
  std::vector<double> dense_over_sparse;
};

struct BreakEven {
  double density = 0;              // where the medians of the ratio, a straight line between logarithms of both, pass 1
  double lowest = 0, highest = 0;  // 95 % of the crossings of resampled rounds lie between
};

// Both densities are in (0, 1), `sparser` below `denser`, and every ratio is above 0. Rounds are drawn with repetition, those of each density for themselves
// (percentile bootstrap: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). Crossings beyond the two densities are extrapolated and
// kept inside [0, 1]; where the ratio does not fall from one density to the other there is no crossing to speak of, and the whole range is returned.
BreakEven break_even(const DensityRounds& sparser, const DensityRounds& denser, int resamples = 2000, std::uint32_t seed = 1);

}  // namespace convroof
