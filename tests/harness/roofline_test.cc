#include "harness/roofline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace convroof {
namespace {

using ::testing::HasSubstr;

Ceiling compute(double value, std::string unit_used = "fma", int threads = 1) {
  return {.device = "cpu",
          .kind = "compute",
          .type = "f32",
          .accumulator = "f32",
          .unit_used = std::move(unit_used),
          .value = value,
          .unit = "op/s",
          .threads = threads};
}

Ceiling bandwidth(std::string level, double value, std::int64_t capacity, int threads = 1) {
  return {.device = "cpu", .kind = "bandwidth", .level = std::move(level), .value = value, .unit = "B/s", .threads = threads, .capacity_bytes = capacity};
}

// 100 Gop/s; 200, 100, 80 and 20 GB/s.
std::vector<Ceiling> machine() {
  return {compute(100e9), bandwidth("L1", 200e9, 32 << 10), bandwidth("L2", 100e9, 1 << 20), bandwidth("L3", 80e9, 32 << 20), bandwidth("dram", 20e9, 0)};
}

RooflinePoint point(double macs, double bytes, double seconds) {
  return {.device = "cpu", .type = "f32", .accumulator = "f32", .unit_used = "fma", .seconds = seconds, .macs_executed = macs, .bytes_packed = bytes};
}

TEST(Roofline, high_intensity_is_bound_by_compute) {
  const RoofJudgement j = judge(point(1e9, 10e6, 0.04), machine());  // 50 Gop/s at 200 op/B
  EXPECT_EQ(j.bound, "compute");
  EXPECT_DOUBLE_EQ(j.roof_ops_per_second.value(), 100e9);
  EXPECT_DOUBLE_EQ(j.roof_fraction.value(), 0.5);
  EXPECT_FALSE(j.untrusted);
  EXPECT_EQ(j.explanation, "");
}

TEST(Roofline, the_innermost_level_that_holds_the_bytes_applies_when_warm) {
  const auto bound = [](double bytes) { return judge(point(bytes / 100, bytes, 1), machine()).bound; };  // 0.02 op/B: far below every ridge
  EXPECT_EQ(bound(32 << 10), "L1 bandwidth");
  EXPECT_EQ(bound((32 << 10) + 4), "L2 bandwidth");
  EXPECT_EQ(bound(1 << 20), "L2 bandwidth");
  EXPECT_EQ(bound(2 << 20), "L3 bandwidth");
  EXPECT_EQ(bound(33 << 20), "DRAM bandwidth");
}

TEST(Roofline, cold_is_judged_by_dram_however_small) {
  RooflinePoint p = point(100, 4096, 1);
  p.cache = CacheState::cold;
  const RoofJudgement j = judge(p, machine());
  EXPECT_EQ(j.bound, "DRAM bandwidth");
  EXPECT_DOUBLE_EQ(j.roof_ops_per_second.value(), 20e9 * 200 / 4096);
}

TEST(Roofline, above_the_roof_is_untrusted_and_says_why) {
  const RoofJudgement inside = judge(point(1e9, 10e6, 2e9 / 101.9e9), machine());
  EXPECT_FALSE(inside.untrusted);
  const RoofJudgement above = judge(point(1e9, 10e6, 2e9 / 102.1e9), machine());
  EXPECT_TRUE(above.untrusted);
  EXPECT_THAT(above.explanation, HasSubstr("102.1 % of its roof"));
  EXPECT_THAT(above.explanation, HasSubstr("compute"));
}

TEST(Roofline, unknown_without_a_roof_of_the_same_device_type_unit_accumulator_and_threads) {
  const auto expect_unknown = [](const RooflinePoint& p) {
    const RoofJudgement j = judge(p, machine());
    EXPECT_EQ(j.bound, "unknown");
    EXPECT_FALSE(j.roof_ops_per_second.has_value());
    EXPECT_FALSE(j.roof_fraction.has_value());
    EXPECT_FALSE(j.untrusted);
  };
  RooflinePoint p = point(1e9, 1e6, 1);
  p.device = "other";
  expect_unknown(p);
  p = point(1e9, 1e6, 1);
  p.type = "bf16";
  expect_unknown(p);
  p = point(1e9, 1e6, 1);
  p.unit_used = "scalar";
  expect_unknown(p);
  p = point(1e9, 1e6, 1);
  p.accumulator = "f64";
  expect_unknown(p);
  p = point(1e9, 1e6, 1);
  p.threads = 2;
  expect_unknown(p);
  EXPECT_EQ(judge(point(1e9, 1e6, 1), {}).bound, "unknown");
}

TEST(Roofline, a_devices_roofs_do_not_depend_on_the_hosts_threads) {
  RooflinePoint p = point(1e9, 1e6, 1);
  p.threads = 16;
  p.clock = Clock::device;
  EXPECT_EQ(judge(p, machine()).bound, "compute");
}

TEST(Roofline, layers_without_macs_are_judged_by_bandwidth_alone) {
  RooflinePoint p = point(0, 2e6, 1e-3);  // 2 GB/s of 80
  p.ops_other = 5e8;                      // intensity 250: a compute roof would apply to a convolution
  const RoofJudgement j = judge(p, machine());
  EXPECT_EQ(j.bound, "L3 bandwidth");
  EXPECT_NEAR(j.roof_fraction.value(), 2.0 / 80, 1e-12);  // the share of the bandwidth
}

TEST(Roofline, other_operations_count_towards_the_point) {
  RooflinePoint p = point(1e9, 10e6, 0.04);
  p.ops_other = 1e9;
  EXPECT_DOUBLE_EQ(judge(p, machine()).roof_fraction.value(), 0.75);
}

TEST(Roofline, dram_alone_says_nothing_about_a_warm_point_of_a_measured_device) {
  const std::vector<Ceiling> hidden{compute(100e9), bandwidth("dram", 20e9, 0)};
  EXPECT_EQ(judge(point(1e6, 1e6, 1e-4), hidden).bound, "compute");
  RooflinePoint cold = point(1e6, 1e6, 1e-4);
  cold.cache = CacheState::cold;
  EXPECT_EQ(judge(cold, hidden).bound, "DRAM bandwidth");
  RooflinePoint simulated = point(1e6, 1e6, 1e-4);
  simulated.clock = Clock::simulated;
  EXPECT_EQ(judge(simulated, hidden).bound, "DRAM bandwidth");
}

TEST(Roofline, of_levels_that_hold_equally_much_the_first_applies) {
  std::vector<Ceiling> roofs = machine();
  roofs.push_back(bandwidth("dram-copy", 30e9, 0));
  EXPECT_EQ(judge(point(1e6, 1e9, 1), roofs).bound, "DRAM bandwidth");
  RooflinePoint cold = point(1e3, 1e6, 1);
  cold.cache = CacheState::cold;
  EXPECT_EQ(judge(cold, roofs).bound, "DRAM bandwidth");
}

TEST(Roofline, no_bandwidth_at_all_leaves_compute) { EXPECT_EQ(judge(point(1e6, 1e6, 1), {compute(100e9)}).bound, "compute"); }

TEST(Roofline, nothing_executed_is_not_a_point) {
  EXPECT_EQ(judge(point(0, 1e6, 1), machine()).bound, "unknown");
  EXPECT_EQ(judge(point(1e6, 1e6, 0), machine()).bound, "unknown");
}

// Laws over many random machines and points.
TEST(Roofline, laws) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(0, 3);
  for (int trial = 0; trial < 5000; ++trial) {
    const double peak = 1e9 * std::pow(10, exponent(random)), outer = 1e8 * std::pow(10, exponent(random));
    const double inner = outer * std::pow(10, exponent(random) / 3);
    const std::vector<Ceiling> roofs{compute(peak), bandwidth("L1", inner, 32 << 10), bandwidth("dram", outer, 0)};
    RooflinePoint p = point(1e3 * std::pow(10, exponent(random)), 1e3 * std::pow(10, exponent(random)), 1e-6 * std::pow(10, exponent(random)));

    const RoofJudgement j = judge(p, roofs);
    ASSERT_TRUE(j.roof_ops_per_second && j.roof_fraction);
    EXPECT_LE(*j.roof_ops_per_second, peak);  // never above the compute roof
    EXPECT_NEAR(*j.roof_fraction * *j.roof_ops_per_second / p.ops_per_second(), 1, 1e-12);
    EXPECT_EQ(j.untrusted, *j.roof_fraction > kRoofTolerance);

    RooflinePoint slower = p;  // twice the time: half the fraction, the same roof
    slower.seconds *= 2;
    EXPECT_DOUBLE_EQ(*judge(slower, roofs).roof_ops_per_second, *j.roof_ops_per_second);
    EXPECT_LT(*judge(slower, roofs).roof_fraction, *j.roof_fraction);

    RooflinePoint fatter = p;  // more bytes for the same work never raise the roof
    fatter.bytes_packed *= 1.5;
    EXPECT_LE(*judge(fatter, roofs).roof_ops_per_second, *j.roof_ops_per_second * (1 + 1e-12));

    RooflinePoint cold = p;  // cold is never above warm
    cold.cache = CacheState::cold;
    EXPECT_LE(*judge(cold, roofs).roof_ops_per_second, *j.roof_ops_per_second * (1 + 1e-12));

    std::vector<Ceiling> better = roofs;  // a better machine never has a lower roof
    for (Ceiling& ceiling : better) ceiling.value *= 1.3;
    EXPECT_GE(*judge(p, better).roof_ops_per_second, *j.roof_ops_per_second);

    std::vector<Ceiling> reversed(roofs.rbegin(), roofs.rend());  // order does not matter
    EXPECT_EQ(judge(p, reversed).bound, j.bound);
  }
}

}  // namespace
}  // namespace convroof
