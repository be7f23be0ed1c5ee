#include "backends/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace convroof {
namespace {

TEST(Float16, every_value_survives_the_round_trip) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    Float16 half;
    half.bits = static_cast<std::uint16_t>(bits);
    const auto value = static_cast<float>(half);
    if (std::isnan(value)) continue;
    EXPECT_EQ(Float16(value).bits, half.bits) << bits;
  }
}

TEST(Float16, rounds_to_nearest_even) {
  EXPECT_EQ(static_cast<float>(Float16(1.0f + 0x1p-11f)), 1.0f);                // a tie: to even, down
  EXPECT_EQ(static_cast<float>(Float16(1.0f + 3 * 0x1p-11f)), 1.0f + 0x1p-9f);  // a tie: to even, up
  EXPECT_EQ(static_cast<float>(Float16(65519.0f)), 65504.0f);
  EXPECT_TRUE(std::isinf(static_cast<float>(Float16(65520.0f))));
  EXPECT_EQ(static_cast<float>(Float16(0x1p-25f)), 0.0f);
  EXPECT_EQ(static_cast<float>(Float16(3 * 0x1p-25f)), 0x1p-23f);
}

TEST(BFloat16, every_value_survives_the_round_trip) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    BFloat16 b;
    b.bits = static_cast<std::uint16_t>(bits);
    const auto value = static_cast<float>(b);
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(static_cast<float>(BFloat16(value))));
    else
      EXPECT_EQ(BFloat16(value).bits, b.bits);
  }
}

TEST(Tensor, poison_is_not_a_result) {
  Tensor floats(ElementType::f32, {1, 2, 3, 4});
  floats.poison();
  for (int i = 0; i < 24; ++i) EXPECT_TRUE(std::isnan(floats.value(i)));
  Tensor integers(ElementType::s32, {2, 1, 1, 1});
  integers.poison();
  EXPECT_EQ(integers.as<std::int32_t>()[1], std::numeric_limits<std::int32_t>::min());
}

TEST(Tensor, stores_saturated_integers) {
  Tensor t(ElementType::s8, {1, 1, 1, 3});
  t.set_value(0, 1e9), t.set_value(1, -1e9), t.set_value(2, 2.5);
  EXPECT_EQ(t.as<std::int8_t>()[0], 127);
  EXPECT_EQ(t.as<std::int8_t>()[1], -128);
  EXPECT_EQ(t.as<std::int8_t>()[2], 2);
}

TEST(Tensor, refuses_to_overflow) { EXPECT_THROW(Tensor(ElementType::f32, {1ll << 40, 1ll << 40, 1, 1}), std::overflow_error); }

}  // namespace
}  // namespace convroof
