// Reuse by kind, and the two bounds of main memory's accesses.
#include "workloads/reuse.h"

#include <gtest/gtest.h>

#include "workloads/network_file.h"

namespace convroof {
namespace {

// Sze et al., Proc. IEEE 105(12), 2017: "AlexNet ... 2896M DRAM accesses ... 61M in the best case"; 2,896 M is 4 x 724 M, rounded before.
TEST(Reuse, alexnets_bounds_are_the_surveys) {
  const ReuseBounds bounds = reuse_bounds(load_network("alexnet"), 1);
  EXPECT_EQ(bounds.no_reuse, 4ll * 724406816);
  EXPECT_EQ(bounds.full_reuse, 60954656 + 3 * 227 * 227 + 1000);
  EXPECT_EQ((bounds.full_reuse + 500000) / 1000000, 61);
}

// Counted tap by tap.
TEST(Reuse, a_small_layer_counted_by_hand) {
  LayerSpec l;
  l.in_channels = 2, l.in_height = 3, l.in_width = 4, l.out_channels = 6, l.groups = 2;
  l.kernel_height = 2, l.kernel_width = 3, l.pad_left = 1;
  l.out_height = 2, l.out_width = 3;
  validate(l);
  const LayerReuse r = reuse_of(l, 5);
  EXPECT_EQ(r.convolutional_weight, 6);
  // Rows 1, 2, 1 times; columns 2, 3, 2, 1 times (one window begins on padding): 4 x 8 = 32 uses of 12 pixels.
  EXPECT_DOUBLE_EQ(r.convolutional_input, 32.0 / 12);
  EXPECT_EQ(r.feature_map, 3);
  EXPECT_EQ(r.filter, 5);
  EXPECT_EQ(r.uses_of_weight, 30);
  EXPECT_DOUBLE_EQ(r.uses_of_input, 8.0);
  EXPECT_EQ(r.sums, 6);
  EXPECT_EQ(r.accesses_no_reuse, 4 * 6 * 6 * 6 * 5);
  EXPECT_EQ(r.accesses_full_reuse, 36 + 5 * (24 + 36));
}

TEST(Reuse, uses_times_words_are_the_macs_and_fully_connected_layers_only_reuse_over_the_batch) {
  for (const char* name : {"alexnet", "vgg16", "resnet50", "lenet5"})
    for (const NetworkLayer& layer : load_network(name).layers) {
      const LayerSpec& l = layer.spec;
      for (const std::int64_t batch : {1, 4, 64}) {
        const LayerReuse r = reuse_of(l, batch);
        if (!l.has_weights()) {
          EXPECT_EQ(r.accesses_no_reuse + r.accesses_full_reuse + r.uses_of_weight, 0);
          continue;
        }
        EXPECT_EQ(r.uses_of_weight * weight_count(l), macs(l) * batch);
        EXPECT_NEAR(r.uses_of_input * static_cast<double>(input_elements(l)), static_cast<double>(macs_valid(l)), 1e-6 * static_cast<double>(macs(l)));
        EXPECT_EQ(r.sums * output_elements(l), macs(l));
        if (l.op == Op::fc) {
          EXPECT_EQ(r.uses_of_weight, batch);
          EXPECT_DOUBLE_EQ(r.convolutional_input, 1.0);
        }
      }
    }
}

}  // namespace
}  // namespace convroof
