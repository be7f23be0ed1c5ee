// Integer arithmetic that refuses to overflow. Shapes come from files that anybody may write, so every product of sizes goes through here.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <stdexcept>

namespace convroof {

// a * b. Throws std::overflow_error when the product does not fit 63 bits and a sign.
inline std::int64_t checked_product(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) throw std::overflow_error("a product of sizes exceeds 2^63 - 1");
  return product;
}

// The product of all factors; 1 for none. Throws std::overflow_error.
inline std::int64_t checked_product(std::initializer_list<std::int64_t> factors) {
  std::int64_t product = 1;
  for (const std::int64_t factor : factors) product = checked_product(product, factor);
  return product;
}

// a + b. Throws std::overflow_error.
inline std::int64_t checked_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) throw std::overflow_error("a sum of sizes exceeds 2^63 - 1");
  return sum;
}

// ceil(a / b) for a >= 0, b > 0.
inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

}  // namespace convroof
