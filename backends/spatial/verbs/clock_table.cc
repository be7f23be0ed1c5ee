#include "backends/spatial/verbs/clock_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace convroof::spatial {
namespace {

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return result;
}

}  // namespace

std::string as_text(const ClockTable& table) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < table.pes.size(); ++c) {
    std::size_t width = table.pes[c].size();
    for (const ClockRow& row : table.rows) width = std::max(width, row.pes[c].size());
    widths.push_back(width);
  }
  std::size_t enters = table.enters.size();
  for (const ClockRow& row : table.rows) enters = std::max(enters, row.enters.size());
  const auto entering = [&](const std::string& word) { return table.enters.empty() ? std::string() : fmt::format("  {:<{}}", word, enters); };
  std::string text = table.title + "\n\n" + fmt::format("{:>6}", "clock") + entering(table.enters);
  for (std::size_t c = 0; c < table.pes.size(); ++c) text += fmt::format("  {:<{}}", table.pes[c], widths[c]);
  text += fmt::format("  {}\n", table.leaves);
  for (const ClockRow& row : table.rows) {
    text += fmt::format("{:>6}", row.clock) + entering(row.enters);
    for (std::size_t c = 0; c < table.pes.size(); ++c) text += fmt::format("  {:<{}}", row.pes[c].empty() ? "-" : row.pes[c], widths[c]);
    if (!row.leaves.empty()) text += fmt::format("  {}", fmt::join(row.leaves, " "));
    while (text.back() == ' ') text.pop_back();
    text += "\n";
  }
  text += "\n";
  for (const std::string& note : table.notes) text += note + "\n";
  return text;
}

std::string as_svg(const ClockTable& table) {
  constexpr int row_height = 22, letter = 8;
  std::size_t widest = 6, leaves = 8, enters = table.enters.size();
  for (const ClockRow& row : table.rows) {
    for (const std::string& pe : row.pes) widest = std::max(widest, pe.size());
    enters = std::max(enters, row.enters.size());
    leaves = std::max(leaves, fmt::format("{}", fmt::join(row.leaves, " ")).size());
  }
  const int cell = static_cast<int>(widest) * letter + 12, columns = static_cast<int>(table.pes.size());
  const int clock_width = 56, array = table.enters.empty() ? clock_width : clock_width + static_cast<int>(enters) * letter + 12;  // where the PEs begin
  const int width = std::max(array + columns * cell + static_cast<int>(leaves) * letter + 24, static_cast<int>(table.title.size()) * 9 + 24);
  const int top = 72, height = top + static_cast<int>(table.rows.size() + table.notes.size()) * row_height + 32;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" font-family=\"monospace\" font-size=\"13\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n<text x=\"12\" y=\"26\" font-size=\"15\" font-weight=\"bold\">{2}</text>\n",
      width, height, escaped(table.title));
  const auto text = [&](int x, int y, const std::string& words, const char* colour = "#202020") {
    svg += fmt::format("<text x=\"{}\" y=\"{}\" fill=\"{}\">{}</text>\n", x, y, colour, escaped(words));
  };
  text(12, top - 10, "clock", "#606060");
  text(clock_width, top - 10, table.enters, "#606060");
  for (int c = 0; c < columns; ++c) text(array + c * cell + 6, top - 10, table.pes[static_cast<std::size_t>(c)], "#606060");
  text(array + columns * cell + 8, top - 10, table.leaves, "#606060");
  int y = top;
  for (const ClockRow& row : table.rows) {
    text(12, y + 15, row.clock);
    text(clock_width, y + 15, row.enters);
    for (int c = 0; c < columns; ++c) {
      const std::string& pe = row.pes[static_cast<std::size_t>(c)];
      svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" stroke=\"#c8c8c8\"/>\n", array + c * cell, y, cell, row_height,
                         pe.empty() ? "#f4f4f4" : "#d6e6f7");
      if (!pe.empty()) text(array + c * cell + 6, y + 15, pe);
    }
    text(array + columns * cell + 8, y + 15, fmt::format("{}", fmt::join(row.leaves, " ")));
    y += row_height;
  }
  for (const std::string& note : table.notes) text(12, (y += row_height), note, "#606060");
  return svg + "</svg>\n";
}

}  // namespace convroof::spatial
