// The staircase from peak to rate: shares are shares, and together they are what was done.
#include "backends/spatial/model/staircase.h"

#include <gtest/gtest.h>

#include "backends/spatial/fast/families.h"
#include "tests/backends/spatial/random_layer.h"

namespace convroof::spatial {
namespace {

double product_of(const std::vector<Step>& steps) {
  double product = 1;
  for (const Step& step : steps) product *= step.share;
  return product;
}

TEST(Staircase, shares_multiply_to_the_rate_on_every_shipped_accelerator) {
  RandomLayers random(11);
  int checked = 0;
  for (const std::string& name : shipped_accelerator_names()) {
    const Accelerator a = load_accelerator(name);
    for (int i = 0; i < 20; ++i) {
      const Sample sample = random.layer(9);
      if (!why_not(a, sample.layer, sample.batch).empty()) continue;
      const Problem p = sample.problem();
      const Outcome o = fast::count(a, p);
      if (o.cycles == 0) continue;
      const std::vector<Step> steps = staircase(a, p, o);
      SCOPED_TRACE(name + " " + canonical_shape(sample.layer));
      for (const Step& step : steps) {
        EXPECT_GE(step.share, 0) << step.cause;
        EXPECT_LE(step.share, 1 + 1e-12) << step.cause;
      }
      const double done = static_cast<double>(o.macs) / (static_cast<double>(a.multipliers()) * static_cast<double>(o.cycles + o.stall_cycles));
      EXPECT_NEAR(product_of(steps), done, 1e-12);
      EXPECT_EQ(steps.front().cause, "array shape");
      EXPECT_EQ(steps.back().cause, "memory stalls");
      ++checked;
    }
  }
  EXPECT_GT(checked, 100);
}

// By hand: 2 x 2 array, K = 3, M = 3, N = 4, weight stationary: 4 folds of 4 + 2 * 2 + 2 - 2 clocks; three of them are partial.
TEST(Staircase, causes_of_a_systolic_layer_by_hand) {
  Sample s;
  s.layer.in_channels = 3, s.layer.in_height = 1, s.layer.in_width = 4, s.layer.out_channels = 3, s.layer.out_height = 1, s.layer.out_width = 4;
  Accelerator a;
  a.clock_hz = 1;
  SystolicArray array;
  array.rows = array.columns = 2;
  a.array = array;
  const Problem p{.layer = s.layer};
  const std::vector<Step> steps = staircase(a, p, fast::count(a, p));
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_DOUBLE_EQ(steps[0].share, 1.0);                  // every PE is used by the full fold
  EXPECT_DOUBLE_EQ(steps[1].share, (3.0 * 3) / (4 * 4));  // of 4 folds x 4 PEs
  EXPECT_DOUBLE_EQ(steps[2].share, 4.0 / 8);              // 4 of 8 clocks
  EXPECT_DOUBLE_EQ(steps[3].share, 1.0);
}

}  // namespace
}  // namespace convroof::spatial
