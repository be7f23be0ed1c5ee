#include "harness/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace convroof {
namespace {

// What two cases must share to be looked at as one; the workload hash is checked on top, so that a changed network is refused by name.
using Key = std::tuple<std::string, int, std::string, std::string>;
Key key_of(const TimedCase& c) { return {c.name, c.threads, c.cache, c.epilogue}; }

Unpaired unpaired(const TimedCase& c, std::string reason, bool is_regression = false) {
  return {c.name, c.threads, c.cache, c.epilogue, std::move(reason), is_regression};
}

struct Index {
  std::map<Key, const TimedCase*> cases;
  std::set<Key> repeated;
  std::map<std::string, const TimedCase*> by_name;  // any of that name
};

Index index_of(const std::vector<TimedCase>& list) {
  Index index;
  for (const TimedCase& c : list) {
    if (!index.cases.emplace(key_of(c), &c).second) index.repeated.insert(key_of(c));
    index.by_name.emplace(c.name, &c);
  }
  return index;
}

// The nearest miss says more than "not found".
std::string why_without_partner(const TimedCase& c, const Index& others, const char* run) {
  const auto found = others.by_name.find(c.name);
  if (found == others.by_name.end()) return fmt::format("not in the {} run", run);
  const TimedCase& other = *found->second;
  return fmt::format("the {} run has it with {} threads, {} caches, epilogue {} (here: {}, {}, {})", run, other.threads, other.cache, other.epilogue, c.threads,
                     c.cache, c.epilogue);
}

std::string outcome_of(const TimedCase& c) { return c.reason.empty() ? c.outcome : fmt::format("{} ({})", c.outcome, c.reason); }

void remark(std::vector<std::string>& remarks, std::string text) {
  if (std::find(remarks.begin(), remarks.end(), text) == remarks.end()) remarks.push_back(std::move(text));
}

void remark_on_difference(std::vector<std::string>& remarks, const char* what, const std::string& before, const std::string& after) {
  if (before == after || before.empty() || after.empty()) return;
  remark(remarks, fmt::format("different {}: {} before, {} after", what, before, after));
}

}  // namespace

std::string_view name_of(Change change) {
  switch (change) {
    case Change::faster:
      return "faster";
    case Change::slower:
      return "slower";
    case Change::same:
      return "same";
    case Change::unclear:
      return "unclear";
  }
  return "";
}

std::size_t ComparisonReport::count(Change change) const {
  return static_cast<std::size_t>(std::count_if(cases.begin(), cases.end(), [&](const Comparison& c) { return c.change == change; }));
}

bool ComparisonReport::has_regression() const {
  return count(Change::slower) > 0 || std::any_of(unpaired.begin(), unpaired.end(), [](const Unpaired& u) { return u.is_regression; });
}

TimeRatio time_ratio(const TimedCase& before, const TimedCase& after) {
  return {after.seconds / before.seconds, after.ci_lo / before.ci_hi, after.ci_hi / before.ci_lo};
}

Change judge_change(const TimedCase& before, const TimedCase& after, double threshold) {
  if (before.is_contended || after.is_contended) return Change::unclear;
  const TimeRatio time = time_ratio(before, after);
  const double least = before.is_deterministic && after.is_deterministic ? 0 : threshold;
  // 3 % faster is the opposite of 3 % slower: 1 / 1.03, so that swapping the runs swaps the verdicts.
  const double slower = 1 + least, faster = 1 / slower;
  if (time.lo > 1 && time.ratio > slower) return Change::slower;
  if (time.hi < 1 && time.ratio < faster) return Change::faster;
  if (time.lo >= faster && time.hi <= slower) return Change::same;
  return Change::unclear;
}

ComparisonReport compare_runs(const std::vector<TimedCase>& before, const std::vector<TimedCase>& after, double threshold) {
  ComparisonReport report;
  const Index old_cases = index_of(before), new_cases = index_of(after);
  for (const TimedCase& c : after) {
    const Key key = key_of(c);
    if (new_cases.repeated.contains(key) || old_cases.repeated.contains(key)) {
      if (new_cases.cases.at(key) == &c) report.unpaired.push_back(unpaired(c, "appears more than once in a run"));
      continue;
    }
    const auto partner = old_cases.cases.find(key);
    if (partner == old_cases.cases.end()) {
      report.unpaired.push_back(unpaired(c, why_without_partner(c, old_cases, "old")));
      continue;
    }
    const TimedCase& old = *partner->second;
    if (old.workload_hash != c.workload_hash) {
      report.unpaired.push_back(unpaired(c, fmt::format("another workload: hash {} before, {} after", old.workload_hash, c.workload_hash)));
      continue;
    }
    if (!old.has_numbers || !c.has_numbers) {
      if (!old.has_numbers && !c.has_numbers) continue;  // neither run could: nothing to say
      const bool is_worse = old.has_numbers && c.outcome != "skipped";
      report.unpaired.push_back(unpaired(c, fmt::format("{} before, {} after", outcome_of(old), outcome_of(c)), is_worse));
      continue;
    }
    if (old.is_deterministic != c.is_deterministic) {
      report.unpaired.push_back(unpaired(c, "measured in one run, simulated in the other"));
      continue;
    }
    remark_on_difference(report.remarks, "devices", old.device, c.device);
    remark_on_difference(report.remarks, "data", old.data, c.data);
    for (const TimedCase* side : {&old, &c})
      if (side->is_contended)
        remark(report.remarks, fmt::format("cases of the {} run were timed on a busy machine and stay unclear", side == &old ? "old" : "new"));
    report.cases.push_back({old, c, time_ratio(old, c), judge_change(old, c, threshold)});
  }
  for (const TimedCase& c : before)
    if (!new_cases.cases.contains(key_of(c)) && old_cases.cases.at(key_of(c)) == &c)
      report.unpaired.push_back(unpaired(c, why_without_partner(c, new_cases, "new")));
  return report;
}

}  // namespace convroof
