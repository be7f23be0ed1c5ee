#include "backends/spatial/fast/exact_convolution.h"

#include <algorithm>
#include <vector>

#include "backends/spatial/fast/aligned.h"
#include "backends/spatial/fast/gather.h"
#include "workloads/checked.h"

namespace convroof::spatial::fast {
namespace {

// A vector of B bytes; compilers lower it to what the target has. Always inlined, so that no vector type crosses a function's border.
template <typename T, int B>
struct VectorOf {
  typedef T type __attribute__((vector_size(B)));
  static constexpr std::int64_t lanes = B / static_cast<int>(sizeof(T));
};

// Sums of `rows` filters x 2 vectors of pixels over k in [k0, k1).
//   weights: [k][rows], pixels: [k][2 * lanes], sums: [rows][2 * lanes]
template <typename T, int B, int rows>
[[gnu::always_inline]] inline void tile(const T* weights, const T* pixels, std::int64_t k0, std::int64_t k1, T* sums) {
  using V = typename VectorOf<T, B>::type;
  constexpr std::int64_t lanes = VectorOf<T, B>::lanes;
  V low[rows] = {}, high[rows] = {};
  for (std::int64_t k = k0; k < k1; ++k) {
    const V a = *reinterpret_cast<const V*>(pixels + k * 2 * lanes);
    const V b = *reinterpret_cast<const V*>(pixels + k * 2 * lanes + lanes);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const T w = weights[k * rows + r];
      low[r] += a * w;
      high[r] += b * w;
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
    *reinterpret_cast<V*>(sums + r * 2 * lanes) = low[r];
    *reinterpret_cast<V*>(sums + r * 2 * lanes + lanes) = high[r];
  }
}

// Sum over k of weights[k] * pixels[k], weights still s16.
template <typename T, int B>
[[gnu::always_inline]] inline T dot(const std::int16_t* weights, const T* pixels, std::int64_t k0, std::int64_t k1) {
  using V = typename VectorOf<T, B>::type;
  constexpr std::int64_t lanes = VectorOf<T, B>::lanes;
  typedef std::int16_t S __attribute__((vector_size(lanes * 2)));
  V sum[4] = {};
  std::int64_t k = k0;
  for (; k + 4 * lanes <= k1; k += 4 * lanes)
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) {
      S w;
      V x;
      __builtin_memcpy(&w, weights + k + u * lanes, sizeof(S));
      __builtin_memcpy(&x, pixels + k + u * lanes, sizeof(V));
      sum[u] += __builtin_convertvector(w, V) * x;
    }
  const V all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  T total = 0;
  for (std::int64_t i = 0; i < lanes; ++i) total += all[i];
  for (; k < k1; ++k) total += static_cast<T>(weights[k]) * pixels[k];
  return total;
}

// One set of instructions.
template <typename T>
struct Kernels {
  int rows;            // filters of a tile
  std::int64_t width;  // pixels of a tile
  void (*tile)(const T*, const T*, std::int64_t, std::int64_t, T*);
  T (*dot)(const std::int16_t*, const T*, std::int64_t, std::int64_t);
};

// Eight filters keep 16 of the 32 registers of AVX-512 busy; with 16 registers four filters do.
#if defined(__x86_64__)
template <typename T>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,fma")]] void tile_avx512(const T* w, const T* x, std::int64_t k0, std::int64_t k1, T* s) {
  tile<T, 64, 8>(w, x, k0, k1, s);
}
template <typename T>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,fma")]] T dot_avx512(const std::int16_t* w, const T* x, std::int64_t k0, std::int64_t k1) {
  return dot<T, 64>(w, x, k0, k1);
}
template <typename T>
[[gnu::target("avx2,fma")]] void tile_avx2(const T* w, const T* x, std::int64_t k0, std::int64_t k1, T* s) {
  tile<T, 32, 4>(w, x, k0, k1, s);
}
template <typename T>
[[gnu::target("avx2,fma")]] T dot_avx2(const std::int16_t* w, const T* x, std::int64_t k0, std::int64_t k1) {
  return dot<T, 32>(w, x, k0, k1);
}
#endif
template <typename T>
void tile_base(const T* w, const T* x, std::int64_t k0, std::int64_t k1, T* s) {
  tile<T, 16, 4>(w, x, k0, k1, s);
}
template <typename T>
T dot_base(const std::int16_t* w, const T* x, std::int64_t k0, std::int64_t k1) {
  return dot<T, 16>(w, x, k0, k1);
}

template <typename T>
Kernels<T> best_kernels() {
#if defined(__x86_64__)
  constexpr std::int64_t lanes = 64 / static_cast<std::int64_t>(sizeof(T));
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return {8, 2 * lanes, tile_avx512<T>, dot_avx512<T>};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {4, lanes, tile_avx2<T>, dot_avx2<T>};
#endif
  return {4, 32 / static_cast<std::int64_t>(sizeof(T)), tile_base<T>, dot_base<T>};
}

template <typename T>
class Convolution {
 public:
  // No partial sum of `chunk` consecutive products leaves the exact range of T.
  Convolution(const Problem& p, std::span<std::int64_t> output, int threads, std::int64_t chunk)
      : p_(p), output_(output), threads_(threads), chunk_(chunk), kernels_(best_kernels<T>()) {}

  void run() const {
    // Few pixels (a fully connected layer): the weights pass once, each with all pixels. Many: blocks of pixels, gathered once.
    for (std::int64_t group = 0; group < p_.layer.groups; ++group) p_.n() <= kFewPixels ? few(group) : many(group);
  }

 private:
  static constexpr std::int64_t kFewPixels = 8;

  void many(std::int64_t group) const {
    const std::int64_t K = p_.k(), M = p_.m(), N = p_.n(), rows = kernels_.rows, width = kernels_.width;
    const std::int64_t row_tiles = ceil_div(M, rows), blocks = ceil_div(N, width);
    const auto weights = aligned<T>(row_tiles * K * rows);
#pragma omp parallel for num_threads(threads_) schedule(static)
    for (std::int64_t t = 0; t < row_tiles; ++t)
      for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t m = t * rows + r;
        for (std::int64_t k = 0; k < K; ++k) {
          const std::int16_t w = m < M ? p_.weights[static_cast<std::size_t>(p_.weight_index(group, k, m))] : std::int16_t{0};
          weights[static_cast<std::size_t>((t * K + k) * rows + r)] = static_cast<T>(w);
        }
      }
#pragma omp parallel num_threads(threads_)
    {
      const auto pixels = aligned<T>(K * width), sums = aligned<T>(rows * width);
      std::vector<std::int64_t> totals(static_cast<std::size_t>(rows * width));
#pragma omp for schedule(dynamic, 1)
      for (std::int64_t b = 0; b < blocks; ++b) {
        gather(p_, group, b * width, width, pixels.get());
        for (std::int64_t t = 0; t < row_tiles; ++t) {
          std::ranges::fill(totals, 0);
          for (std::int64_t k = 0; k < K; k += chunk_) {
            kernels_.tile(weights.get() + t * K * rows, pixels.get(), k, std::min(K, k + chunk_), sums.get());
            for (std::int64_t i = 0; i < rows * width; ++i) totals[static_cast<std::size_t>(i)] += static_cast<std::int64_t>(sums[static_cast<std::size_t>(i)]);
          }
          for (std::int64_t r = 0; r < std::min(rows, M - t * rows); ++r)
            for (std::int64_t i = 0; i < std::min(width, N - b * width); ++i)
              output_[static_cast<std::size_t>(p_.output_index(group, b * width + i, t * rows + r))] =
                  p_.finished(group, t * rows + r, totals[static_cast<std::size_t>(r * width + i)]);
        }
      }
    }
  }

  void few(std::int64_t group) const {
    const std::int64_t K = p_.k(), M = p_.m(), N = p_.n();
    const auto pixels = aligned<T>(N * K);
    for (std::int64_t n = 0; n < N; ++n) gather(p_, group, n, 1, pixels.get() + n * K);
#pragma omp parallel for num_threads(threads_) schedule(static)
    for (std::int64_t m = 0; m < M; ++m)
      for (std::int64_t n = 0; n < N; ++n) {
        std::int64_t sum = 0;
        for (std::int64_t k = 0; k < K; k += chunk_)
          sum += static_cast<std::int64_t>(kernels_.dot(p_.weights.data() + p_.weight_index(group, 0, m), pixels.get() + n * K, k, std::min(K, k + chunk_)));
        output_[static_cast<std::size_t>(p_.output_index(group, n, m))] = p_.finished(group, m, sum);
      }
  }

  const Problem& p_;
  std::span<std::int64_t> output_;
  const int threads_;
  const std::int64_t chunk_;
  const Kernels<T> kernels_;
};

std::int64_t largest_magnitude(std::span<const std::int16_t> values) {
  std::int16_t low = 0, high = 0;
  for (const std::int16_t v : values) low = std::min(low, v), high = std::max(high, v);
  return std::max<std::int64_t>(high, -std::int64_t{low});
}

}  // namespace

void exact_convolution(const Problem& p, std::span<std::int64_t> output, int threads) {
  const std::int64_t largest_product = std::max<std::int64_t>(1, largest_magnitude(p.input) * largest_magnitude(p.weights));
  // A sum of n products is at most n times the largest, whatever their order.
  if (const std::int64_t products = (std::int64_t{1} << 24) / largest_product; products >= std::min<std::int64_t>(p.k(), 256))
    return Convolution<float>(p, output, threads, std::min(products, p.k())).run();
  Convolution<double>(p, output, threads, std::min<std::int64_t>((1ll << 53) / largest_product, p.k())).run();
}

}  // namespace convroof::spatial::fast
