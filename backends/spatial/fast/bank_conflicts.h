// Clocks that the crossbar of a Cartesian-product machine takes for a vector of inputs times a vector of weights: as many as the fullest bank gets
// products, at least one. The bank of a product is (a number of the input + a number of the weight) mod banks, so only these remainders matter, and
// shifting all inputs by the same amount changes nothing: vectors with equal differences are counted once with their multiplicity.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace convroof::spatial::fast {

inline constexpr std::size_t kMostInVector = 15;
inline constexpr std::size_t kMostBanks = 256;

// A vector without its placeholders.
struct BankPattern {
  std::array<std::uint8_t, kMostInVector> remainders{};  // the first `used`, less the first one's, sorted; the rest 0
  std::uint8_t used = 0;
  std::uint32_t times = 1;

  BankPattern(std::span<const std::int64_t> numbers, std::int64_t banks);
};

// Sorts and adds up equal ones.
void merge(std::vector<BankPattern>& patterns);

// Of every pattern of inputs with every pattern of weights, times their multiplicities.
std::uint64_t crossbar_clocks(std::span<const BankPattern> weights, std::span<const BankPattern> inputs, std::int64_t banks);

}  // namespace convroof::spatial::fast
