#include "backends/spatial/fast/bank_conflicts.h"

#include <algorithm>
#include <tuple>

namespace convroof::spatial::fast {
namespace {

// Products for the fullest bank. `twice`: how many weights have each remainder, written twice in a row; `banks` is known to the compiler if kBanks is.
template <std::size_t kBanks>
std::uint32_t fullest(const std::uint8_t* twice, const BankPattern& inputs, std::size_t banks) {
  const std::size_t count = kBanks > 0 ? kBanks : banks;
  std::array<std::uint8_t, kBanks == 0 ? kMostBanks : kBanks> sums{};
  for (std::size_t i = 0; i < inputs.used; ++i) {
    const std::uint8_t* from = twice + (count - inputs.remainders[i]);
    for (std::size_t b = 0; b < count; ++b) sums[b] = static_cast<std::uint8_t>(sums[b] + from[b]);
  }
  std::uint8_t most = 1;  // a clock passes even if nothing is multiplied
  for (std::size_t b = 0; b < count; ++b) most = std::max(most, sums[b]);
  return most;
}

template <std::size_t kBanks>
std::uint64_t clocks(std::span<const BankPattern> weights, std::span<const BankPattern> inputs, std::size_t banks) {
  std::uint64_t total = 0;
  for (const BankPattern& w : weights) {
    std::array<std::uint8_t, 2 * kMostBanks> twice{};
    for (std::size_t i = 0; i < w.used; ++i) ++twice[w.remainders[i]], ++twice[w.remainders[i] + banks];
    std::uint64_t of_pattern = 0;
    for (const BankPattern& a : inputs) of_pattern += std::uint64_t{a.times} * fullest<kBanks>(twice.data(), a, banks);
    total += of_pattern * w.times;
  }
  return total;
}

}  // namespace

BankPattern::BankPattern(std::span<const std::int64_t> numbers, std::int64_t banks) {
  for (const std::int64_t number : numbers) {
    const std::int64_t shifted = (number - numbers.front()) % banks;
    remainders[used++] = static_cast<std::uint8_t>(shifted < 0 ? shifted + banks : shifted);
  }
  std::sort(remainders.begin(), remainders.begin() + used);
}

void merge(std::vector<BankPattern>& patterns) {
  const auto key = [](const BankPattern& p) { return std::tie(p.used, p.remainders); };
  std::ranges::sort(patterns, {}, key);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (kept > 0 && key(patterns[kept - 1]) == key(patterns[i]))
      patterns[kept - 1].times += patterns[i].times;
    else
      patterns[kept++] = patterns[i];
  }
  patterns.erase(patterns.begin() + static_cast<std::ptrdiff_t>(kept), patterns.end());
}

std::uint64_t crossbar_clocks(std::span<const BankPattern> weights, std::span<const BankPattern> inputs, std::int64_t banks) {
  return banks == 32 ? clocks<32>(weights, inputs, 32) : clocks<0>(weights, inputs, static_cast<std::size_t>(banks));
}

}  // namespace convroof::spatial::fast
