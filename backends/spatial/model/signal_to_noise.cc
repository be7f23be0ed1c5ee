#include "backends/spatial/model/signal_to_noise.h"

#include <fmt/format.h>

#include <cassert>
#include <cmath>

namespace convroof::spatial {

std::optional<double> signal_to_noise_db(std::span<const std::int64_t> exact, std::span<const std::int64_t> actual, int dropped_bits) {
  assert(exact.size() == actual.size());
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double reference = std::ldexp(static_cast<double>(exact[i]), -dropped_bits), error = static_cast<double>(actual[i]) - reference;
    signal += reference * reference, noise += error * error;
  }
  if (!(signal > 0) || !(noise > 0)) return std::nullopt;
  return 10 * std::log10(signal / noise);
}

Deviation largest_deviation(const Accumulator& sums) {
  constexpr double kOfNorms = 1 + 0x1p-40;  // M may come as a product of norms, rounded
  const auto largest = static_cast<double>(sums.largest());
  if (sums.dropped_bits > 0)
    return {2 * kOfNorms, sums.overflow == Overflow::wrap ? largest + 1 : 0,
            fmt::format("{} bits of each product dropped: both sums within the magnitude of all products", sums.dropped_bits)};
  if (sums.overflow == Overflow::wrap) return {kOfNorms, largest + 1, fmt::format("sums of {} bits that wrap: anywhere in their range", sums.bits)};
  return {kOfNorms, -largest, fmt::format("saturating sums of {} bits: what the magnitude of all products goes beyond their end", sums.bits)};
}

}  // namespace convroof::spatial
