#include "backends/cuda/network/buffer_plan.h"

#include <gtest/gtest.h>

#include <random>

#include "backends/cuda/network/network_plan.h"
#include "workloads/network_file.h"

namespace convroof::cuda {
namespace {

void expect_sound(const std::vector<BufferNeed>& needs, const BufferPlan& plan) {
  ASSERT_EQ(plan.offsets.size(), needs.size());
  for (std::size_t a = 0; a < needs.size(); ++a) {
    EXPECT_EQ(plan.offsets[a] % kBufferAlignment, 0);
    EXPECT_GE(plan.offsets[a], 0);
    EXPECT_LE(plan.offsets[a] + needs[a].bytes, plan.bytes);
    for (std::size_t b = 0; b < a; ++b) {
      const bool in_time = needs[a].first_step <= needs[b].last_step && needs[b].first_step <= needs[a].last_step;
      const bool in_space = plan.offsets[a] < plan.offsets[b] + needs[b].bytes && plan.offsets[b] < plan.offsets[a] + needs[a].bytes;
      EXPECT_FALSE(in_time && in_space) << a << " and " << b;
    }
  }
  EXPECT_GE(plan.bytes, most_alive(needs));
}

TEST(BufferPlan, a_chain_needs_its_two_largest_neighbours) {
  const std::vector<BufferNeed> needs = {{4096, 0, 0}, {8192, 0, 1}, {2048, 1, 2}, {1, 2, 3}};
  const BufferPlan plan = plan_buffers(needs);
  expect_sound(needs, plan);
  EXPECT_EQ(plan.bytes, 4096 + 8192);
}

TEST(BufferPlan, a_buffer_that_outlives_others_is_not_written_over) {
  const std::vector<BufferNeed> needs = {{1000, 0, 9}, {1000, 0, 1}, {1000, 1, 2}, {1000, 2, 3}};
  const BufferPlan plan = plan_buffers(needs);
  expect_sound(needs, plan);
  EXPECT_EQ(plan.bytes, 3 * kBufferAlignment);
}

TEST(BufferPlan, random_lives_never_share_bytes) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<BufferNeed> needs(1 + random() % 40);
    for (BufferNeed& need : needs) {
      need.bytes = random() % 9000;
      need.first_step = static_cast<int>(random() % 30);
      need.last_step = need.first_step + static_cast<int>(random() % 8);
    }
    expect_sound(needs, plan_buffers(needs));
  }
}

TEST(BufferPlan, sizes_beyond_64_bits_are_an_error) {
  EXPECT_THROW(plan_buffers(std::vector<BufferNeed>{{INT64_MAX - 5, 0, 1}, {INT64_MAX - 5, 0, 1}}), std::overflow_error);
}

TEST(NetworkPlan, every_shipped_network_is_planned_within_a_tenth_of_the_least_possible) {
  for (const std::string& name : shipped_network_names()) {
    const Network network = load_network(name);
    for (const KernelClass kind : {KernelClass::half2, KernelClass::mma, KernelClass::mma_2of4, KernelClass::wgmma, KernelClass::wgmma_2of4}) {
      const NetworkPlan plan = plan_network(network, 4, kind);
      ASSERT_EQ(plan.steps.size(), network.layers.size());
      expect_sound(plan.needs, plan.buffers);
      EXPECT_LE(static_cast<double>(plan.buffers.bytes), 1.1 * static_cast<double>(most_alive(plan.needs))) << name;
      // A layer writes where none of its inputs is read.
      for (const NetworkStep& step : plan.steps)
        for (const int input : step.inputs) EXPECT_LE(plan.needs[static_cast<std::size_t>(input)].first_step, step.layer);
    }
  }
}

TEST(NetworkPlan, what_cannot_be_chained_is_refused_by_name) {
  const auto refusal = [](const char* text) -> std::string {
    try {
      const Network network = parse_network(text, "test.toml");
      plan_network(network, 1, KernelClass::mma);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  // Twelve filters in three groups are padded to 3 x 8; the next layer wants one group of 12 padded to 16.
  EXPECT_NE(refusal(R"(
name = "padded"
input = [24, 6, 6]
[[layer]]
name = "a"
op = "conv"
out_channels = 12
kernel = 3
groups = 3
[[layer]]
name = "b"
op = "conv"
out_channels = 8
kernel = 1
)")
                .find("layer b: wants 1 groups of 12 channels padded to 16, and gets 3 of 4 padded to 8"),
            std::string::npos);
}

}  // namespace
}  // namespace convroof::cuda
