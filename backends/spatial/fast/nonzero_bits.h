// Which inputs are not zero, a bit each, and how many of a stretch are not.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace convroof::spatial::fast {

class NonzeroBits {
 public:
  // Rows of `width` inputs, each beginning at a word of 64 bits.
  NonzeroBits(std::span<const std::int16_t> values, std::int64_t width, int threads);

  // Of columns [begin, end) of a row; 0 <= begin <= end <= width.
  std::int64_t count(std::int64_t row, std::int64_t begin, std::int64_t end) const {
    if (begin >= end) return 0;
    const std::uint64_t* words = bits_.data() + row * words_;
    const std::int64_t first = begin / 64, last = (end - 1) / 64;
    const std::uint64_t head = ~std::uint64_t{0} << (begin % 64), tail = ~std::uint64_t{0} >> (63 - (end - 1) % 64);
    if (first == last) return std::popcount(words[first] & head & tail);
    std::int64_t sum = std::popcount(words[first] & head) + std::popcount(words[last] & tail);
    for (std::int64_t i = first + 1; i < last; ++i) sum += std::popcount(words[i]);
    return sum;
  }

  // The first column of [begin, end) that is not zero; `end` if there is none.
  std::int64_t next(std::int64_t row, std::int64_t begin, std::int64_t end) const {
    const std::uint64_t* words = bits_.data() + row * words_;
    while (begin < end) {
      const std::uint64_t word = words[begin / 64] >> (begin % 64);
      if (word != 0) return std::min(end, begin + std::countr_zero(word));
      begin = (begin / 64 + 1) * 64;
    }
    return end;
  }

 private:
  std::int64_t words_;
  std::vector<std::uint64_t> bits_;
};

}  // namespace convroof::spatial::fast
