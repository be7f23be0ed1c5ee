#include "backends/cuda/convolution/occupancy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/cuda/convolution/tiles.h"

namespace convroof::cuda {
namespace {

// By hand: 193 registers x 32 = 6176, rounded to 6400 a warp, 25600 a block of four warps: two blocks in 65536. 64 warps fit, 8 are there.
TEST(Occupancy, registers_end_it) {
  const Occupancy found = occupancy({128, 193, 36864}, described_device("a100"));
  EXPECT_EQ(found.blocks, 2);
  EXPECT_DOUBLE_EQ(found.share_of_warps, 8.0 / 64);
  EXPECT_EQ(found.limit, "registers");
}

// 96 KiB and 1 KiB of the system: two of them fit 228 KiB on Hopper, one 164 KiB on an A100, none 64 KiB on a T4.
TEST(Occupancy, shared_memory_ends_it) {
  EXPECT_EQ(occupancy({128, 32, 96 * 1024}, described_device("h200")).blocks, 2);
  EXPECT_EQ(occupancy({128, 32, 96 * 1024}, described_device("a100")).blocks, 1);
  EXPECT_EQ(occupancy({128, 32, 96 * 1024}, described_device("t4")).blocks, 0);
  EXPECT_EQ(occupancy({128, 32, 96 * 1024}, described_device("h200")).limit, "shared memory");
}

TEST(Occupancy, threads_and_blocks_end_it) {
  EXPECT_EQ(occupancy({1024, 32, 0}, described_device("rtx4090")).blocks, 1);
  EXPECT_EQ(occupancy({1024, 32, 0}, described_device("rtx4090")).limit, "threads");
  EXPECT_EQ(occupancy({32, 16, 0}, described_device("t4")).blocks, 16);
  EXPECT_EQ(occupancy({32, 16, 0}, described_device("t4")).limit, "blocks");
}

// Each tile of each class is in the list of what ptxas made of it, and fits the oldest device that it is for.
TEST(Occupancy, every_tile_was_compiled_and_fits_its_device) {
  struct Wanted {
    KernelClass kind;
    const char* name;
    const char* architecture;
    const char* profile;
  };
  for (const Wanted& wanted : {Wanted{KernelClass::half2, "half2", "sm_75", "t4"}, Wanted{KernelClass::mma, "mma", "sm_75", "t4"},
                               Wanted{KernelClass::mma_2of4, "mma-2of4", "sm_80", "rtx4090"}, Wanted{KernelClass::wgmma, "wgmma", "sm_90a", "h200"},
                               Wanted{KernelClass::wgmma_2of4, "wgmma-2of4", "sm_90a", "h200"}})
    for (const bool gather : {false, true}) {
      const std::vector<Tile> tiles = tiles_of(wanted.kind, gather);
      for (std::size_t i = 0; i < tiles.size(); ++i) {
        const std::string tile = std::to_string(tiles[i].rows) + "x" + std::to_string(tiles[i].columns);
        const auto compiled = compiled_kernel(wanted.architecture, wanted.name, tile, is_wgmma(wanted.kind) ? (gather ? "gathered" : "copied") : "vector8");
        ASSERT_TRUE(compiled) << wanted.name << " " << tile;
        EXPECT_GT(compiled->registers, 0);
        EXPECT_LE(compiled->registers, 255);
        const TileResources needs = resources_of(wanted.kind, gather, 8, static_cast<int>(i));
        EXPECT_GE(occupancy({needs.threads, compiled->registers, needs.shared_bytes}, described_device(wanted.profile)).blocks, 1)
            << wanted.name << " " << tile;
      }
    }
}

TEST(Occupancy, a_case_without_a_device_has_facts) {
  LayerSpec layer;
  layer.in_channels = layer.out_channels = 256;
  layer.in_height = layer.in_width = layer.out_height = layer.out_width = 28;
  layer.kernel_height = layer.kernel_width = 3;
  layer.pad_top = layer.pad_left = layer.pad_bottom = layer.pad_right = 1;
  const Case c{.layer = layer, .type = DataType::f16, .batch = 32};
  const auto facts = described_kernel_facts(KernelClass::wgmma, c, "h200");
  EXPECT_EQ(facts.at("tile"), "128x256x64");
  EXPECT_EQ(facts.at("threads_a_block"), "384");
  EXPECT_EQ(facts.at("machine_code"), "sm_90a");
  EXPECT_EQ(facts.at("blocks_a_multiprocessor"), "1");
  EXPECT_THAT(facts.at("pixels_copied_by"), testing::HasSubstr("im2col"));
  EXPECT_EQ(described_kernel_facts(KernelClass::mma, c, "rtx4090").at("machine_code"), "sm_80");
  EXPECT_TRUE(described_kernel_facts(KernelClass::mma, c, "no such device").contains("kernel_refused"));
}

}  // namespace
}  // namespace convroof::cuda
