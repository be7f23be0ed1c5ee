#include "backends/spatial/fast/nonzero_bits.h"

#include <algorithm>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "workloads/checked.h"

namespace convroof::spatial::fast {
namespace {

void pack_row(const std::int16_t* values, std::int64_t width, std::uint64_t* words) {
  std::int64_t x = 0;
#if defined(__SSE2__)
  const __m128i zero = _mm_setzero_si128();
  const auto zeros_of_eight = [&](const std::int16_t* at) { return _mm_cmpeq_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)), zero); };
  for (; x + 64 <= width; x += 64) {
    std::uint64_t zeros = 0;
    for (int i = 0; i < 64; i += 16) {
      const __m128i sixteen = _mm_packs_epi16(zeros_of_eight(values + x + i), zeros_of_eight(values + x + i + 8));
      zeros |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(sixteen))) << i;
    }
    words[x / 64] = ~zeros;
  }
#endif
  for (; x < width; x += 64) {
    std::uint64_t word = 0;
    for (std::int64_t i = 0; i < std::min<std::int64_t>(64, width - x); ++i) word |= std::uint64_t{values[x + i] != 0} << i;
    words[x / 64] = word;
  }
}

}  // namespace

NonzeroBits::NonzeroBits(std::span<const std::int16_t> values, std::int64_t width, int threads) : words_(ceil_div(width, 64)) {
  const std::int64_t rows = static_cast<std::int64_t>(values.size()) / width;
  bits_.resize(static_cast<std::size_t>(checked_product(rows, words_)));
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t row = 0; row < rows; ++row) pack_row(values.data() + row * width, width, bits_.data() + row * words_);
}

}  // namespace convroof::spatial::fast
