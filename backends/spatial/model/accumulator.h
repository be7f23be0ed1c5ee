// How a machine adds up: the width of a partial sum and what happens at its ends. Where sums saturate the order of additions matters, so each family
// states its order and both engines follow it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace convroof::spatial {

enum class Overflow { saturate, wrap };
enum class Rounding { truncate, nearest };  // truncate: towards minus infinity; nearest: ties upwards

struct Accumulator {
  int bits = 64;  // of a partial sum, sign included
  Overflow overflow = Overflow::saturate;
  int dropped_bits = 0;  // lowest bits of a product that never reach the adder
  Rounding rounding = Rounding::truncate;

  // 64 bits hold any sum of s16 products that fits a computer; no end is ever met there.
  bool is_exact() const { return bits >= 64 && dropped_bits == 0; }
  std::int64_t largest() const { return bits >= 64 ? INT64_MAX : (std::int64_t{1} << (bits - 1)) - 1; }
  std::int64_t least() const { return -largest() - 1; }

  std::int64_t fit(std::int64_t sum) const {
    if (bits >= 64) return sum;
    if (overflow == Overflow::saturate) return std::clamp(sum, least(), largest());
    const int unused = 64 - bits;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(sum) << unused) >> unused;
  }
  std::int64_t product(std::int64_t input, std::int64_t weight) const {
    const std::int64_t exact = input * weight;
    if (dropped_bits == 0) return exact;
    return (exact + (rounding == Rounding::nearest ? std::int64_t{1} << (dropped_bits - 1) : 0)) >> dropped_bits;
  }
  // One multiply-accumulate.
  std::int64_t add(std::int64_t sum, std::int64_t input, std::int64_t weight) const { return fit(sum + product(input, weight)); }

  bool operator==(const Accumulator&) const = default;
};

}  // namespace convroof::spatial
