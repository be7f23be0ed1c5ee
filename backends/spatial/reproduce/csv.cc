#include "backends/spatial/reproduce/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "workloads/input_error.h"
#include "workloads/nearest.h"

namespace convroof::spatial {
namespace {

struct Cell {
  std::string text;
  std::int64_t column = 1;
};

std::vector<Cell> cells_of(std::string_view line, const std::string& name, std::int64_t number) {
  std::vector<Cell> cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"')
      cells.back().text += line[++i];
    else if (c == '"' && (quoted || cells.back().text.empty()))
      quoted = !quoted;
    else if (c == ',' && !quoted)
      cells.push_back({"", static_cast<std::int64_t>(i) + 2});
    else
      cells.back().text += c;
  }
  if (quoted) throw InputError(name, number, cells.back().column, "a quoted cell does not end; close it with \"");
  return cells;
}

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name, const std::vector<std::string>& headings) {
  std::vector<CsvRow> rows;
  std::vector<std::string> heads;
  std::int64_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::vector<Cell> cells = cells_of(line, name, number);
    if (heads.empty()) {
      for (const Cell& cell : cells) {
        if (std::ranges::find(headings, cell.text) == headings.end()) throw InputError(name, number, cell.column, unknown_name("column", cell.text, headings));
        heads.push_back(cell.text);
      }
      for (const std::string& heading : headings)
        if (std::ranges::find(heads, heading) == heads.end())
          throw InputError(name, number, 1, fmt::format("column `{}` is missing; the heading is {}", heading, fmt::join(headings, ",")));
      continue;
    }
    if (cells.size() != heads.size())
      throw InputError(name, number, 1, fmt::format("`{}` cells where the heading has {}; quote a cell that holds a comma", cells.size(), heads.size()));
    CsvRow row;
    row.line = number;
    for (std::size_t i = 0; i < heads.size(); ++i) row.cells[heads[i]] = cells[i].text, row.columns[heads[i]] = cells[i].column;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace convroof::spatial
