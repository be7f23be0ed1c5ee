// The two 16-bit floating types as stored: IEEE binary16 (f16) and bfloat16 (bf16). Conversions round to nearest, ties to even; NaN stays NaN.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace convroof {

struct BFloat16 {
  std::uint16_t bits = 0;

  BFloat16() = default;
  explicit BFloat16(float value) {
    const std::uint32_t word = std::bit_cast<std::uint32_t>(value);
    bits = std::isnan(value) ? static_cast<std::uint16_t>((word >> 16) | 0x40) : static_cast<std::uint16_t>((word + 0x7fff + ((word >> 16) & 1)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

struct Float16 {
  std::uint16_t bits = 0;

  Float16() = default;
  explicit Float16(float value) {
    const std::uint32_t word = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>((word >> 16) & 0x8000);
    const float magnitude = std::fabs(value);
    if (std::isnan(value)) {
      bits = static_cast<std::uint16_t>(sign | 0x7e00);
    } else if (magnitude >= 65520.0f) {  // rounds beyond the largest finite value, 65504
      bits = static_cast<std::uint16_t>(sign | 0x7c00);
    } else if (magnitude < 0x1p-14f) {  // subnormal: a multiple of 2^-24, rounded by the FPU's own nearest-even
      bits = static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(magnitude * 0x1p24f)));
    } else {
      const std::uint32_t m = word & 0x7fffffff;
      const std::uint32_t rounded = m + 0xfff + ((m >> 13) & 1);
      bits = static_cast<std::uint16_t>(sign | ((rounded - (112u << 23)) >> 13));
    }
  }
  explicit operator float() const {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
    const std::uint32_t exponent = (bits >> 10) & 0x1f, fraction = bits & 0x3ff;
    if (exponent == 0) {
      const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
      return sign != 0 ? -magnitude : magnitude;
    }
    if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  }
};

}  // namespace convroof
