// Winograd convolutions: tiles of all sizes, borders, groups, and the algebra behind them.
#include <gtest/gtest.h>

#include "backends/highway/winograd_plan.h"
#include "backends/highway/winograd_points.h"
#include "tests/backends/highway/kernel_check.h"

namespace convroof::highway {
namespace {

struct Form {
  const char* variant;
  std::int64_t kernel;
};
constexpr Form kForms[] = {{"winograd2x2", 3}, {"winograd3x3", 3}, {"winograd4x4", 3}, {"winograd6x6", 3}, {"winograd2x2-5x5", 5}, {"winograd4x4-5x5", 5}};

TEST(Winograd, EverySizeOfMap) {
  for (const Form& form : kForms)
    for (std::int64_t size = 1; size <= 17; ++size) {
      const std::int64_t padding = form.kernel / 2;
      check(form.variant, convolution(5, 7, size, 18 - size, form.kernel, 1, padding));
    }
}

TEST(Winograd, Paddings) {
  for (const Form& form : kForms)
    for (const std::int64_t padding : {0, 1, 2, 4}) check(form.variant, convolution(17, 20, 9, 14, form.kernel, 1, padding));
}

TEST(Winograd, UnequalPaddings) {
  for (const Form& form : kForms) {
    LayerSpec layer = convolution(3, 18, 10, 13, form.kernel, 1, 1);
    layer.pad_top = 2;
    layer.pad_left = 0;
    layer.pad_bottom = 0;
    layer.pad_right = 3;
    layer.out_height = output_extent(10, form.kernel, 1, 1, 2, 0);
    layer.out_width = output_extent(13, form.kernel, 1, 1, 0, 3);
    check(form.variant, layer);
  }
}

TEST(Winograd, Groups) {
  for (const Form& form : kForms) {
    check(form.variant, convolution(34, 40, 8, 8, form.kernel, 1, 1, 2));
    check(form.variant, convolution(6, 6, 8, 8, form.kernel, 1, 1, 6));
    for (const int threads : {2, 3, 4}) check(form.variant, convolution(36, 40, 13, 13, form.kernel, 1, 1, 4), {.threads = threads, .all_targets = false});
  }
}

TEST(Winograd, ManyTilesBatchesAndThreads) {
  for (const Form& form : kForms)
    for (const int threads : {1, 2, 3}) {
      check(form.variant, convolution(20, 33, 7, 7, form.kernel, 1, form.kernel / 2), {.batch = 9, .threads = threads, .all_targets = false});
      check(form.variant, convolution(18, 17, 34, 61, form.kernel, 1, form.kernel / 2), {.threads = threads, .all_targets = false});
      check(form.variant, convolution(4, 4, 5, 260, form.kernel, 1, form.kernel / 2), {.threads = threads, .all_targets = false});
    }
}

// Shares end inside a block of tiles, between its filter blocks; more threads than filter blocks leave some of them without work.
TEST(Winograd, SharesThatEndInsideABlock) {
  for (const Form& form : kForms)
    for (const int threads : {2, 3, 8}) {
      check(form.variant, convolution(17, 50, 19, 27, form.kernel, 1, form.kernel / 2), {.threads = threads, .all_targets = false});
      check(form.variant, convolution(27, 75, 13, 13, form.kernel, 1, form.kernel / 2, 3), {.threads = threads, .all_targets = false});
    }
}

// One block whose data exceed a second-level cache: all threads transform it together.
TEST(Winograd, ThreadsTogetherOnOneBlock) {
  for (const int threads : {2, 3}) check("winograd4x4", convolution(1000, 20, 16, 16, 3, 1, 1), {.threads = threads, .all_targets = false});
}

TEST(Winograd, Epilogues) {
  for (const Form& form : kForms)
    for (const Activation activation : {Activation::none, Activation::relu, Activation::sigmoid, Activation::tanh}) {
      LayerSpec layer = convolution(20, 20, 9, 13, form.kernel, 1, 1);
      layer.activation = activation;
      check(form.variant, layer, {.all_targets = false});
      check(form.variant, layer, {.epilogue = Epilogue::none, .all_targets = false});
    }
}

TEST(Winograd, RealisticDepthKeepsTheAccuracyGate) {
  for (const Form& form : kForms) check(form.variant, convolution(256, 16, 13, 9, form.kernel, 1, form.kernel / 2), {.all_targets = false});
}

// F(m, r) must be exact in exact arithmetic: y[j] = sum over k of g[k] d[j + k].
template <class Points>
void expect_algebra(int taps, int m) {
  const int n = m + taps - 1;
  for (int j = 0; j < m; ++j)
    for (int k = 0; k < taps; ++k)
      for (int x = 0; x < n; ++x) {
        double sum = 0;
        for (int i = 0; i < n; ++i)
          sum += output_coefficient<Points>(n, m, j, i) * filter_coefficient<Points>(taps, place_of_point(Points::points, n, i), k) *
                 input_row<Points>(n, i)[static_cast<std::size_t>(x)];
        EXPECT_NEAR(sum, x == j + k ? 1.0 : 0.0, 1e-11) << "F(" << m << ", " << taps << ") output " << j << " tap " << k << " datum " << x;
      }
}

TEST(WinogradPoints, EveryNestedTileIsAConvolution) {
  expect_algebra<Points4>(3, 2);
  for (const int m : {2, 3, 4}) expect_algebra<Points6>(3, m);
  for (const int m : {2, 3, 4, 5, 6}) expect_algebra<Points8>(3, m);
  for (const int m : {1, 2}) expect_algebra<Points6>(5, m);
  for (const int m : {1, 2, 3, 4}) expect_algebra<Points8>(5, m);
}

TEST(WinogradPlan, CutsWithTheFewestProducts) {
  constexpr int kSizes[] = {4, 3, 2};
  const auto products = [&](std::int64_t extent) {
    int sum = 0;
    for (const AxisTile& tile : cut_axis(extent, kSizes, 3)) sum += tile.outputs + 2;
    return sum;
  };
  EXPECT_EQ(products(7), 11);
  EXPECT_EQ(products(13), 21);
  EXPECT_EQ(products(14), 22);
  EXPECT_EQ(products(28), 42);
  EXPECT_EQ(products(1), 4);
}

TEST(WinogradPlan, EveryOutputBelongsToOneTile) {
  constexpr int kSizes[] = {6, 4, 3, 2};
  for (const std::int64_t tiles : {1, 5, 28, 1000}) {
    const WinogradPlan plan = plan_winograd({.points = 8, .taps = 3, .sizes = kSizes, .images = 3, .height = 29, .width = 37, .tiles_per_block = tiles});
    std::vector<int> covered(3 * 29 * 37);
    for (const TileBlock& block : plan.blocks)
      for (std::int64_t n = block.images.begin; n < block.images.end; ++n)
        for (std::int64_t r = block.rows.begin; r < block.rows.end; ++r)
          for (std::int64_t c = block.columns.begin; c < block.columns.end; ++c) {
            const AxisTile &row = plan.rows[static_cast<std::size_t>(r)], &column = plan.columns[static_cast<std::size_t>(c)];
            for (std::int64_t y = row.begin; y < std::min<std::int64_t>(29, row.begin + row.outputs); ++y)
              for (std::int64_t x = column.begin; x < std::min<std::int64_t>(37, column.begin + column.outputs); ++x)
                ++covered[static_cast<std::size_t>((n * 29 + y) * 37 + x)];
          }
    for (const int times : covered) ASSERT_EQ(times, 1);
  }
}

}  // namespace
}  // namespace convroof::highway
