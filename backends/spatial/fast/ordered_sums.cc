#include "backends/spatial/fast/ordered_sums.h"

#include <algorithm>
#include <numeric>

#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/largest_magnitude.h"

namespace convroof::spatial::fast {
namespace {

// No order of additions meets an end of the accumulator, the bias included.
bool cannot_overflow(const Problem& p, const Accumulator& accumulator) {
  if (accumulator.is_exact()) return true;
  if (accumulator.dropped_bits > 0) return false;
  std::int64_t largest_bias = 0;
  for (const std::int64_t b : p.bias) largest_bias = std::max(largest_bias, b < 0 ? -(b + 1) : b);
  std::int64_t reach = 0;
  return !__builtin_mul_overflow(largest_magnitude(p.input) * largest_magnitude(p.weights), p.k(), &reach) &&
         !__builtin_add_overflow(reach, largest_bias, &reach) && reach < accumulator.largest();
}

}  // namespace

std::vector<std::int64_t> natural_reduction(const Problem& p) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(p.k()));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

void ordered_sums(const Problem& p, const Accumulator& accumulator, std::span<const std::int64_t> reduction, std::span<std::int64_t> output, int threads) {
  if (cannot_overflow(p, accumulator)) return exact_convolution(p, output, threads);
  const std::int64_t groups = p.layer.groups, N = p.n(), M = p.m();
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static)
  for (std::int64_t group = 0; group < groups; ++group)
    for (std::int64_t n = 0; n < N; ++n) {
      std::vector<std::int16_t> pixels;  // under this output's window, in the order of the additions
      pixels.reserve(reduction.size());
      for (const std::int64_t k : reduction) {
        const std::int64_t index = p.input_index(group, n, k);
        pixels.push_back(index < 0 ? std::int16_t{0} : p.input[static_cast<std::size_t>(index)]);
      }
      for (std::int64_t m = 0; m < M; ++m) {
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < pixels.size(); ++i)
          sum = accumulator.add(sum, pixels[i], p.weights[static_cast<std::size_t>(p.weight_index(group, reduction[i], m))]);
        output[static_cast<std::size_t>(p.output_index(group, n, m))] = accumulator.fit(p.finished(group, m, sum));
      }
    }
}

}  // namespace convroof::spatial::fast
