#include "backends/spatial/fast/ordered_convolution.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "backends/spatial/fast/aligned.h"
#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/gather.h"
#include "backends/spatial/fast/largest_magnitude.h"
#include "workloads/checked.h"

namespace convroof::spatial::fast {
namespace {

constexpr int kRows = 4;          // filters of a tile
constexpr int kVectorBytes = 64;  // split into smaller registers where the processor has no larger ones

// What a tile needs to know of the accumulator, in its own type.
template <typename T>
struct Ends {
  T least, largest, half;  // half: added before low bits are dropped
  int dropped_bits;
};

// sums[kRows][2 vectors] takes the products of reduction indices 0 ... count - 1, one after another.
//   weights: [k][kRows], pixels: [k][2 vectors]
template <typename T, bool drops>
[[gnu::always_inline]] inline void tile(const T* weights, const T* pixels, std::int64_t count, const Ends<T>& ends, T* sums) {
  typedef T V __attribute__((vector_size(kVectorBytes)));
  constexpr std::int64_t lanes = kVectorBytes / static_cast<int>(sizeof(T));
  V low[kRows], high[kRows];
  for (int r = 0; r < kRows; ++r) {
    low[r] = *reinterpret_cast<const V*>(sums + r * 2 * lanes);
    high[r] = *reinterpret_cast<const V*>(sums + r * 2 * lanes + lanes);
  }
  const auto add = [&](V & sum, const V& x, T w) __attribute__((always_inline)) {
    V product = x * w;
    if constexpr (drops) product = (product + ends.half) >> ends.dropped_bits;
    sum += product;
    sum = sum > ends.largest ? V{} + ends.largest : sum;
    sum = sum < ends.least ? V{} + ends.least : sum;
  };
  for (std::int64_t k = 0; k < count; ++k) {
    const V a = *reinterpret_cast<const V*>(pixels + k * 2 * lanes);
    const V b = *reinterpret_cast<const V*>(pixels + k * 2 * lanes + lanes);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      add(low[r], a, weights[k * kRows + r]);
      add(high[r], b, weights[k * kRows + r]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    *reinterpret_cast<V*>(sums + r * 2 * lanes) = low[r];
    *reinterpret_cast<V*>(sums + r * 2 * lanes + lanes) = high[r];
  }
}

template <typename T>
using Tile = void (*)(const T*, const T*, std::int64_t, const Ends<T>&, T*);

#if defined(__x86_64__)
template <typename T, bool drops>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] void tile_avx512(const T* w, const T* x, std::int64_t count, const Ends<T>& ends, T* sums) {
  tile<T, drops>(w, x, count, ends, sums);
}
template <typename T, bool drops>
[[gnu::target("avx2")]] void tile_avx2(const T* w, const T* x, std::int64_t count, const Ends<T>& ends, T* sums) {
  tile<T, drops>(w, x, count, ends, sums);
}
#endif
template <typename T, bool drops>
void tile_base(const T* w, const T* x, std::int64_t count, const Ends<T>& ends, T* sums) {
  tile<T, drops>(w, x, count, ends, sums);
}

template <typename T, bool drops>
Tile<T> best_tile() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return tile_avx512<T, drops>;
  if (__builtin_cpu_supports("avx2")) return tile_avx2<T, drops>;
#endif
  return tile_base<T, drops>;
}

template <typename T>
void in_order(const Problem& p, const Accumulator& acc, std::span<std::int64_t> output, int threads, std::span<const std::int64_t> order) {
  constexpr std::int64_t width = 2 * kVectorBytes / static_cast<int>(sizeof(T));
  const std::int64_t K = p.k(), M = p.m(), N = p.n(), row_tiles = ceil_div(M, kRows), blocks = ceil_div(N, width);
  // Wrapping forgets nothing but the upper bits, which may as well be forgotten at the end.
  const bool wraps = acc.overflow == Overflow::wrap;
  const Ends<T> ends{wraps ? std::numeric_limits<T>::min() : static_cast<T>(acc.least()), wraps ? std::numeric_limits<T>::max() : static_cast<T>(acc.largest()),
                     static_cast<T>(acc.dropped_bits > 0 && acc.rounding == Rounding::nearest ? std::int64_t{1} << (acc.dropped_bits - 1) : 0),
                     acc.dropped_bits};
  const Tile<T> kernel = acc.dropped_bits > 0 ? best_tile<T, true>() : best_tile<T, false>();
  const auto at = [&](std::int64_t k) { return order.empty() ? k : order[static_cast<std::size_t>(k)]; };
  // A tile of filters goes over all pixels: weights are converted kRows at a time, so that a layer of a hundred million of them needs no second copy.
  for (std::int64_t group = 0; group < p.layer.groups; ++group) {
    const std::int64_t chunk = std::max<std::int64_t>(1, (std::int64_t{1} << 22) / (K * width));  // blocks of pixels gathered at a time
    for (std::int64_t first = 0; first < blocks; first += chunk) {
      const std::int64_t count = std::min(chunk, blocks - first);
      const auto pixels = aligned<T>(count * K * width);
#pragma omp parallel num_threads(threads)
      {
        const auto gathered = order.empty() ? Aligned<T>() : aligned<T>(K * width);
#pragma omp for schedule(dynamic, 1)
        for (std::int64_t b = 0; b < count; ++b) {
          T* to = pixels.get() + b * K * width;
          gather(p, group, (first + b) * width, width, order.empty() ? to : gathered.get());
          if (!order.empty())
            for (std::int64_t k = 0; k < K; ++k) std::copy_n(gathered.get() + at(k) * width, width, to + k * width);
        }
        const auto weights = aligned<T>(K * kRows), sums = aligned<T>(kRows * width);
#pragma omp for schedule(dynamic, 1)
        for (std::int64_t t = 0; t < row_tiles; ++t) {
          for (std::int64_t r = 0; r < kRows; ++r)
            for (std::int64_t k = 0; k < K; ++k)
              weights[static_cast<std::size_t>(k * kRows + r)] =
                  t * kRows + r < M ? static_cast<T>(p.weights[static_cast<std::size_t>(p.weight_index(group, at(k), t * kRows + r))]) : T{0};
          for (std::int64_t b = 0; b < count; ++b) {
            for (std::int64_t r = 0; r < kRows; ++r) {
              const std::int64_t m = t * kRows + r;
              const std::int64_t bias = p.bias.empty() || m >= M ? 0 : p.bias[static_cast<std::size_t>(group * M + m)];
              std::fill_n(sums.get() + r * width, width, static_cast<T>(acc.fit(bias)));
            }
            kernel(weights.get(), pixels.get() + b * K * width, K, ends, sums.get());
            const std::int64_t n0 = (first + b) * width;
            for (std::int64_t r = 0; r < std::min<std::int64_t>(kRows, M - t * kRows); ++r)
              for (std::int64_t i = 0; i < std::min(width, N - n0); ++i) {
                const std::int64_t sum = acc.fit(sums[static_cast<std::size_t>(r * width + i)]);
                output[static_cast<std::size_t>(p.output_index(group, n0 + i, t * kRows + r))] = p.relu && sum < 0 ? 0 : sum;
              }
          }
        }
      }
    }
  }
}

// Whole products: exact sums first, then what the accumulator would have kept of them.
void wrapping(const Problem& p, const Accumulator& acc, std::span<std::int64_t> output, int threads) {
  Problem plain = p;
  plain.relu = false;
  exact_convolution(plain, output, threads);
  for (std::int64_t& sum : output) {
    sum = acc.fit(sum);
    if (p.relu && sum < 0) sum = 0;
  }
}

}  // namespace

bool stays_inside(const Problem& p, const Accumulator& acc, int threads) {
  if (acc.is_exact()) return true;
  if (acc.dropped_bits > 0) return false;
  const std::int64_t largest = largest_magnitude(p.input), K = p.k();
  bool inside = true;
#pragma omp parallel for num_threads(threads) reduction(&& : inside) schedule(static)
  for (std::int64_t m = 0; m < p.layer.out_channels; ++m) {
    const std::int64_t weights = p.weights.visit([&](auto all) {
      std::int64_t sum = 0;
      for (std::int64_t k = 0; k < K; ++k) sum += std::abs(std::int32_t{all[static_cast<std::size_t>(m * K + k)]});
      return sum;
    });
    const std::int64_t bias = p.bias.empty() ? 0 : p.bias[static_cast<std::size_t>(m)];
    inside = inside && bias >= acc.least() && bias <= acc.largest() && weights * largest + std::abs(bias) <= acc.largest();
  }
  return inside;
}

void ordered_convolution(const Problem& p, const Accumulator& acc, std::span<std::int64_t> output, int threads, std::span<const std::int64_t> order) {
  assert(order.empty() || static_cast<std::int64_t>(order.size()) == p.k());
  if (stays_inside(p, acc, threads)) return exact_convolution(p, output, threads);
  if (acc.overflow == Overflow::wrap && acc.dropped_bits == 0) return wrapping(p, acc, output, threads);
  // 2^30 is the largest product; with a sum of 30 bits it stays inside an s32.
  if (acc.overflow == Overflow::saturate && acc.bits <= 30) return in_order<std::int32_t>(p, acc, output, threads, order);
  in_order<std::int64_t>(p, acc, output, threads, order);
}

}  // namespace convroof::spatial::fast
