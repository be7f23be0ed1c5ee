// How far the outputs of a machine whose sums saturate, wrap or drop bits are from exact ones.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace convroof::spatial {

// 10 log10(sum of exact^2 / sum of (exact - actual)^2) in dB, in f64 over all outputs. `dropped_bits`: actual sums count units of 2^dropped_bits of the exact
// ones. None where all are equal, or where every exact one is zero: there is no noise, or no signal, and no number.
std::optional<double> signal_to_noise_db(std::span<const std::int64_t> exact, std::span<const std::int64_t> actual, int dropped_bits);

}  // namespace convroof::spatial
