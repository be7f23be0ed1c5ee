#include "harness/pruning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <vector>

#include "harness/counter_random.h"

namespace convroof {
namespace {

TEST(LargestRanks, keep_exactly_as_many_as_asked_for_and_the_largest) {
  for (const std::int64_t count : {1, 2, 17, 1000, 200003})
    for (const double share : {0.0, 0.001, 0.1, 0.5, 0.999, 1.0}) {
      const std::int64_t kept = kept_of(share, count);
      const LargestRanks rule(42, count, kept);
      std::int64_t seen = 0;
      std::uint32_t smallest_kept = UINT32_MAX, largest_dropped = 0;
      for (std::int64_t i = 0; i < count; ++i) {
        const std::uint32_t rank = rank_of(random_bits(42, i));
        if (rule.keeps(rank, i))
          ++seen, smallest_kept = std::min(smallest_kept, rank);
        else
          largest_dropped = std::max(largest_dropped, rank);
      }
      EXPECT_EQ(seen, kept) << count << " " << share;
      if (kept > 0 && kept < count) {
        EXPECT_GE(smallest_kept, largest_dropped);
      }
    }
}

TEST(NOfM, keeps_n_of_every_full_group_and_the_largest_of_them) {
  const std::vector<std::uint32_t> ranks = {5, 1, 9, 3, 7, 7, 7, 7, 2, 8};
  std::vector<std::int64_t> dropped;
  drop_by_n_of_m(
      2, 4, 10, [&](std::int64_t c) { return ranks[static_cast<std::size_t>(c)]; }, [&](std::int64_t c) { dropped.push_back(c); });
  // 5 and 9 stay; of four equals the first two; of the last, short group both.
  EXPECT_EQ(dropped, (std::vector<std::int64_t>{1, 3, 6, 7}));
}

TEST(CounterRandom, neighbours_share_no_bits) {
  // A crude check that the halves of one word and words of neighbouring keys differ in about half of their bits.
  std::int64_t differing = 0;
  constexpr int kPairs = 10000;
  for (int i = 0; i < kPairs; ++i)
    differing += std::popcount(random_bits(7, 2 * i) ^ random_bits(7, 2 * i + 1)) + std::popcount(random_bits(7, i) ^ random_bits(8, i));
  EXPECT_NEAR(static_cast<double>(differing) / (2.0 * kPairs), 16.0, 0.2);
}

}  // namespace
}  // namespace convroof
