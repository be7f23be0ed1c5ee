// Which elements of a tensor stay when it is pruned. Exact counts, no matter how many threads look.
#pragma once

#include <cstdint>

#include "workloads/density.h"
#include "workloads/layer.h"

namespace convroof {

// Keeps exactly `kept` of `count` elements of a random stream: those of the largest rank, the lower index first among equals.
class LargestRanks {
 public:
  static LargestRanks all() { return {}; }
  LargestRanks(std::uint64_t key, std::int64_t count, std::int64_t kept);

  bool keeps(std::uint32_t rank, std::int64_t index) const { return rank > rank_ || (rank == rank_ && index <= last_index_); }

 private:
  LargestRanks() = default;
  std::uint32_t rank_ = 0;  // everything above stays; of this rank only indices up to last_index_
  std::int64_t last_index_ = INT64_MAX;
};

// For each of `count` consecutive input channels at one filter and tap, true where N:M keeps the weight: the `n` largest ranks of every `m`.
// `rank_at(c)` gives the rank of channel c. Calls drop(c) for every channel that is not kept.
template <typename RankAt, typename Drop>
void drop_by_n_of_m(int n, int m, std::int64_t count, RankAt&& rank_at, Drop&& drop) {
  for (std::int64_t first = 0; first < count; first += m) {
    const std::int64_t end = first + m < count ? first + m : count;
    for (std::int64_t c = first; c < end; ++c) {
      // Kept when fewer than n others of the group stand before it.
      const std::uint32_t rank = rank_at(c);
      int before = 0;
      for (std::int64_t other = first; other < end; ++other) {
        const std::uint32_t rival = rank_at(other);
        if (rival > rank || (rival == rank && other < c)) ++before;
      }
      if (before >= n) drop(c);
    }
  }
}

}  // namespace convroof
