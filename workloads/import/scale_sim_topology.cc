#include "workloads/import/scale_sim_topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "workloads/checked.h"
#include "workloads/input_error.h"
#include "workloads/text_file.h"

namespace convroof {
namespace {

constexpr std::int64_t kLargestExtent = 1 << 24;  // as in network files
constexpr std::size_t kMostLayers = 10000;
constexpr std::string_view kBlanks = " \t\r";

struct Cell {
  std::string_view text;  // without the blanks around it
  std::int64_t line, column;
};

struct Line {
  std::vector<Cell> cells;  // at least one
  std::int64_t number;
};

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

// "Embedding/Pooling 1" -> "Embedding-Pooling-1"
std::string plain_name(std::string_view text, std::string_view otherwise) {
  std::string name;
  for (const char c : text.substr(0, 70)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '+';
    if (plain)
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.empty() ? std::string(otherwise) : name;
}

std::vector<Line> lines_of(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<Line> lines;
  char separator = ',';
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    if (whole.find_first_not_of(kBlanks) == std::string_view::npos) continue;
    // One shipped file is separated by tabs.
    if (lines.empty() && whole.find(',') == std::string_view::npos && whole.find('\t') != std::string_view::npos) separator = '\t';
    Line line{{}, number};
    for (std::size_t start = 0; start <= whole.size();) {
      const std::size_t end = std::min(whole.find(separator, start), whole.size());
      const std::string_view cell = whole.substr(start, end - start);
      const std::size_t first = std::min(cell.find_first_not_of(kBlanks), cell.size());
      const std::size_t last = cell.find_last_not_of(kBlanks);
      line.cells.push_back({last == std::string_view::npos ? std::string_view{} : cell.substr(first, last - first + 1), number,
                            static_cast<std::int64_t>(start + (last == std::string_view::npos ? 0 : first)) + 1});
      start = end + 1;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class TopologyFile {
 public:
  TopologyFile(std::string_view text, const std::string& shown_name) : file_(shown_name), lines_(lines_of(text)) {}

  Network read() {
    network_.name = plain_name(std::filesystem::path(file_).stem().string(), "topology");
    network_.title = network_.name + " (SCALE-Sim topology)";
    if (lines_.empty()) throw InputError(file_, 1, 1, "the file is empty; its first line is the heading, `Layer name, IFMAP Height, ...` or `Layer, M, N, K`");
    read_heading();
    for (std::size_t i = 1; i < lines_.size(); ++i) read_row(lines_[i]);
    if (network_.layers.empty()) throw InputError(file_, lines_.back().number, 1, "no layer stands below the heading; add one a line");
    const LayerSpec& first = network_.layers[0].spec;
    network_.input_channels = first.in_channels, network_.input_height = first.in_height, network_.input_width = first.in_width;
    network_.note = "No padding unless a column says so: windows that hang over the edge count as outputs, as in SCALE-Sim.";
    if (!ratio_.empty()) network_.note += fmt::format(" The file's sparsity ({}) is not applied; give it as --densities.", ratio_);
    return std::move(network_);
  }

 private:
  [[noreturn]] void fail(const Cell& cell, std::string_view message) const { throw InputError(file_, cell.line, cell.column, message); }

  void read_heading() {
    const Line& heading = lines_[0];
    for (const Cell& cell : heading.cells)
      if (number_in(cell.text))
        fail(cell, fmt::format("`{}` in the heading; the first line names the columns, put `Layer name, IFMAP Height, ...` or `Layer, M, N, K` above",
                               shown_text(cell.text)));
    for (const Cell& cell : heading.cells) titles_.push_back(lower_case(cell.text));
    is_product_ = titles_.size() >= 4 && titles_[1] == "m" && titles_[2] == "n" && titles_[3] == "k";
    if (titles_.size() < (is_product_ ? 4u : 8u))
      fail(heading.cells[0], fmt::format("`{}` begins no topology; the heading is `Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, "
                                         "Channels, Num Filter, Strides` or `Layer, M, N, K`",
                                         shown_text(heading.cells[0].text)));
  }

  std::int64_t number(const Line& line, std::size_t place, std::string_view what, std::int64_t low = 1) const {
    if (place >= line.cells.size() || line.cells[place].text.empty()) {
      const Cell& at = line.cells[std::min(place, line.cells.size() - 1)];
      fail(at, fmt::format("{} of layer `{}` is missing; every row needs a whole number there", what, shown_text(line.cells[0].text)));
    }
    const Cell& cell = line.cells[place];
    const auto value = number_in(cell.text);
    if (!value) fail(cell, fmt::format("{} must be a whole number, got `{}`", what, shown_text(cell.text)));
    if (*value < low || *value > kLargestExtent) fail(cell, fmt::format("{} must lie between {} and {}, got `{}`", what, low, kLargestExtent, *value));
    return *value;
  }

  // The cell under a heading that holds `word`, from column `from` on; nothing where there is none or it is empty.
  std::optional<std::size_t> under(const Line& line, std::string_view word, std::size_t from) const {
    for (std::size_t i = from; i < titles_.size() && i < line.cells.size(); ++i)
      if (titles_[i].find(word) != std::string::npos && !line.cells[i].text.empty()) return i;
    return std::nullopt;
  }

  void read_row(const Line& line) {
    const Cell& name = line.cells[0];
    if (std::all_of(line.cells.begin() + 1, line.cells.end(), [](const Cell& cell) { return cell.text.empty(); })) return;  // blank, or a title
    if (network_.layers.size() == kMostLayers) fail(name, fmt::format("more than {} layers; a description this long is a mistake", kMostLayers));
    LayerSpec l;
    l.name = unique(plain_name(name.text, fmt::format("layer{}", network_.layers.size() + 1)));
    std::optional<std::int64_t> padding;
    if (is_product_) {
      const std::int64_t m = number(line, 1, "M"), n = number(line, 2, "N"), k = number(line, 3, "K");
      l.in_height = m, l.in_width = l.kernel_width = k, l.out_channels = n;
    } else {
      l.in_height = number(line, 1, "the height of the input"), l.in_width = number(line, 2, "the width of the input");
      l.kernel_height = number(line, 3, "the height of the filter"), l.kernel_width = number(line, 4, "the width of the filter");
      l.in_channels = number(line, 5, "the number of channels"), l.out_channels = number(line, 6, "the number of filters");
      l.stride_height = l.stride_width = number(line, 7, "the stride");
      if (const auto at = under(line, "stride", 8)) l.stride_width = number(line, *at, "the stride");
      if (const auto at = under(line, "padding", 8)) padding = number(line, *at, "the padding", 0);
      if (const auto at = under(line, "groups", 8)) l.groups = number(line, *at, "the number of groups");
      if (l.in_channels % l.groups != 0 || l.out_channels % l.groups != 0)
        fail(line.cells[*under(line, "groups", 8)],
             fmt::format("`{}` groups must divide the {} channels and the {} filters", l.groups, l.in_channels, l.out_channels));
      if (name.text.find("DP") != std::string_view::npos) l.groups = l.in_channels, l.out_channels *= l.in_channels;
    }
    check_ignored(line);
    place_windows(line, l, padding);
    if (l.kernel_height == l.in_height && l.kernel_width == l.in_width && l.groups == 1 && l.pad_bottom + l.pad_right == 0) l.op = Op::fc;
    try {
      validate(l);
    } catch (const std::exception& error) {
      fail(name, fmt::format("layer `{}` cannot be: {}; make it smaller", l.name, error.what()));
    }
    NetworkLayer layer;
    layer.spec = std::move(l);
    layer.inputs = {static_cast<int>(network_.layers.size()) - 1};
    network_.layers.push_back(std::move(layer));
  }

  void check_ignored(const Line& line) {
    const std::size_t from = is_product_ ? 4 : 8;
    if (const auto at = under(line, "batch", from); at && number(line, *at, "the batch") != 1)
      fail(line.cells[*at], fmt::format("a batch of `{}` belongs on the command line: write 1 and give --batches", shown_text(line.cells[*at].text)));
    if (const auto at = under(line, "spars", from)) {
      const Cell& cell = line.cells[*at];
      const std::size_t colon = cell.text.find(':');
      const auto kept = number_in(cell.text.substr(0, colon));
      const auto of = colon == std::string_view::npos ? std::nullopt : number_in(cell.text.substr(colon + 1));
      if (!kept || !of || *kept < 1 || *kept > *of) fail(cell, fmt::format("sparsity is N:M with N from 1 to M, as 2:4, got `{}`", shown_text(cell.text)));
      if (*kept != *of) ratio_ = cell.text;
    }
  }

  void place_windows(const Line& line, LayerSpec& l, std::optional<std::int64_t> padding) const {
    l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = padding.value_or(0);
    const auto outputs = [&](std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t& pad_after, std::size_t column, std::string_view axis) {
      const std::int64_t padded = in + 2 * padding.value_or(0);
      if (kernel > padded)
        fail(line.cells[column], fmt::format("a filter of {} `{}` does not fit an input of {} `{}`; make it smaller", axis, kernel, axis, padded));
      if (padding) return (padded - kernel) / stride + 1;
      const std::int64_t count = ceil_div(in - kernel, stride) + 1;
      pad_after = (count - 1) * stride + kernel - in;
      return count;
    };
    l.out_height = outputs(l.in_height, l.kernel_height, l.stride_height, l.pad_bottom, 3, "height");
    l.out_width = outputs(l.in_width, l.kernel_width, l.stride_width, l.pad_right, is_product_ ? 3 : 4, "width");
  }

  std::string unique(const std::string& name) {
    for (;;) {
      const std::int64_t times = ++seen_[name];
      if (times == 1) return name;
      const std::string candidate = fmt::format("{}_{}", name, times);
      if (++seen_[candidate] == 1) return candidate;
    }
  }

  const std::string file_;
  const std::vector<Line> lines_;
  std::vector<std::string> titles_;
  bool is_product_ = false;
  std::map<std::string, std::int64_t> seen_;
  std::string ratio_;
  Network network_;
};

}  // namespace

Network read_scale_sim_topology(const std::string& path) { return parse_scale_sim_topology(read_text_file(path), path); }

Network parse_scale_sim_topology(std::string_view text, const std::string& shown_name) { return TopologyFile(text, shown_name).read(); }

}  // namespace convroof
