// How far the outputs of a machine whose sums saturate, wrap or drop bits are from exact ones.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "backends/spatial/model/accumulator.h"

namespace convroof::spatial {

// 10 log10(sum of exact^2 / sum of (exact - actual)^2) in dB, in f64 over all outputs. `dropped_bits`: actual sums count units of 2^dropped_bits of the exact
// ones. None where all are equal, or where every exact one is zero: there is no noise, or no signal, and no number.
std::optional<double> signal_to_noise_db(std::span<const std::int64_t> exact, std::span<const std::int64_t> actual, int dropped_bits);

// |exact - actual| <= max(0, of_magnitude * M + offset), M the magnitudes of an output's products (and bias) added up.
//   saturating: a step cuts off what goes beyond an end, and to stand at one, `largest` of M are used up: at most M - largest in all, whatever the order, and
//               also where sums of parts are added up. An output that cannot reach an end is exact.
//   wrapping:   the exact sum is within M, the other one anywhere between the ends.
//   with dropped bits the two count in different units: neither is further from zero than M.
struct Deviation {
  double of_magnitude = 0, offset = 0;
  std::string derivation;
};
Deviation largest_deviation(const Accumulator& sums);

}  // namespace convroof::spatial
