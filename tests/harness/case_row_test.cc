#include "harness/case_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <string>

#include "harness/benchmark_view.h"
#include "harness/run_document.h"

namespace convroof {
namespace {

class CaseRow : public ::testing::Test {
 protected:
  CaseRow() : plan_(make_plan(options())), row_(planned_row(plan_, plan_.cases[0])) {}
  static RunOptions options() {
    RunOptions options;
    options.networks = {"lenet5"};
    options.backends = {"reference"};
    return options;
  }
  static Numbers numbers() {
    Numbers n;
    n.measurement.samples = {2, 2, 2};
    n.measurement.seconds = 2;
    n.measurement.ci_lo = 1.9, n.measurement.ci_hi = 2.1;
    n.measurement.stop_reason = "precise";
    n.repetition_seconds = {2};
    n.work.macs_executed = 1000;
    n.work.ops_other = 500;
    n.work.bytes_packed = 250;
    n.work.unit_used = "fma";
    n.work.accumulator = "f32";
    n.verdict.right = true;
    n.verdict.max_error = 0.5, n.verdict.error_bound = 1;
    return n;
  }
  static Ceiling roof(double value) {
    return {.device = "a",
            .kind = "compute",
            .type = "f32",
            .accumulator = "f32",
            .unit_used = "fma",
            .value = value,
            .unit = "op/s",
            .threads = 1,
            .source = "measured"};
  }
  Plan plan_;
  Row row_;
};

TEST_F(CaseRow, before_it_ran_has_every_field_and_no_number) {
  EXPECT_EQ(row_["outcome"], "skipped");
  EXPECT_EQ(row_["reason"], "interrupted");
  std::ifstream fields(CONVROOF_CASE_FIELDS);
  std::set<std::string> names{std::istream_iterator<std::string>(fields), {}};
  EXPECT_GT(names.size(), 40u);
  for (const std::string& field : names) EXPECT_TRUE(row_.contains(field)) << field;
  EXPECT_TRUE(row_["seconds"].is_null());
  EXPECT_EQ(row_["macs_dense"], 288000);
}

TEST_F(CaseRow, with_numbers_follows_the_definitions) {
  add_numbers(row_, numbers());
  EXPECT_EQ(row_["outcome"], "measured");
  EXPECT_DOUBLE_EQ(row_["ops_per_second"].get<double>(), 2500 / 2.0);
  EXPECT_DOUBLE_EQ(row_["ops_per_second_effective"].get<double>(), 288000.0);
  EXPECT_DOUBLE_EQ(row_["intensity_executed"].get<double>(), 10.0);
  EXPECT_TRUE(row_["bytes_dram"].is_null());
  EXPECT_TRUE(row_["bytes_source"].is_null());
  EXPECT_FALSE(row_.contains("cycles"));
}

TEST_F(CaseRow, of_a_simulated_machine_has_its_fields_besides) {
  Numbers n = numbers();
  n.work.source = "simulated";
  n.work.traffic = {{"dram", "input", 10, 0, 2}, {"array", "psum", 5, 6, 8}};
  n.work.simulated = Simulated{
      .cycles = 7, .stall_cycles = 3, .clock_hz = 1e9, .pe_count = 4, .pe_active = 2, .pe_utilization = 0.5, .fidelity = "chip", .assumptions = {"x"}};
  add_numbers(row_, n);
  EXPECT_EQ(row_["cycles"], 7);
  EXPECT_EQ(row_["accesses"]["array"]["psum"]["writes"], 6);
  EXPECT_EQ(row_["bytes_dram"], 20);
  EXPECT_EQ(row_["bytes_source"], "simulated");
  EXPECT_TRUE(row_["energy"].is_null());
  end_row(row_, "wrong", "for the test");
  EXPECT_FALSE(row_.contains("cycles"));
}

TEST_F(CaseRow, under_a_roof_says_how_far) {
  row_["device"] = "a";
  row_["threads"] = 1;
  add_numbers(row_, numbers());
  add_roof(row_, {roof(2500)});
  EXPECT_DOUBLE_EQ(row_["roof_fraction"].get<double>(), 0.5);
  EXPECT_EQ(row_["bound"], "compute");
}

TEST_F(CaseRow, above_its_roof_is_untrusted_and_loses_its_numbers) {
  row_["device"] = "a";
  row_["threads"] = 1;
  add_numbers(row_, numbers());
  EXPECT_TRUE(add_roof(row_, {roof(1000)}).untrusted);
  EXPECT_EQ(row_["outcome"], "untrusted");
  EXPECT_TRUE(row_["seconds"].is_null());
  EXPECT_NE(row_["reason"].get<std::string>().find("roof"), std::string::npos);
  EXPECT_TRUE(benchmarks_of({row_}).empty());
}

TEST_F(CaseRow, without_a_roof_is_bound_by_nothing_known) {
  add_numbers(row_, numbers());
  add_roof(row_, {});
  EXPECT_EQ(row_["bound"], "unknown");
  EXPECT_TRUE(row_["roof_fraction"].is_null());
  EXPECT_EQ(row_["outcome"], "measured");
}

TEST_F(CaseRow, ceilings_survive_the_way_through_a_file) {
  Ceiling c = roof(5);
  c.spread = 0.25, c.theoretical = 6, c.clock_hz = 2e9, c.capacity_bytes = 77, c.method = "m", c.level = "L2";
  EXPECT_EQ(to_json(ceiling_from(to_json(c))), to_json(c));
}

TEST_F(CaseRow, nothing_that_is_not_finite_reaches_a_file) {
  Row json = {{"a", std::numeric_limits<double>::quiet_NaN()},
              {"b", {1.0, std::numeric_limits<double>::infinity()}},
              {"c", {{"d", -std::numeric_limits<double>::infinity()}}}};
  drop_non_finite(json);
  EXPECT_EQ(json.dump(), R"({"a":null,"b":[1.0,null],"c":{"d":null}})");
}

// The traps of Google Benchmark 1.7.1's own files, each avoided here: an entry for a skipped case with 0 ns, NaN written bare.
TEST_F(CaseRow, google_benchmarks_view_has_cases_with_numbers_only) {
  Row measured = row_, failed = row_, skipped = row_;
  add_numbers(measured, numbers());
  end_row(failed, "failed", "x");
  const Row view = benchmarks_of({skipped, measured, failed});
  ASSERT_EQ(view.size(), 1u);
  EXPECT_EQ(view[0]["name"], row_["name"]);
  EXPECT_DOUBLE_EQ(view[0]["real_time"].get<double>(), 2e9);
  EXPECT_EQ(view[0]["time_unit"], "ns");
  EXPECT_EQ(view[0]["run_type"], "iteration");
}

TEST_F(CaseRow, repetitions_are_entries_of_their_own_and_followed_by_aggregates) {
  Numbers n = numbers();
  n.repetition_seconds = {1, 2, 3};
  add_numbers(row_, n);
  const Row view = benchmarks_of({row_});
  ASSERT_EQ(view.size(), 7u);
  EXPECT_EQ(view[1]["repetition_index"], 1);
  EXPECT_EQ(view[3]["aggregate_name"], "mean");
  EXPECT_DOUBLE_EQ(view[3]["real_time"].get<double>(), 2e9);
  EXPECT_DOUBLE_EQ(view[5]["real_time"].get<double>(), 1e9);  // standard deviation of 1, 2, 3
  EXPECT_EQ(view[6]["aggregate_unit"], "percentage");
  EXPECT_DOUBLE_EQ(view[6]["real_time"].get<double>(), 0.5);
}

TEST_F(CaseRow, a_networks_time_is_the_sum_of_its_layers_times_repeats) {
  Row a = row_, b = row_, missing = row_;
  add_numbers(a, numbers());
  add_numbers(b, numbers());
  b["repeats"] = 3;
  missing["layer"] = "other";
  const Row totals = totals_of({a, b, missing});
  ASSERT_EQ(totals.size(), 1u);
  EXPECT_DOUBLE_EQ(totals[0]["seconds"].get<double>(), 8.0);
  EXPECT_EQ(totals[0]["macs_dense"], 4 * 288000);
  EXPECT_EQ(totals[0]["complete"], false);
  const Row document = run_document(Row::object(), {}, {a, b, missing});
  EXPECT_DOUBLE_EQ(document["cases"][1]["network_time_share"].get<double>(), 0.75);
  EXPECT_TRUE(document["cases"][2]["network_time_share"].is_null());
  EXPECT_EQ(document["schema_version"], kSchemaVersion);
}

}  // namespace
}  // namespace convroof
