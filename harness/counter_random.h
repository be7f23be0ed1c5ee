// Random bits by position: element `index` of the stream `key` is a pure function of both, so tensors are made by any number of threads in any order
// and the first image of a batch of 16 equals the only image of a batch of 1.
#pragma once

#include <cstdint>

namespace convroof {

// The finaliser of SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, with Stafford's constants.
inline std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// One 64-bit word serves two neighbouring elements.
inline std::uint32_t random_bits(std::uint64_t key, std::int64_t index) {
  const std::uint64_t position = static_cast<std::uint64_t>(index);
  const std::uint64_t word = mixed(key + (position >> 1) * 0x9e3779b97f4a7c15u);
  return static_cast<std::uint32_t>((position & 1) != 0 ? word >> 32 : word);
}

// What an element is made of: a sign and 31 bits whose order is the order of magnitudes.
inline bool is_negative(std::uint32_t bits) { return (bits >> 31) != 0; }
inline std::uint32_t rank_of(std::uint32_t bits) { return bits & 0x7fffffffu; }

}  // namespace convroof
