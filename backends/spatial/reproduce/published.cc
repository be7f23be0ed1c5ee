#include "backends/spatial/reproduce/published.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "backends/spatial/reproduce/csv.h"
#include "workloads/data_folder.h"
#include "workloads/input_error.h"
#include "workloads/nearest.h"
#include "workloads/text_file.h"

namespace convroof::spatial {
namespace {

constexpr std::string_view kFolder = "results/published";
const std::vector<std::string> kHeadings = {"accelerator", "network", "layer",   "batch",       "quantity", "value",  "unit",  "density", "test", "accept",
                                            "baseline",    "macs",    "padding", "compression", "evidence", "source", "place", "read",    "note"};

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Empty: not one of the three forms.
std::optional<Acceptance> acceptance_of(std::string_view text, double value) {
  if (const std::size_t dots = text.find(".."); dots != std::string_view::npos) {
    const auto low = number_in(text.substr(0, dots)), high = number_in(text.substr(dots + 2));
    if (!low || !high || *low > *high) return std::nullopt;
    return Acceptance{*low, *high};
  }
  const bool percent = text.ends_with('%');
  const auto width = number_in(percent ? text.substr(0, text.size() - 1) : text);
  if (!width || *width < 0) return std::nullopt;
  // A figure printed with d digits is a decimal number: 15.5 +- 0.05 must hold 15.45 whatever doubles make of it.
  const double half = (percent ? std::abs(value) * *width / 100 : *width) + 1e-12 * std::abs(value);
  return Acceptance{value - half, value + half};
}

PublishedFigure figure_of(const CsvRow& row, const std::string& name) {
  const auto fail = [&](const std::string& heading, const std::string& message) { throw InputError(name, row.line, row.columns.at(heading), message); };
  const auto choice = [&](const std::string& heading, const std::vector<std::string>& words) {
    if (std::ranges::find(words, row.cells.at(heading)) == words.end()) fail(heading, unknown_name(heading, row.cells.at(heading), words));
    return row.cells.at(heading);
  };
  PublishedFigure f;
  f.where = fmt::format("{}:{}", name, row.line);
  f.accelerator = row.cells.at("accelerator"), f.network = row.cells.at("network"), f.layer = row.cells.at("layer");
  f.quantity = row.cells.at("quantity"), f.unit = row.cells.at("unit"), f.density = row.cells.at("density"), f.baseline = row.cells.at("baseline");
  f.macs = row.cells.at("macs"), f.padding = row.cells.at("padding"), f.compression = row.cells.at("compression");
  f.evidence = row.cells.at("evidence"), f.source = row.cells.at("source"), f.place = row.cells.at("place"), f.note = row.cells.at("note");
  f.accept = row.cells.at("accept");
  f.test = choice("test", {"within", "compatible", "none"});
  f.read = choice("read", {"read", "transcription", "recalled"});
  const auto value = number_in(row.cells.at("value"));
  if (!value) fail("value", fmt::format("`{}` is no number; write one, as 16.5", shown_text(row.cells.at("value"))));
  f.value = *value;
  if (const std::string& batch = row.cells.at("batch"); !batch.empty()) {
    const auto images = number_in(batch);
    if (!images || *images < 1 || *images > 4096 || *images != std::floor(*images))
      fail("batch", fmt::format("`{}` is no batch; write 1 to 4096", shown_text(batch)));
    f.batch = static_cast<int>(*images);
  }
  if (f.quantity.empty()) fail("quantity", "a figure needs a quantity; `convroof reproduce --quantities` lists those that can be computed");
  if (f.is_tested() && f.read == "recalled") fail("test", "a figure that was only recalled is never tested on; write `none`");
  if (f.is_tested() && !f.acceptance()) fail("accept", fmt::format("`{}` is no acceptance; write 5%, 0.05 or 1.24..1.55", shown_text(f.accept)));
  if (!f.is_tested() && f.note.empty()) fail("note", "a figure that is not tested needs the reason as its note");
  return f;
}

// The files are small and the folder may be the user's own: the first data folder that has one.
std::string folder() { return find_data(kFolder); }

std::string shipped_text(std::string_view file) {
  const std::string path = find_data(fmt::format("{}/{}", kFolder, file));
  return path.empty() ? "" : read_text_file(path);
}

}  // namespace

std::optional<Acceptance> PublishedFigure::acceptance() const {
  if (!is_tested()) return std::nullopt;
  return acceptance_of(accept, value);
}

std::vector<PublishedFigure> parse_figures(std::string_view text, const std::string& shown_name) {
  std::vector<PublishedFigure> figures;
  for (const CsvRow& row : parse_csv(text, shown_name, kHeadings)) figures.push_back(figure_of(row, shown_name));
  return figures;
}

std::vector<PublishedFigure> read_figures(const std::string& path) { return parse_figures(read_text_file(path), path); }

std::vector<PublishedFigure> shipped_figures() {
  std::vector<std::string> paths;
  if (!folder().empty())
    for (const auto& entry : std::filesystem::directory_iterator(folder()))
      if (entry.path().extension() == ".csv" && entry.path().stem() != "options" && entry.path().stem() != "constants") paths.push_back(entry.path().string());
  std::ranges::sort(paths);
  std::vector<PublishedFigure> all;
  for (const std::string& path : paths)
    for (PublishedFigure& figure : read_figures(path)) all.push_back(std::move(figure));
  return all;
}

std::vector<PublishedOption> shipped_options() {
  std::vector<PublishedOption> options;
  for (const CsvRow& row : parse_csv(shipped_text("options.csv"), "options.csv", {"accelerator", "option", "value", "why"}))
    options.push_back({row.cells.at("accelerator"), row.cells.at("option"), row.cells.at("value"), row.cells.at("why")});
  return options;
}

std::vector<FreeConstant> shipped_constants() {
  std::vector<FreeConstant> constants;
  for (const CsvRow& row : parse_csv(shipped_text("constants.csv"), "constants.csv", {"accelerator", "constant", "value", "why"}))
    constants.push_back({row.cells.at("accelerator"), row.cells.at("constant"), row.cells.at("value"), row.cells.at("why")});
  return constants;
}

}  // namespace convroof::spatial
