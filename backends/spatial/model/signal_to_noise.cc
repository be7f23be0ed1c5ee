#include "backends/spatial/model/signal_to_noise.h"

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

}  // namespace convroof::spatial
