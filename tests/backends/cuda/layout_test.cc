#include "backends/cuda/device/layout.h"

#include <gtest/gtest.h>

#include <random>

namespace convroof::cuda {
namespace {

Tensor random_tensor(Tensor::Shape shape, unsigned seed) {
  Tensor tensor(ElementType::f16, shape);
  std::mt19937 random(seed);
  for (std::int64_t i = 0; i < tensor.count(); ++i) tensor.set_value(i, std::uniform_int_distribution(-99, 99)(random));
  return tensor;
}

TEST(Layout, activations_round_trip_with_groups_and_padding) {
  for (const std::int64_t padded : {3, 4, 8}) {
    const ActivationLayout layout{.batch = 2, .groups = 2, .channels = 3, .padded_channels = padded, .height = 5, .width = 7};
    const Tensor tensor = random_tensor({2, 6, 5, 7}, 1);
    Tensor back(ElementType::f16, tensor.shape());
    unpack_activations(pack_activations(tensor, layout), layout, back);
    for (std::int64_t i = 0; i < tensor.count(); ++i) ASSERT_EQ(back.value(i), tensor.value(i)) << i;
  }
}

TEST(Layout, a_pixel_holds_its_groups_one_after_another_and_zeros_between) {
  const ActivationLayout layout{.batch = 1, .groups = 2, .channels = 1, .padded_channels = 4, .height = 1, .width = 2};
  Tensor tensor(ElementType::f16, {1, 2, 1, 2});
  for (int i = 0; i < 4; ++i) tensor.set_value(i, i + 1);  // channel 0: 1 2, channel 1: 3 4
  std::vector<float> packed;
  for (const Float16 value : pack_activations(tensor, layout)) packed.push_back(static_cast<float>(value));
  EXPECT_EQ(packed, (std::vector<float>{1, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0}));
}

TEST(Layout, filters_end_in_channels) {
  Tensor tensor(ElementType::f16, {1, 2, 1, 3});
  for (int i = 0; i < 6; ++i) tensor.set_value(i, i + 1);
  std::vector<float> packed;
  for (const Float16 value : pack_filters(tensor, 3)) packed.push_back(static_cast<float>(value));
  EXPECT_EQ(packed, (std::vector<float>{1, 4, 0, 2, 5, 0, 3, 6, 0}));
}

}  // namespace
}  // namespace convroof::cuda
