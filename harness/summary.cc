#include "harness/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace convroof {
namespace {

using Lines = std::vector<std::vector<std::string>>;

std::string seconds_text(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3f} ms", seconds * 1e3);
  return fmt::format("{:.2f} us", seconds * 1e6);
}

std::string giga(const Row& value) { return value.is_number() ? fmt::format("{:.2f}", value.get<double>() * 1e-9) : "-"; }

// First column to the left, the rest to the right, the last to the left again.
std::string table(const Lines& lines) {
  std::vector<std::size_t> widths(lines.front().size(), 0);
  for (const auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string text;
  for (const auto& line : lines) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i)
      row += i == 0 || i + 1 == line.size() ? fmt::format("{:<{}}  ", line[i], widths[i]) : fmt::format("{:>{}}  ", line[i], widths[i]);
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

}  // namespace

std::string summary(const Row& document) {
  Lines cases = {{"case", "time", "+-", "Gop/s effective", "of roof", "bound"}};
  std::vector<std::pair<std::string, int>> skipped;  // by reason, in the order of appearance
  std::map<std::string, int> outcomes;
  std::string bad;
  for (const Row& row : document["cases"]) {
    const auto outcome = row["outcome"].get<std::string>(), name = row["name"].get<std::string>(), reason = row["reason"].get<std::string>();
    ++outcomes[outcome];
    if (outcome == "skipped") {
      const std::string key = row["backend"].get<std::string>() + ": " + reason;
      const auto seen = std::find_if(skipped.begin(), skipped.end(), [&](const auto& entry) { return entry.first == key; });
      if (seen == skipped.end())
        skipped.emplace_back(key, 1);
      else
        ++seen->second;
    } else if (!has_numbers(row)) {
      bad += fmt::format("{} {}: {}\n", outcome, name, reason);
      if (row.contains("reproduce")) bad += fmt::format("  again: {}\n", row["reproduce"].get<std::string>());
    } else {
      const double lo = row["seconds_ci95"][0].get<double>(), hi = row["seconds_ci95"][1].get<double>(), seconds = row["seconds"].get<double>();
      const bool simulated = row["clock"] == "simulated";
      cases.push_back({name, seconds_text(seconds), simulated ? "sim" : fmt::format("{:.1f} %{}", 50 * (hi - lo) / seconds, outcome == "noisy" ? " noisy" : ""),
                       giga(row["ops_per_second_effective"]),
                       row["roof_fraction"].is_number() ? fmt::format("{:.0f} %", 100 * row["roof_fraction"].get<double>()) : "-",
                       row["bound"].is_string() ? row["bound"].get<std::string>() : ""});
    }
  }
  std::string text;
  if (cases.size() > 1) text += table(cases);

  Lines totals = {{"sum of layers x repeats", "time", "Gop/s effective", "layers"}};
  for (const Row& total : document["totals"]) {
    if (!total["seconds"].is_number()) continue;
    const auto measured = total["layers_measured"].get<std::int64_t>(), missing = total["layers_without_number"].get<std::int64_t>();
    totals.push_back(
        {fmt::format("{}/{}/{}/{}/batch:{}/{}", total["network"].get<std::string>(), total["backend"].get<std::string>(), total["variant"].get<std::string>(),
                     total["type"].get<std::string>(), total["batch"].get<std::int64_t>(), total["density"].get<std::string>()),
         seconds_text(total["seconds"].get<double>()), giga(total["ops_per_second_effective"]),
         missing == 0 ? fmt::format("{}", measured) : fmt::format("{}, {} without a number", measured, missing)});
  }
  if (totals.size() > 1) text += "\n" + table(totals);
  if (!skipped.empty()) {
    text += "\n";
    for (const auto& [reason, count] : skipped) text += fmt::format("skipped {:>4}  {}\n", count, reason);
  }
  if (!bad.empty()) text += "\n" + bad;
  text += "\n";
  for (const char* outcome : {"measured", "noisy", "skipped", "wrong", "untrusted", "failed"})
    if (outcomes.contains(outcome)) text += fmt::format("{} {}  ", outcomes[outcome], outcome);
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

}  // namespace convroof
