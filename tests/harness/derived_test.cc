#include "harness/derived.h"

#include <gtest/gtest.h>

namespace convroof {
namespace {

TEST(Rates, follow_their_definitions) {
  const Rates rates = rates_of(
      {.seconds = 2, .macs_dense = 100, .macs_valid = 80, .macs_executed = 40, .ops_other = 10, .bytes_compulsory = 50, .bytes_packed = 30, .bytes_dram = 60});
  EXPECT_DOUBLE_EQ(rates.ops_per_second, (2 * 40 + 10) / 2.0);
  EXPECT_DOUBLE_EQ(rates.ops_per_second_valid, 2 * 80 / 2.0);
  EXPECT_DOUBLE_EQ(rates.ops_per_second_effective, 2 * 100 / 2.0);
  EXPECT_DOUBLE_EQ(rates.intensity_effective.value(), 200.0 / 50);
  EXPECT_DOUBLE_EQ(rates.intensity_executed.value(), 90.0 / 30);
  EXPECT_DOUBLE_EQ(rates.intensity_dram.value(), 90.0 / 60);
}

TEST(Rates, have_no_intensity_where_there_are_no_bytes) {
  const Rates rates = rates_of({.seconds = 1, .macs_executed = 1});
  EXPECT_FALSE(rates.intensity_effective || rates.intensity_executed || rates.intensity_dram);
}

TEST(DramBytes, add_up_reads_and_writes_of_the_outermost_level_only) {
  const std::vector<Traffic> traffic = {{"dram", "input", 10, 0, 2}, {"dram", "output", 3, 7, 4}, {"global", "input", 1000, 1000, 2}};
  EXPECT_EQ(dram_bytes(traffic), 10u * 2 + 10u * 4);
  EXPECT_FALSE(dram_bytes({{"global", "input", 1, 1, 2}}));
  EXPECT_EQ(dram_bytes({{"dram", "input", 0, 0, 2}}), 0u);  // known: all of it stayed in the caches
}

}  // namespace
}  // namespace convroof
