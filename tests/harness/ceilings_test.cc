#include "harness/ceilings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

namespace convroof {
namespace {

using ::testing::HasSubstr;

Ceiling roof(std::string type, double value, double theoretical = 0) {
  return {.device = "cpu",
          .kind = "compute",
          .type = std::move(type),
          .accumulator = "f32",
          .unit_used = "fma",
          .value = value,
          .unit = "op/s",
          .spread = 0.01,
          .theoretical = theoretical,
          .source = "measured",
          .method = "test"};
}

class FakeBackend final : public Backend {
 public:
  std::function<std::vector<Ceiling>(DataType, int)> compute;
  std::function<std::vector<Ceiling>(int)> bandwidth = [](int) { return std::vector<Ceiling>(); };
  Support support;

  std::string name() const override { return "fake"; }
  std::string device() const override { return "cpu"; }
  Clock clock() const override { return Clock::host; }
  Support available() const override { return support; }
  DataType native_type() const override { return DataType::f32; }
  std::vector<Variant> variants() const override { return {}; }
  Support supports(const Variant&, const Case&) const override { return {}; }
  std::unique_ptr<Kernel> prepare(const Variant&, const Case&, const Operands&) override { return nullptr; }
  std::vector<Ceiling> compute_ceilings(DataType type, int threads) override { return compute(type, threads); }
  std::vector<Ceiling> bandwidth_ceilings(int threads) override { return bandwidth(threads); }
};

TEST(Ceilings, each_type_is_asked_for_once_at_the_given_threads) {
  FakeBackend backend;
  std::vector<std::pair<DataType, int>> asked;
  backend.compute = [&](DataType type, int threads) {
    asked.emplace_back(type, threads);
    return std::vector{roof(std::string(name_of(type)), 1e9)};
  };
  const std::vector<Ceiling> all = gather_ceilings({{&backend, {DataType::f32, DataType::s8}}}, 3);
  EXPECT_EQ(asked, (std::vector<std::pair<DataType, int>>{{DataType::f32, 3}, {DataType::s8, 3}}));
  EXPECT_EQ(all.size(), 2u);
}

TEST(Ceilings, nonsense_never_reaches_a_results_file) {
  FakeBackend backend;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();
  backend.compute = [&](DataType, int) {
    Ceiling odd = roof("f32", 5e9, kInfinity);
    odd.spread = kNan;
    odd.clock_hz = -1;
    return std::vector{roof("a", kNan), roof("b", kInfinity), roof("c", 0), roof("d", -1), odd};
  };
  const std::vector<Ceiling> all = gather_ceilings({{&backend, {DataType::f32}}}, 1);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].value, 5e9);
  EXPECT_EQ(all[0].spread, 0);
  EXPECT_EQ(all[0].clock_hz, 0);
  EXPECT_EQ(all[0].theoretical, 0);
}

TEST(Ceilings, a_failing_device_is_reported_and_the_others_go_on) {
  FakeBackend bad, good, absent;
  bad.compute = [](DataType, int) -> std::vector<Ceiling> { throw std::runtime_error("device lost"); };
  good.compute = [](DataType, int) { return std::vector{roof("f32", 1e9)}; };
  absent.support = Support::no("not built");
  absent.compute = [](DataType, int) -> std::vector<Ceiling> { throw std::logic_error("was asked"); };
  std::vector<std::string> warnings;
  const auto all =
      gather_ceilings({{&bad, {DataType::f32}}, {&absent, {DataType::f32}}, {&good, {DataType::f32}}}, 1, [&](const std::string& w) { warnings.push_back(w); });
  EXPECT_EQ(all.size(), 1u);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("device lost"));
}

TEST(Ceilings, theory_is_held_against_the_measurement) {
  EXPECT_FALSE(objection_to(roof("f32", 95e9, 100e9)));
  EXPECT_FALSE(objection_to(roof("f32", 101e9, 100e9)));
  EXPECT_FALSE(objection_to(roof("f32", 1e9, 0)));  // no theory
  EXPECT_THAT(objection_to(roof("f32", 150e9, 100e9)).value_or(""), HasSubstr("150 % of theory"));
  EXPECT_THAT(objection_to(roof("f32", 30e9, 100e9)).value_or(""), HasSubstr("30 % of theory"));
  FakeBackend backend;
  backend.compute = [](DataType, int) { return std::vector{roof("f32", 150e9, 100e9)}; };
  EXPECT_THAT(gather_ceilings({{&backend, {DataType::f32}}}, 1).at(0).method, HasSubstr("FLAGGED"));
}

TEST(Ceilings, merging_keeps_the_best_of_each_and_a_spread_that_covers_both) {
  const auto merged = merge_ceilings({roof("f32", 100), roof("s8", 10)}, {roof("f32", 80), roof("bf16", 7)});
  ASSERT_EQ(merged.size(), 3u);
  EXPECT_EQ(merged[0].value, 100);
  EXPECT_GE(merged[0].spread, 0.2);
  EXPECT_EQ(merged[1].value, 10);
  EXPECT_EQ(merged[2].value, 7);
  EXPECT_EQ(merge_ceilings({roof("f32", 80)}, {roof("f32", 100)}).at(0).value, 100);
}

TEST(Ceilings, thread_counts_are_different_roofs) {
  Ceiling one = roof("f32", 100), two = roof("f32", 190);
  two.threads = 2;
  EXPECT_EQ(merge_ceilings({one}, {two}).size(), 2u);
}

}  // namespace
}  // namespace convroof
