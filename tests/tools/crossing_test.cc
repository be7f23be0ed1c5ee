#include "tools/sparse/crossing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace convroof {
namespace {

// A sparse kernel whose time is proportional to the density and equals the dense one's at `even`, measured without noise.
DensityRounds proportional(double density, double even) { return {density, std::vector<double>(9, even / density)}; }

TEST(BreakEven, ExactRatiosGiveTheCrossingAndAnEmptyInterval) {
  for (const double even : {0.05, 0.3, 0.5}) {
    const BreakEven found = break_even(proportional(0.9 * even, even), proportional(1.1 * even, even));
    EXPECT_NEAR(found.density, even, 1e-12);
    EXPECT_NEAR(found.lowest, even, 1e-12);
    EXPECT_NEAR(found.highest, even, 1e-12);
  }
}

TEST(BreakEven, ExtrapolatesALittleAndStaysBelowOne) {
  EXPECT_NEAR(break_even(proportional(0.2, 0.3), proportional(0.25, 0.3)).density, 0.3, 1e-12);
  EXPECT_EQ(break_even(proportional(0.8, 1.4), proportional(0.9, 1.4)).density, 1);
}

TEST(BreakEven, NoisyRoundsGiveAnIntervalThatHoldsTheTruthNearlyAlwaysAndShrinksWithTheNoise) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> uniform(-1, 1);
  const auto noisy = [&](double density, double noise) {
    DensityRounds rounds = proportional(density, 0.4);
    for (double& ratio : rounds.dense_over_sparse) ratio *= 1 + noise * uniform(random);
    return rounds;
  };
  int held = 0;
  double width = 0, narrow_width = 0;
  for (int i = 0; i < 200; ++i) {
    const BreakEven found = break_even(noisy(0.34, 0.05), noisy(0.46, 0.05), 400);
    EXPECT_LE(found.lowest, found.density);
    EXPECT_GE(found.highest, found.density);
    held += found.lowest <= 0.4 && 0.4 <= found.highest;
    width += found.highest - found.lowest;
    const BreakEven narrow = break_even(noisy(0.34, 0.01), noisy(0.46, 0.01), 400);
    narrow_width += narrow.highest - narrow.lowest;
  }
  EXPECT_GE(held, 180);
  EXPECT_LT(narrow_width, width / 3);
}

TEST(BreakEven, ARatioThatDoesNotFallSaysNothing) {
  const BreakEven found = break_even({0.2, {1.5, 1.5, 1.5}}, {0.3, {1.5, 1.6, 1.7}});
  EXPECT_EQ(found.lowest, 0);
  EXPECT_EQ(found.highest, 1);
}

TEST(BreakEven, TheSameRoundsGiveTheSameInterval) {
  const DensityRounds sparser{0.2, {1.3, 1.1, 1.2, 1.4, 1.25}}, denser{0.3, {0.8, 0.9, 0.95, 0.7, 0.85}};
  EXPECT_EQ(break_even(sparser, denser).lowest, break_even(sparser, denser).lowest);
  EXPECT_EQ(break_even(sparser, denser).highest, break_even(sparser, denser).highest);
}

}  // namespace
}  // namespace convroof
