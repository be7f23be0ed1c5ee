#include "harness/benchmark_view.h"

#include <fmt/format.h>

#include <cmath>

#include "harness/statistics.h"

namespace convroof {
namespace {

constexpr double kNanoseconds = 1e9;

Row entry_of(const Row& row, int family, std::size_t repetitions) {
  Row entry;
  entry["name"] = row["name"];
  entry["family_index"] = family;
  entry["per_family_instance_index"] = 0;
  entry["run_name"] = row["name"];
  entry["run_type"] = "iteration";
  entry["repetitions"] = repetitions;
  entry["threads"] = row["threads"];
  return entry;
}

// cpu_time repeats real_time: the tools demand the key, and by a device's or a simulated clock there is no processor time to tell.
void add_times(Row& entry, double nanoseconds) {
  entry["real_time"] = nanoseconds;
  entry["cpu_time"] = nanoseconds;
  entry["time_unit"] = "ns";
}

void add_counters(Row& entry, const Row& row, double seconds) {
  const double scale = row["seconds"].get<double>() / seconds;
  entry["items_per_second"] = row["ops_per_second"].get<double>() * scale;
  entry["bytes_per_second"] = row["bytes_compulsory"].get<double>() / seconds;
  entry["ops_per_second_effective"] = row["ops_per_second_effective"].get<double>() * scale;
  for (const char* field : {"macs_dense", "macs_executed", "bytes_compulsory", "bytes_packed", "roof_fraction", "cycles"})
    if (row.contains(field) && row[field].is_number()) entry[field] = row[field];
  std::string label = row["clock"].get<std::string>() + " clock";
  if (row["facts"].contains("implementation") && row["facts"]["implementation"].is_string()) label += ", " + row["facts"]["implementation"].get<std::string>();
  entry["label"] = label;
}

struct Aggregate {
  const char* name;
  double value;
  bool is_time;
};

std::vector<Aggregate> aggregates_of(const std::vector<double>& seconds) {
  const auto count = static_cast<double>(seconds.size());
  double mean = 0, squares = 0;
  for (const double value : seconds) mean += value / count;
  for (const double value : seconds) squares += (value - mean) * (value - mean);
  const double deviation = std::sqrt(squares / (count - 1));
  return {{"mean", mean, true}, {"median", median(seconds), true}, {"stddev", deviation, true}, {"cv", deviation / mean, false}};
}

std::string console(const Row& benchmarks) {
  std::size_t width = 9;
  for (const Row& b : benchmarks) width = std::max(width, b["name"].get_ref<const std::string&>().size());
  std::string text = fmt::format("{:<{}} {:>15} {:>15} {:>10}\n", "Benchmark", width, "Time", "CPU", "Iterations");
  for (const Row& b : benchmarks)
    text += fmt::format("{:<{}} {:>12.6g} ns {:>12.6g} ns {:>10}\n", b["name"].get<std::string>(), width, b["real_time"].get<double>(),
                        b["cpu_time"].get<double>(), b["iterations"].get<std::int64_t>());
  return text;
}

std::string csv(const Row& benchmarks) {
  const auto number = [](const Row& b, const char* key) { return b.contains(key) ? fmt::format("{}", b[key].get<double>()) : std::string(); };
  std::string text = "name,iterations,real_time,cpu_time,time_unit,bytes_per_second,items_per_second,label,error_occurred,error_message\n";
  for (const Row& b : benchmarks) {
    std::string label = b.contains("label") ? b["label"].get<std::string>() : "";
    for (std::size_t i = 0; (i = label.find('"', i)) != std::string::npos; i += 2) label.insert(i, 1, '"');
    text += fmt::format("\"{}\",{},{},{},{},{},{},\"{}\",,\n", b["name"].get<std::string>(), b["iterations"].get<std::int64_t>(), b["real_time"].get<double>(),
                        b["cpu_time"].get<double>(), b["time_unit"].get<std::string>(), number(b, "bytes_per_second"), number(b, "items_per_second"), label);
  }
  return text;
}

}  // namespace

Row benchmarks_of(const std::vector<Row>& rows) {
  Row benchmarks = Row::array();
  int family = 0;
  for (const Row& row : rows) {
    if (!has_numbers(row)) continue;
    const std::vector<double> seconds = row["repetition_seconds"].get<std::vector<double>>();
    for (std::size_t i = 0; i < seconds.size(); ++i) {
      Row entry = entry_of(row, family, seconds.size());
      entry["repetition_index"] = i;
      entry["iterations"] = 1;
      add_times(entry, seconds[i] * kNanoseconds);
      add_counters(entry, row, seconds[i]);
      benchmarks.push_back(std::move(entry));
    }
    if (seconds.size() > 1)
      for (const Aggregate& aggregate : aggregates_of(seconds)) {
        Row entry = entry_of(row, family, seconds.size());
        entry["name"] = fmt::format("{}_{}", row["name"].get<std::string>(), aggregate.name);
        entry["run_type"] = "aggregate";
        entry["aggregate_name"] = aggregate.name;
        entry["aggregate_unit"] = aggregate.is_time ? "time" : "percentage";
        entry["iterations"] = seconds.size();
        add_times(entry, aggregate.is_time ? aggregate.value * kNanoseconds : aggregate.value);
        benchmarks.push_back(std::move(entry));
      }
    ++family;
  }
  return benchmarks;
}

std::string benchmark_file(const std::string& format, const Row& context, const std::vector<Row>& rows) {
  const Row benchmarks = benchmarks_of(rows);
  if (format == "csv") return csv(benchmarks);
  if (format == "console") return console(benchmarks);
  Row whole = {{"context", context}, {"benchmarks", benchmarks}};
  drop_non_finite(whole);
  return whole.dump(2, ' ', false, Row::error_handler_t::replace) + "\n";
}

}  // namespace convroof
