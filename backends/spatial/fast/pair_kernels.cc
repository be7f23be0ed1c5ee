#include "backends/spatial/fast/pair_kernels.h"

#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace convroof::spatial::fast {
namespace {

template <typename W>
std::int32_t dot_from(std::int64_t first, const W* weights, const std::int16_t* pixels, std::int64_t count) {
  std::int32_t sum = 0;
  for (std::int64_t k = first; k < count; ++k) sum += static_cast<std::int32_t>(weights[k]) * pixels[k];
  return sum;
}

#if defined(__x86_64__)
// Eight filters keep 16 of the 32 registers of AVX-512 busy. (vpdpwssd in place of vpmaddwd and vpaddd: no faster on Zen 4.)
[[gnu::target("avx512f,avx512bw")]] void tile_avx512(const std::int32_t* w, const std::int16_t* x, std::int64_t steps, std::int32_t* sums) {
  constexpr int kRows = 8;
  __m512i low[kRows], high[kRows];
  for (int r = 0; r < kRows; ++r) low[r] = high[r] = _mm512_setzero_si512();
  for (std::int64_t step = 0; step < steps; ++step, w += kRows, x += 64) {
    const __m512i a = _mm512_load_si512(x), b = _mm512_load_si512(x + 32);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const __m512i both = _mm512_set1_epi32(w[r]);
      low[r] = _mm512_add_epi32(low[r], _mm512_madd_epi16(a, both));
      high[r] = _mm512_add_epi32(high[r], _mm512_madd_epi16(b, both));
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    _mm512_store_si512(sums + r * 32, low[r]);
    _mm512_store_si512(sums + r * 32 + 16, high[r]);
  }
}

// (_mm512_reduce_add_epi32 makes GCC 12 warn of its own header.)
[[gnu::target("avx512f,avx512bw")]] std::int32_t lanes_of(const __m512i* sum) {
  alignas(64) std::int32_t lanes[16];
  _mm512_store_si512(lanes, _mm512_add_epi32(_mm512_add_epi32(sum[0], sum[1]), _mm512_add_epi32(sum[2], sum[3])));
  std::int32_t total = 0;
  for (const std::int32_t lane : lanes) total += lane;
  return total;
}

[[gnu::target("avx512f,avx512bw")]] std::int32_t dot_avx512(const std::int16_t* w, const std::int16_t* x, std::int64_t count) {
  __m512i sum[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  std::int64_t k = 0;
  for (; k + 128 <= count; k += 128)
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) sum[u] = _mm512_add_epi32(sum[u], _mm512_madd_epi16(_mm512_loadu_si512(w + k + u * 32), _mm512_loadu_si512(x + k + u * 32)));
  return lanes_of(sum) + dot_from(k, w, x, count);
}

[[gnu::target("avx512f,avx512bw")]] std::int32_t dot_bytes_avx512(const std::int8_t* w, const std::int16_t* x, std::int64_t count) {
  __m512i sum[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  std::int64_t k = 0;
  for (; k + 128 <= count; k += 128)
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) {
      const __m512i weights = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + k + u * 32)));
      sum[u] = _mm512_add_epi32(sum[u], _mm512_madd_epi16(weights, _mm512_loadu_si512(x + k + u * 32)));
    }
  return lanes_of(sum) + dot_from(k, w, x, count);
}

// Of 16 registers, four filters take eight.
[[gnu::target("avx2")]] void tile_avx2(const std::int32_t* w, const std::int16_t* x, std::int64_t steps, std::int32_t* sums) {
  constexpr int kRows = 4;
  __m256i low[kRows], high[kRows];
  for (int r = 0; r < kRows; ++r) low[r] = high[r] = _mm256_setzero_si256();
  for (std::int64_t step = 0; step < steps; ++step, w += kRows, x += 32) {
    const __m256i a = _mm256_load_si256(reinterpret_cast<const __m256i*>(x)), b = _mm256_load_si256(reinterpret_cast<const __m256i*>(x + 16));
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m256i both = _mm256_set1_epi32(w[r]);
      low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(a, both));
      high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(b, both));
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(sums + r * 16), low[r]);
    _mm256_store_si256(reinterpret_cast<__m256i*>(sums + r * 16 + 8), high[r]);
  }
}

[[gnu::target("avx2")]] std::int32_t lanes_of(const __m256i* sum) {
  alignas(32) std::int32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), _mm256_add_epi32(_mm256_add_epi32(sum[0], sum[1]), _mm256_add_epi32(sum[2], sum[3])));
  std::int32_t total = 0;
  for (const std::int32_t lane : lanes) total += lane;
  return total;
}

[[gnu::target("avx2")]] std::int32_t dot_avx2(const std::int16_t* w, const std::int16_t* x, std::int64_t count) {
  __m256i sum[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
  std::int64_t k = 0;
  for (; k + 64 <= count; k += 64)
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) {
      const __m256i weights = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + k + u * 16));
      sum[u] = _mm256_add_epi32(sum[u], _mm256_madd_epi16(weights, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + k + u * 16))));
    }
  return lanes_of(sum) + dot_from(k, w, x, count);
}

[[gnu::target("avx2")]] std::int32_t dot_bytes_avx2(const std::int8_t* w, const std::int16_t* x, std::int64_t count) {
  __m256i sum[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
  std::int64_t k = 0;
  for (; k + 64 <= count; k += 64)
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) {
      const __m256i weights = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w + k + u * 16)));
      sum[u] = _mm256_add_epi32(sum[u], _mm256_madd_epi16(weights, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + k + u * 16))));
    }
  return lanes_of(sum) + dot_from(k, w, x, count);
}
#endif

void tile_portable(const std::int32_t* w, const std::int16_t* x, std::int64_t steps, std::int32_t* sums) {
  constexpr int kRows = 4, kWidth = 8;
  std::int32_t total[kRows][kWidth] = {};
  for (std::int64_t step = 0; step < steps; ++step, w += kRows, x += 2 * kWidth)
    for (int r = 0; r < kRows; ++r) {
      const auto first = static_cast<std::int16_t>(w[r] & 0xffff), second = static_cast<std::int16_t>(w[r] >> 16);
      for (int i = 0; i < kWidth; ++i) total[r][i] += first * x[2 * i] + second * x[2 * i + 1];
    }
  for (int r = 0; r < kRows; ++r)
    for (int i = 0; i < kWidth; ++i) sums[r * kWidth + i] = total[r][i];
}
std::int32_t dot_portable(const std::int16_t* w, const std::int16_t* x, std::int64_t count) { return dot_from(0, w, x, count); }
std::int32_t dot_bytes_portable(const std::int8_t* w, const std::int16_t* x, std::int64_t count) { return dot_from(0, w, x, count); }

}  // namespace

std::span<const PairKernels> pair_kernels() {
  static const std::vector<PairKernels> supported = [] {
    std::vector<PairKernels> list;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) list.push_back({"avx512", 8, 32, tile_avx512, dot_avx512, dot_bytes_avx512});
    if (__builtin_cpu_supports("avx2")) list.push_back({"avx2", 4, 16, tile_avx2, dot_avx2, dot_bytes_avx2});
#endif
    list.push_back({"portable", 4, 8, tile_portable, dot_portable, dot_bytes_portable});
    return list;
  }();
  return supported;
}

}  // namespace convroof::spatial::fast
