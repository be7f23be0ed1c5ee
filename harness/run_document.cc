#include "harness/run_document.h"

#include <map>
#include <utility>

#include "harness/benchmark_view.h"

namespace convroof {
namespace {

// The series that a case's time adds up in: everything of its name but the layer.
std::string series_of(const Row& row) {
  std::string key;
  for (const char* field : {"network", "backend", "variant", "type", "density"}) key += row[field].get<std::string>() + "/";
  return key + std::to_string(row["batch"].get<std::int64_t>());
}

}  // namespace

Row totals_of(const std::vector<Row>& rows) {
  Row totals = Row::array();
  std::map<std::string, std::size_t> place;
  for (const Row& row : rows) {
    const auto [found, is_new] = place.emplace(series_of(row), totals.size());
    if (is_new) {
      Row total;
      for (const char* field : {"network", "backend", "variant", "type", "batch", "density", "clock"}) total[field] = row[field];
      total["method"] = "sum of layers x repeats";
      total["seconds"] = 0.0;
      total["macs_dense"] = std::int64_t{0};
      total["layers_measured"] = std::int64_t{0};
      total["layers_without_number"] = std::int64_t{0};
      total["complete"] = true;
      totals.push_back(std::move(total));
    }
    Row& total = totals[found->second];
    const auto repeats = row["repeats"].get<std::int64_t>();
    if (!has_numbers(row)) {
      total["complete"] = false;
      total["layers_without_number"] = total["layers_without_number"].get<std::int64_t>() + repeats;
      continue;
    }
    total["seconds"] = total["seconds"].get<double>() + row["seconds"].get<double>() * static_cast<double>(repeats);
    total["macs_dense"] = total["macs_dense"].get<std::int64_t>() + row["macs_dense"].get<std::int64_t>() * repeats;
    total["layers_measured"] = total["layers_measured"].get<std::int64_t>() + repeats;
  }
  for (Row& total : totals) {
    const bool any = total["layers_measured"].get<std::int64_t>() > 0;
    if (!any) total["seconds"] = nullptr, total["macs_dense"] = nullptr;
    total["ops_per_second_effective"] = any ? Row(2 * total["macs_dense"].get<double>() / total["seconds"].get<double>()) : Row(nullptr);
  }
  return totals;
}

Row run_document(const Row& context, const std::vector<Ceiling>& ceilings, const std::vector<Row>& rows) {
  Row document;
  document["schema_version"] = kSchemaVersion;
  document["context"] = context;
  document["ceilings"] = Row::array();
  for (const Ceiling& ceiling : ceilings) document["ceilings"].push_back(to_json(ceiling));
  document["cases"] = rows;
  document["totals"] = totals_of(rows);
  std::map<std::string, double> series_seconds;
  for (const Row& total : document["totals"])
    if (total["seconds"].is_number()) series_seconds[series_of(total)] = total["seconds"].get<double>();
  for (Row& row : document["cases"])
    row["network_time_share"] =
        has_numbers(row) ? Row(row["seconds"].get<double>() * row["repeats"].get<double>() / series_seconds.at(series_of(row))) : Row(nullptr);
  document["benchmarks"] = benchmarks_of(rows);
  return document;
}

}  // namespace convroof
