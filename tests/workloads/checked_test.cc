#include "workloads/checked.h"

#include <gtest/gtest.h>

#include <limits>

namespace convroof {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

TEST(Checked, products_up_to_the_limit_are_exact) {
  EXPECT_EQ(checked_product(kLargest, 1), kLargest);
  EXPECT_EQ(checked_product({2, 3, 5, 7}), 210);
  EXPECT_EQ(checked_product({}), 1);
}

TEST(Checked, one_more_is_refused) {
  EXPECT_THROW(checked_product(1ll << 32, 1ll << 31), std::overflow_error);
  EXPECT_THROW(checked_product({1ll << 31, 1ll << 31, 2}), std::overflow_error);
  EXPECT_THROW(checked_sum(kLargest, 1), std::overflow_error);
}

TEST(Checked, ceil_div_rounds_up_only_when_something_is_left) {
  EXPECT_EQ(ceil_div(0, 3), 0);
  EXPECT_EQ(ceil_div(3, 3), 1);
  EXPECT_EQ(ceil_div(4, 3), 2);
  EXPECT_EQ(ceil_div(kLargest, 1), kLargest);
}

}  // namespace
}  // namespace convroof
