#include "backends/cuda/device/modelled_traffic.h"

#include <gtest/gtest.h>

namespace convroof::cuda {
namespace {

std::uint64_t total(const std::vector<Traffic>& traffic) {
  std::uint64_t bytes = 0;
  for (const Traffic& t : traffic) bytes += (t.reads + t.writes) * static_cast<std::uint64_t>(t.word_bytes);
  return bytes;
}

constexpr TouchedBytes kTouched{.input = 1000, .weights = 300, .output = 70, .partial = 0};

TEST(ModelledTraffic, cold_operands_move_once) {
  EXPECT_EQ(total(modelled_dram_traffic(kTouched, CacheState::cold, 1 << 20)), 1370u);
  for (const Traffic& t : modelled_dram_traffic(kTouched, CacheState::cold, 0)) EXPECT_EQ(t.level, "dram");
}

TEST(ModelledTraffic, what_fits_the_cache_stays_there_when_warm) {
  EXPECT_EQ(total(modelled_dram_traffic(kTouched, CacheState::warm, 1370)), 0u);
  EXPECT_EQ(total(modelled_dram_traffic(kTouched, CacheState::warm, 1369)), 1370u);
}

TEST(ModelledTraffic, partial_sums_move_twice) {
  TouchedBytes split = kTouched;
  split.partial = 500;
  EXPECT_EQ(total(modelled_dram_traffic(split, CacheState::cold, 0)), 2370u);
}

}  // namespace
}  // namespace convroof::cuda
