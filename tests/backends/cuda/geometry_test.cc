#include "backends/cuda/convolution/geometry.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "backends/cuda/convolution/two_of_four.h"
#include "backends/cuda/kernels/mma_convolution.h"

namespace convroof::cuda {
namespace {

LayerSpec convolution(std::int64_t channels, std::int64_t size, std::int64_t filters, std::int64_t kernel, std::int64_t stride = 1, std::int64_t pad = 0,
                      std::int64_t groups = 1, std::int64_t dilation = 1) {
  LayerSpec l;
  l.in_channels = channels, l.in_height = l.in_width = size, l.out_channels = filters, l.kernel_height = l.kernel_width = kernel;
  l.stride_height = l.stride_width = stride, l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = pad, l.groups = groups;
  l.dilation_height = l.dilation_width = dilation;
  l.out_height = l.out_width = output_extent(size, kernel, stride, dilation, pad, pad);
  return l;
}

// im2col by the kernels' own functions: every tap of every window finds the element that the plain definition names, or is outside where that is.
TEST(Geometry, tap_table_is_im2col) {
  for (const LayerSpec& layer : {convolution(3, 11, 8, 7, 2, 3), convolution(12, 6, 8, 3, 1, 1, 2), convolution(5, 9, 4, 2, 3, 2, 1, 3)}) {
    const Case c{.layer = layer, .type = DataType::f16, .batch = 2};
    const Geometry g = geometry_of(c, KernelClass::mma);
    const std::int64_t padded = g.input.padded_channels;
    for (int pixel = 0; pixel < g.shape.pixels; ++pixel)
      for (int group = 0; group < g.shape.groups; ++group) {
        const gpu::Window window = gpu::window_of(g.shape, pixel, group);
        const std::int64_t n = pixel / (layer.out_height * layer.out_width), p = pixel / layer.out_width % layer.out_height, q = pixel % layer.out_width;
        std::size_t at = 0;
        for (std::int64_t r = 0; r < layer.kernel_height; ++r)
          for (std::int64_t s = 0; s < layer.kernel_width; ++s)
            for (std::int64_t ch = 0; ch < padded; ch += g.vector, ++at) {
              const std::int64_t y = p * layer.stride_height + r * layer.dilation_height - layer.pad_top;
              const std::int64_t x = q * layer.stride_width + s * layer.dilation_width - layer.pad_left;
              const bool inside = y >= 0 && y < layer.in_height && x >= 0 && x < layer.in_width;
              ASSERT_EQ(gpu::is_inside(g.shape, window, g.taps[at]), inside);
              if (inside && ch < layer.in_channels_per_group()) {
                ASSERT_EQ(window.offset + g.taps[at].offset, g.input.index(n, group * layer.in_channels_per_group() + ch, y, x));
              }
            }
        for (; at < g.taps.size(); ++at) ASSERT_FALSE(gpu::is_inside(g.shape, window, g.taps[at]));
      }
  }
}

TEST(Geometry, few_channels_are_padded_to_four_and_others_to_eight) {
  EXPECT_EQ(geometry_of({.layer = convolution(3, 8, 8, 3), .type = DataType::f16}, KernelClass::mma).input.padded_channels, 4);
  EXPECT_EQ(geometry_of({.layer = convolution(5, 8, 8, 3), .type = DataType::f16}, KernelClass::mma).input.padded_channels, 8);
  EXPECT_EQ(geometry_of({.layer = convolution(64, 8, 8, 3), .type = DataType::f16}, KernelClass::mma).reduction, 64 * 9);
  EXPECT_EQ(geometry_of({.layer = convolution(3, 8, 8, 3), .type = DataType::f16}, KernelClass::mma).reduction, 64);     // 36, padded to 2 steps of 32
  EXPECT_EQ(geometry_of({.layer = convolution(3, 8, 8, 3), .type = DataType::f16}, KernelClass::wgmma).reduction, 128);  // 72, padded to 2 steps of 64
}

TEST(Geometry, what_indices_cannot_hold_is_refused_with_the_reason) {
  EXPECT_EQ(geometry_refusal({.layer = convolution(64, 56, 64, 3, 1, 1), .type = DataType::f16, .batch = 256}), "");
  EXPECT_NE(geometry_refusal({.layer = convolution(1, 20000, 1, 3), .type = DataType::f16}), "");
  EXPECT_NE(geometry_refusal({.layer = convolution(1, 8000, 1, 1), .type = DataType::f16, .batch = 64}), "");
}

// Every 8 rows x 16 bytes that one matrix of a matrix load touches lie in 8 different groups of 4 banks.
TEST(Swizzle, matrix_loads_have_no_bank_conflicts_and_pieces_stay_apart) {
  const auto check = [](int row_bytes, auto address) {
    std::set<int> all;
    for (int row = 0; row < 64; ++row)
      for (int piece = 0; piece < row_bytes / 16; ++piece) all.insert(address(row, piece));
    EXPECT_EQ(all.size(), 64u * static_cast<unsigned>(row_bytes) / 16);
    EXPECT_LT(*all.rbegin(), 64 * row_bytes);
    for (int first = 0; first < 64; first += 8)
      for (int piece = 0; piece < row_bytes / 16; ++piece) {
        std::set<int> banks;
        for (int row = first; row < first + 8; ++row) banks.insert(address(row, piece) / 16 % 8);
        EXPECT_EQ(banks.size(), 8u) << row_bytes << " " << first << " " << piece;
      }
  };
  check(64, gpu::swizzled<64>);
  check(32, gpu::swizzled<32>);
}

TEST(ChooseTile, large_layers_take_large_tiles_and_small_grids_are_split) {
  const std::vector<Tile> tiles = {{128, 128, 1.0}, {64, 64, 0.7}, {128, 16, 0.35}};
  const Geometry large = geometry_of({.layer = convolution(256, 56, 256, 3, 1, 1), .type = DataType::f16, .batch = 32}, KernelClass::mma);
  EXPECT_EQ(choose_tile(large, tiles, 32, 132).tile, 0);
  EXPECT_EQ(choose_tile(large, tiles, 32, 132).splits, 1);
  const Geometry small = geometry_of({.layer = convolution(512, 7, 512, 3, 1, 1), .type = DataType::f16, .batch = 1}, KernelClass::mma);
  EXPECT_GT(choose_tile(small, tiles, 32, 132).splits, 1);
  LayerSpec fc = convolution(4096, 1, 4096, 1);
  const Geometry one_pixel = geometry_of({.layer = fc, .type = DataType::f16, .batch = 1}, KernelClass::mma);
  EXPECT_EQ(choose_tile(one_pixel, tiles, 32, 132).tile, 2);
}

TEST(ChooseTile, splits_cover_the_reduction_without_empty_parts) {
  const std::vector<Tile> tiles = {{128, 128, 1.0}, {64, 64, 0.7}};
  for (const std::int64_t channels : {8, 40, 264, 1000})
    for (const int processors : {1, 40, 132}) {
      const Geometry g = geometry_of({.layer = convolution(channels, 7, 96, 3, 1, 1), .type = DataType::f16, .batch = 1}, KernelClass::mma);
      const TileChoice choice = choose_tile(g, tiles, 32, processors);
      const std::int64_t steps = g.reduction / 32;
      EXPECT_GE(static_cast<std::int64_t>(choice.splits) * choice.steps_a_split, steps);
      EXPECT_LT(static_cast<std::int64_t>(choice.splits - 1) * choice.steps_a_split, steps);
    }
}

TEST(TwoOfFour, random_fours_round_trip_in_order) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    std::array<Float16, 4> four{};
    for (int kept = static_cast<int>(random() % 3); kept > 0; --kept) four[random() % 4] = Float16(static_cast<float>(random() % 100) - 50);
    const KeptPair pair = compress_four(four);
    EXPECT_LT(pair.positions & 3, pair.positions >> 2);
    const std::array<Float16, 4> back = expand_four(pair);
    for (std::size_t i = 0; i < 4; ++i) ASSERT_EQ(static_cast<float>(back[i]), static_cast<float>(four[i]));
  }
  const std::array<Float16, 4> full = {Float16(1), Float16(0), Float16(2), Float16(3)};
  EXPECT_THROW(compress_four(full), std::invalid_argument);
}

// The words that lanes load, decoded by the tables of the PTX ISA, give back the positions of random pruned filters.
TEST(TwoOfFour, selection_words_hold_every_position_once) {
  const LayerSpec layer = convolution(24, 5, 37, 3, 1, 1);
  const Geometry g = geometry_of({.layer = layer, .type = DataType::f16}, KernelClass::mma_2of4);
  std::mt19937 random(2);
  constexpr std::uint8_t kPairs[] = {0x4, 0x8, 0xc, 0x9, 0xd, 0xe};  // every ascending pair of positions
  std::vector<std::uint8_t> positions(static_cast<std::size_t>(37 * g.reduction / 4));
  for (auto& position : positions) position = kPairs[random() % 6];
  const std::vector<std::uint32_t> words = selection_words(positions, g);
  const std::int64_t quads = g.reduction / 4, steps = g.reduction / 32;
  for (std::int64_t filter = 0; filter < 37; ++filter)
    for (std::int64_t quad = 0; quad < quads; ++quad) {
      const std::int64_t row = filter % 16, word = ((filter / 16 * steps + quad / 8) * 8 + row % 8) * 2 + quad % 8 / 4;
      ASSERT_EQ((words[static_cast<std::size_t>(word)] >> (row / 8 * 16 + quad % 4 * 4)) & 0xf, positions[static_cast<std::size_t>(filter * quads + quad)]);
    }
}

TEST(TwoOfFour, patterns_that_fit) {
  const auto n_of_m = [](int n, int m) { return fits_two_of_four({.pattern = WeightSparsity::Pattern::n_of_m, .n = n, .m = m}); };
  EXPECT_TRUE(n_of_m(2, 4));
  EXPECT_TRUE(n_of_m(1, 4));
  EXPECT_TRUE(n_of_m(1, 2));
  EXPECT_TRUE(n_of_m(2, 8));
  EXPECT_FALSE(n_of_m(3, 4));
  EXPECT_FALSE(n_of_m(4, 8));
  EXPECT_FALSE(n_of_m(2, 6));
  EXPECT_FALSE(fits_two_of_four({}));
}

}  // namespace
}  // namespace convroof::cuda
