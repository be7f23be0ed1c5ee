// convroof compare OLD NEW [--threshold SHARE] [--json]
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/command_line.h"
#include "harness/compare.h"
#include "harness/exit_code.h"
#include "harness/verbs.h"

namespace convroof {
namespace {

using Json = nlohmann::ordered_json;

constexpr Change kChanges[] = {Change::faster, Change::slower, Change::same, Change::unclear};

std::string text_of_seconds(double seconds) {
  if (seconds < 1e-6) return fmt::format("{:.1f} ns", seconds * 1e9);
  if (seconds < 1e-3) return fmt::format("{:.2f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.3f} s", seconds);
}

Json side(const TimedCase& c) {
  return {{"seconds", c.seconds}, {"seconds_ci95", {c.ci_lo, c.ci_hi}}, {"outcome", c.outcome}, {"device", c.device.empty() ? Json(nullptr) : Json(c.device)}};
}

void print_json(const ComparisonReport& report, double threshold) {
  Json document;
  document["threshold"] = threshold;
  Json& summary = document["summary"];
  for (const Change change : kChanges) summary[std::string(name_of(change))] = report.count(change);
  summary["unpaired"] = report.unpaired.size();
  summary["regression"] = report.has_regression();
  document["cases"] = Json::array();
  for (const Comparison& c : report.cases)
    document["cases"].push_back({{"name", c.after.name},
                                 {"threads", c.after.threads},
                                 {"cache", c.after.cache},
                                 {"epilogue", c.after.epilogue},
                                 {"workload_hash", c.after.workload_hash},
                                 {"verdict", name_of(c.change)},
                                 {"time_ratio", c.time.ratio},
                                 {"time_ratio_range", {c.time.lo, c.time.hi}},
                                 {"old", side(c.before)},
                                 {"new", side(c.after)}});
  document["unpaired"] = Json::array();
  for (const Unpaired& u : report.unpaired)
    document["unpaired"].push_back(
        {{"name", u.name}, {"threads", u.threads}, {"cache", u.cache}, {"epilogue", u.epilogue}, {"reason", u.reason}, {"regression", u.is_regression}});
  document["remarks"] = report.remarks;
  std::puts(document.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void print_table(const ComparisonReport& report, double threshold) {
  fmt::print("{:<8} {:>10} {:>10} {:>8}  {:<15} {}\n", "verdict", "old", "new", "change", "between", "case");
  for (const Comparison& c : report.cases) {
    const auto percent = [](double ratio) { return fmt::format("{:+.1f} %", 100 * (ratio - 1)); };
    fmt::print("{:<8} {:>10} {:>10} {:>8}  {:<15} {}\n", name_of(c.change), text_of_seconds(c.before.seconds), text_of_seconds(c.after.seconds),
               percent(c.time.ratio), fmt::format("{:+.1f} .. {:+.1f}", 100 * (c.time.lo - 1), 100 * (c.time.hi - 1)), c.after.name);
  }
  for (const Unpaired& u : report.unpaired) fmt::print("{:<8} {}: {}\n", u.is_regression ? "LOST" : "refused", u.name, u.reason);
  std::string counts;
  for (const Change change : kChanges) counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", report.count(change), name_of(change));
  fmt::print("\n{}; {} not compared. Times, new against old; differences below {:.3g} % count as none.\n", counts, report.unpaired.size(), 100 * threshold);
}

int compare(const std::vector<std::string>& arguments) {
  CLI::App app("Verdict a case: faster, slower, same or unclear. Exit 3 where something got slower, or is no longer right.", "compare");
  std::string before, after;
  double threshold = 0.03;
  bool json = false;
  app.add_option("OLD", before, "a run: its folder, run.json or journal.jsonl")->required();
  app.add_option("NEW", after, "the run to judge")->required();
  app.add_option("--threshold", threshold, "differences below this share of the time are of no interest (simulated times are compared exactly)")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  app.add_flag("--json", json, "{threshold, summary, cases, unpaired, remarks}");
  if (const auto code = parse_arguments(app, arguments)) return *code;

  const std::vector<TimedCase> old_cases = read_timed_cases(before);
  const std::vector<TimedCase> new_cases = read_timed_cases(after);
  const ComparisonReport report = compare_runs(old_cases, new_cases, threshold);
  for (const std::string& remark : report.remarks) std::fprintf(stderr, "convroof: %s\n", remark.c_str());
  if (report.cases.empty() && !report.has_regression()) {
    const std::string reason = report.unpaired.empty() ? "" : fmt::format("; for example {}: {}", report.unpaired.front().name, report.unpaired.front().reason);
    throw UsageError(fmt::format("nothing to compare: no case has numbers in both runs{}", reason));
  }
  if (json) {
    print_json(report, threshold);
  } else {
    print_table(report, threshold);
  }
  flush_stdout();
  return report.has_regression() ? exit_code::regression : exit_code::success;
}

}  // namespace

Verb compare_verb() { return {"compare", "two runs: faster, slower, same or unclear, a verdict a case", compare}; }

}  // namespace convroof
