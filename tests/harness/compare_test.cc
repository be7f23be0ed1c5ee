#include "harness/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

#include "harness/statistics.h"

namespace convroof {
namespace {

using ::testing::HasSubstr;

constexpr double kThreshold = 0.03;

TimedCase timed(std::string name, double seconds, double share = 0.01) {
  return {.name = std::move(name),
          .threads = 2,
          .cache = "warm",
          .epilogue = "layer",
          .workload_hash = "h1",
          .device = "cpu",
          .data = "normal",
          .outcome = "measured",
          .has_numbers = true,
          .seconds = seconds,
          .ci_lo = seconds * (1 - share),
          .ci_hi = seconds * (1 + share)};
}

Change change(double before, double after, double share = 0.01) { return judge_change(timed("a", before, share), timed("a", after, share), kThreshold); }

TEST(Compare, verdicts) {
  EXPECT_EQ(change(1, 1.2), Change::slower);
  EXPECT_EQ(change(1, 0.8), Change::faster);
  EXPECT_EQ(change(1, 1.005), Change::same);
  EXPECT_EQ(change(1, 1.1, 0.2), Change::unclear);  // intervals overlap, and may hide anything
  EXPECT_EQ(change(1, 1, 0.05), Change::unclear);   // equal medians, but 5 % either way is possible
  EXPECT_EQ(change(1, 1.02, 0.001), Change::same);  // there, but of no interest
  EXPECT_EQ(change(1, 1.031, 0.001), Change::slower);
}

TEST(Compare, a_time_against_itself_is_never_a_change) {
  for (const double share : {0.0, 0.001, 0.01, 0.1, 0.5}) {
    const Change c = change(1, 1, share);
    EXPECT_TRUE(c == Change::same || c == Change::unclear) << share;
  }
  EXPECT_EQ(change(1, 1, 0), Change::same);
}

TEST(Compare, swapping_the_runs_swaps_the_verdict) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> seconds(0.8, 1.25), share(0, 0.05);
  for (int i = 0; i < 5000; ++i) {
    const TimedCase a = timed("a", seconds(random), share(random)), b = timed("a", seconds(random), share(random));
    const Change there = judge_change(a, b, kThreshold), back = judge_change(b, a, kThreshold);
    if (there == Change::slower) {
      EXPECT_EQ(back, Change::faster);
    } else if (there == Change::faster) {
      EXPECT_EQ(back, Change::slower);
    } else {
      EXPECT_EQ(back, there);
    }
  }
}

TEST(Compare, deterministic_times_are_compared_exactly) {
  TimedCase a = timed("a", 1, 0), b = timed("a", 1.000001, 0);
  a.is_deterministic = b.is_deterministic = true;
  EXPECT_EQ(judge_change(a, b, kThreshold), Change::slower);
  EXPECT_EQ(judge_change(b, a, kThreshold), Change::faster);
  EXPECT_EQ(judge_change(a, a, kThreshold), Change::same);
}

// A/A: the same skewed distribution measured twice. Verdicts of change must be rare; B 10 % slower must be found.
TEST(Compare, the_same_program_twice_is_rarely_called_different) {
  std::mt19937_64 random(42);
  std::lognormal_distribution<double> noise(0, 0.05);
  const auto measured = [&](double seconds) {
    std::vector<double> samples(40);
    for (double& sample : samples) sample = seconds * noise(random);
    const Interval interval = median_interval_of_series(samples);
    TimedCase c = timed("a", median(samples));
    c.ci_lo = interval.lo;
    c.ci_hi = interval.hi;
    return c;
  };
  int false_alarms = 0, found = 0;
  constexpr int kTrials = 1000;
  for (int i = 0; i < kTrials; ++i) {
    const Change same = judge_change(measured(1), measured(1), kThreshold);
    false_alarms += same == Change::slower || same == Change::faster;
    found += judge_change(measured(1), measured(1.1), kThreshold) == Change::slower;
  }
  EXPECT_LE(false_alarms, 10);  // 1 %
  EXPECT_GE(found, 0.95 * kTrials);
}

TEST(Compare, pairs_only_what_is_the_same_work_in_the_same_conditions) {
  TimedCase other_threads = timed("threads", 1), other_cache = timed("cache", 1), other_epilogue = timed("epilogue", 1), other_hash = timed("hash", 1);
  other_threads.threads = 1;
  other_cache.cache = "cold";
  other_epilogue.epilogue = "none";
  other_hash.workload_hash = "h2";
  const std::vector<TimedCase> before{timed("ok", 1), timed("threads", 1), timed("cache", 1), timed("epilogue", 1), timed("hash", 1)};
  const std::vector<TimedCase> after{timed("ok", 1), other_threads, other_cache, other_epilogue, other_hash, timed("only new", 1)};
  const ComparisonReport report = compare_runs(before, after, kThreshold);
  ASSERT_EQ(report.cases.size(), 1u);
  EXPECT_EQ(report.cases[0].after.name, "ok");
  const auto reason_of = [&](const std::string& name) {
    for (const Unpaired& u : report.unpaired)
      if (u.name == name) return u.reason;
    return std::string("is not there");
  };
  EXPECT_THAT(reason_of("threads"), HasSubstr("threads"));
  EXPECT_THAT(reason_of("cache"), HasSubstr("cold"));
  EXPECT_THAT(reason_of("epilogue"), HasSubstr("epilogue"));
  EXPECT_THAT(reason_of("hash"), HasSubstr("another workload"));
  EXPECT_THAT(reason_of("only new"), HasSubstr("not in the old run"));
  EXPECT_FALSE(report.has_regression());
}

TEST(Compare, a_number_that_became_an_error_is_a_regression) {
  TimedCase wrong = timed("a", 1), skipped = timed("b", 1);
  wrong.outcome = "wrong";
  wrong.has_numbers = false;
  skipped.outcome = "skipped";
  skipped.has_numbers = false;
  const ComparisonReport worse = compare_runs({timed("a", 1), timed("b", 1)}, {wrong, skipped}, kThreshold);
  ASSERT_EQ(worse.unpaired.size(), 2u);
  EXPECT_TRUE(worse.unpaired[0].is_regression);
  EXPECT_FALSE(worse.unpaired[1].is_regression);
  EXPECT_TRUE(worse.has_regression());
  EXPECT_FALSE(compare_runs({wrong}, {timed("a", 1)}, kThreshold).has_regression());
  EXPECT_TRUE(compare_runs({wrong}, {wrong}, kThreshold).unpaired.empty());  // as before
}

TEST(Compare, a_case_that_appears_twice_is_refused) {
  const ComparisonReport report = compare_runs({timed("a", 1)}, {timed("a", 1), timed("a", 2)}, kThreshold);
  EXPECT_TRUE(report.cases.empty());
  ASSERT_EQ(report.unpaired.size(), 1u);
  EXPECT_THAT(report.unpaired[0].reason, HasSubstr("more than once"));
}

TEST(Compare, a_busy_machine_proves_nothing) {
  TimedCase busy = timed("a", 8, 0.001);
  busy.is_contended = true;
  const ComparisonReport report = compare_runs({timed("a", 1)}, {busy}, kThreshold);
  ASSERT_EQ(report.cases.size(), 1u);
  EXPECT_EQ(report.cases[0].change, Change::unclear);
  EXPECT_FALSE(report.has_regression());
  ASSERT_EQ(report.remarks.size(), 1u);
  EXPECT_THAT(report.remarks[0], HasSubstr("busy"));
}

TEST(Compare, another_device_is_remarked_upon_once) {
  TimedCase a = timed("a", 1), b = timed("b", 1);
  a.device = b.device = "new cpu";
  const ComparisonReport report = compare_runs({timed("a", 1), timed("b", 1)}, {a, b}, kThreshold);
  ASSERT_EQ(report.remarks.size(), 1u);
  EXPECT_THAT(report.remarks[0], HasSubstr("new cpu"));
}

// ---- reading

std::string run_with(const std::string& cases) { return R"({"schema_version": 1, "context": {}, "ceilings": [], "cases": [)" + cases + "]}"; }

const std::string kCase =
    R"({"name":"n/l/b","threads":2,"cache":"warm","epilogue":"layer","workload_hash":"h","outcome":"measured","clock":"host","device":"cpu","seconds":1.5,"seconds_ci95":[1.4,1.6]})";

std::string message_of(const std::string& text, bool is_journal = false) {
  try {
    timed_cases_in(text, "run.json", is_journal);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

std::string with(const std::string& field, const std::string& value) {
  std::string text = kCase;
  const std::size_t start = text.find("\"" + field + "\":") + field.size() + 3;
  const char open = text[start];
  std::size_t end = text.find(open == '[' ? "]" : open == '"' ? "\"" : ",", start + 1);
  if (open == '[' || open == '"') ++end;
  return run_with(text.replace(start, end - start, value));
}

TEST(TimedCases, a_good_run_is_read) {
  const auto cases = timed_cases_in(run_with(kCase), "run.json", false);
  ASSERT_EQ(cases.size(), 1u);
  EXPECT_EQ(cases[0].name, "n/l/b");
  EXPECT_EQ(cases[0].threads, 2);
  EXPECT_EQ(cases[0].seconds, 1.5);
  EXPECT_EQ(cases[0].ci_hi, 1.6);
  EXPECT_TRUE(cases[0].has_numbers);
}

TEST(TimedCases, rows_without_numbers_need_none) {
  const auto cases = timed_cases_in(
      run_with(R"({"name":"a","threads":1,"cache":"warm","epilogue":"layer","workload_hash":"h","outcome":"skipped","reason":"no GPU","seconds":null})"), "r",
      false);
  ASSERT_EQ(cases.size(), 1u);
  EXPECT_FALSE(cases[0].has_numbers);
  EXPECT_EQ(cases[0].reason, "no GPU");
}

TEST(TimedCases, a_journal_counts_the_last_of_a_name_and_forgives_a_cut_end) {
  std::string later = kCase;
  later.replace(later.find("1.5"), 3, "1.55");
  const auto cases = timed_cases_in(kCase + "\n" + later + "\n" + kCase.substr(0, 40), "journal.jsonl", true);
  ASSERT_EQ(cases.size(), 1u);
  EXPECT_EQ(cases[0].seconds, 1.55);
}

TEST(TimedCases, bad_input_is_refused_with_its_place) {
  EXPECT_THAT(message_of("{\n\"schema_version\": NaN}"), HasSubstr("run.json:2:"));
  EXPECT_THAT(message_of(""), HasSubstr("not valid JSON"));
  EXPECT_THAT(message_of("[]"), HasSubstr("must hold an object"));
  EXPECT_THAT(message_of("{}"), HasSubstr("schema_version"));
  EXPECT_THAT(message_of(R"({"schema_version": 1})"), HasSubstr("cases"));
  EXPECT_THAT(message_of(run_with("3")), HasSubstr("cases[0]"));
  EXPECT_THAT(message_of(run_with("{}")), HasSubstr("`name` is missing"));
  EXPECT_THAT(message_of(with("name", "7")), HasSubstr("`name` must be text"));
  EXPECT_THAT(message_of(with("name", R"("a\u001b[31mb")")), HasSubstr("printable"));
  EXPECT_THAT(message_of(with("name", "\"" + std::string(600, 'x') + "\"")), HasSubstr("at most 512"));
  EXPECT_THAT(message_of(with("threads", "0")), HasSubstr("threads"));
  EXPECT_THAT(message_of(with("threads", "1.5")), HasSubstr("threads"));
  EXPECT_THAT(message_of(with("seconds", "-1")), HasSubstr("above 0"));
  EXPECT_THAT(message_of(with("seconds", "\"1\"")), HasSubstr("must be a number"));
  EXPECT_THAT(message_of(with("seconds", "1e999")), HasSubstr("not valid JSON"));
  EXPECT_THAT(message_of(with("seconds_ci95", "[1]")), HasSubstr("[lo, hi]"));
  EXPECT_THAT(message_of(with("seconds_ci95", "[2,3]")), HasSubstr("does not hold"));
  EXPECT_THAT(message_of(kCase + "\n{bad}\n", true), HasSubstr("run.json:2:"));
}

TEST(TimedCases, depth_is_limited) { EXPECT_THAT(message_of(run_with(std::string(100'000, '[') + std::string(100'000, ']'))), HasSubstr("deep")); }

TEST(TimedCases, a_folder_without_a_run_is_named) {
  EXPECT_THROW(read_timed_cases("/nonexistent/run"), std::invalid_argument);
  EXPECT_THROW(read_timed_cases("/"), std::invalid_argument);
  EXPECT_THROW(read_timed_cases("/dev/null"), std::invalid_argument);
}

}  // namespace
}  // namespace convroof
