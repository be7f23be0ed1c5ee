#include "backends/spatial/model/scale_sim_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <vector>

#include "workloads/input_error.h"
#include "workloads/nearest.h"
#include "workloads/text_file.h"

namespace convroof::spatial {
namespace {

constexpr std::string_view kBlanks = " \t\r";
// SCALE-Sim counts one byte a word. Words stay words: ours have 16 bits, sums 64.
constexpr int kWordBytes = 2, kSumBytes = 8;

// Everything that SCALE-Sim's own files say. The first eight matter here; the fourth to sixth have other names in version 1.
const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> keys = {"ArrayHeight",        "ArrayWidth",         "Dataflow",
                                                "IfmapSramSzkB",      "FilterSramSzkB",     "OfmapSramSzkB",
                                                "Bandwidth",          "InterfaceBandwidth", "IfmapSramSz",
                                                "FilterSramSz",       "OfmapSramSz",        "run_name",
                                                "IfmapOffset",        "FilterOffset",       "OfmapOffset",
                                                "MemoryBanks",        "OnChipMemoryBanks",  "OnChipMemoryBankPorts",
                                                "ReadRequestBuffer",  "WriteRequestBuffer", "IfmapCustomLayout",
                                                "FilterCustomLayout", "IfmapSRAMBankNum",   "IfmapSRAMBankBandwidth",
                                                "IfmapSRAMBankPort",  "FilterSRAMBankNum",  "FilterSRAMBankBandwidth",
                                                "FilterSRAMBankPort", "SparsitySupport",    "SparseRep",
                                                "OptimizedMapping",   "BlockSize",          "RandomNumberGeneratorSeed",
                                                "NonZeroElems",       "UseRamulatorTrace",  "TopologyCsvLoc"};
  return keys;
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

struct Value {
  std::string text;
  std::int64_t line = 1, column = 1;
};

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

class ConfigFile {
 public:
  ConfigFile(std::string_view text, const std::string& shown_name) : file_(shown_name) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    bool in_section = false;
    for (std::int64_t number = 1; !text.empty(); ++number) {
      const std::string_view whole = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), whole.size() + 1));
      const std::string_view line = trimmed(whole);
      const auto column = static_cast<std::int64_t>(whole.find_first_not_of(kBlanks)) + 1;
      if (line.empty() || line.front() == '#' || line.front() == ';') continue;
      if (line.front() == '[') {
        if (line.back() != ']') fail({"", number, column}, fmt::format("`{}` is no section; write [architecture_presets]", shown_text(line)));
        in_section = true;
        continue;
      }
      if (!in_section) fail({"", number, column}, fmt::format("`{}` stands before the first section; put [general] above", shown_text(line)));
      add(line, number, column);
    }
  }

  std::string toml() const {
    const Value& word = needed("Dataflow", "one of ws, os, is");
    const std::string dataflow = lower_case(word.text);
    if (dataflow != "ws" && dataflow != "os" && dataflow != "is") fail(word, unknown_name("dataflow", shown_text(word.text), {"ws", "os", "is"}));
    const std::int64_t rows = number("ArrayHeight", 4096), columns = number("ArrayWidth", 4096);
    std::vector<std::string> assumptions = {"SCALE-Sim states no clock: 1 GHz is taken",
                                            "the SRAM sizes are so many words, as SCALE-Sim counts them: 16 bits an input or weight, 64 bits a sum"};
    std::string text = fmt::format("title = \"systolic array {} x {}, {} (SCALE-Sim configuration)\"\n", rows, columns, dataflow);
    text += "source = \"configuration file of SCALE-Sim: Samajdar et al., ISPASS 2020\"\nfidelity = \"family\"\n";
    text += fmt::format("dataflow = \"{}\"\nrows = {}\ncolumns = {}\nclock_hz = 1e9\n", dataflow, rows, columns);
    const std::int64_t tile = rows * columns;
    std::string tables = buffer("input", "Ifmap", dataflow == "is" ? tile : rows, kWordBytes);
    tables += buffer("weight", "Filter", dataflow == "ws" ? tile : dataflow == "os" ? columns : rows, kWordBytes);
    tables += buffer("output", "Ofmap", columns, kSumBytes);
    if (uses_bandwidth()) {
      const std::int64_t words = bandwidth();
      tables += fmt::format("[dram]\nbits_per_cycle = {}\n", words * 8 * kWordBytes);
      assumptions.push_back(fmt::format("one bus of {} words of 16 bits a clock moves everything", words));
    }
    for (const char* key : {"SparsitySupport", "IfmapCustomLayout", "FilterCustomLayout", "UseRamulatorTrace"})
      if (const Value* value = find(key); value != nullptr && lower_case(value->text) == "true") assumptions.push_back(fmt::format("{} is passed over", key));
    text += "assumptions = [";
    for (const std::string& assumption : assumptions) text += fmt::format("\"{}\", ", assumption);
    return text + "]\n" + tables;
  }

 private:
  [[noreturn]] void fail(const Value& at, std::string_view message) const { throw InputError(file_, at.line, at.column, message); }

  void add(std::string_view line, std::int64_t number, std::int64_t column) {
    const std::size_t delimiter = line.find_first_of(":=");
    if (delimiter == std::string_view::npos)
      fail({"", number, column}, fmt::format("`{}` is neither a section nor a key with its value; write it as ArrayHeight : 32", shown_text(line)));
    const std::string_view key = trimmed(line.substr(0, delimiter)), value = trimmed(line.substr(delimiter + 1));
    const auto& known = known_keys();
    const auto found = std::find_if(known.begin(), known.end(), [&](const std::string& k) { return lower_case(k) == lower_case(key); });
    if (found == known.end()) fail({"", number, column}, unknown_name("key", shown_text(key), known));
    const std::size_t start = value.empty() ? line.size() : static_cast<std::size_t>(value.data() - line.data());
    const Value entry{std::string(value), number, column + static_cast<std::int64_t>(start)};
    if (!values_.try_emplace(*found, entry).second) fail({"", number, column}, fmt::format("`{}` stands twice; keep one", *found));
  }

  const Value* find(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
  }

  const Value& needed(const std::string& key, std::string_view mend) const {
    const Value* value = find(key);
    if (value == nullptr) fail({"", 1, 1}, fmt::format("`{}` is missing; give {}", key, mend));
    return *value;
  }

  std::int64_t whole_number(std::string_view text, const Value& at, const std::string& key, std::int64_t most) const {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error == std::errc::invalid_argument || end != text.data() + text.size())
      fail(at, fmt::format("`{}` must be a whole number, got `{}`", key, shown_text(text)));
    if (error != std::errc() || value < 1 || value > most) fail(at, fmt::format("`{}` must lie between 1 and {}, got `{}`", key, most, shown_text(text)));
    return value;
  }

  std::int64_t number(const std::string& key, std::int64_t most) const {
    const Value& value = needed(key, fmt::format("it, as {} : 32", key));
    return whole_number(value.text, value, key, most);
  }

  std::string buffer(std::string_view name, const std::string& key, std::int64_t tile_words, int word_bytes) const {
    const std::string spelled = find(key + "SramSzkB") == nullptr && find(key + "SramSz") != nullptr ? key + "SramSz" : key + "SramSzkB";
    const std::int64_t kilobytes = number(spelled, 1 << 20);
    if (kilobytes * 1024 < 2 * tile_words)
      fail(*find(spelled), fmt::format("`{}` is smaller than one tile: both halves of {} words need `{}`, got `{}`; enlarge it", spelled, tile_words,
                                       (2 * tile_words + 1023) / 1024, kilobytes));
    return fmt::format("[buffer.{}]\nbytes = {}\n", name, kilobytes * 1024 * word_bytes);
  }

  // CALC: memory that never waits, as version 1 has it throughout.
  bool uses_bandwidth() const {
    const Value* mode = find("InterfaceBandwidth");
    if (mode == nullptr) return false;
    const std::string word = lower_case(mode->text);
    if (word != "user" && word != "calc") fail(*mode, unknown_name("InterfaceBandwidth", shown_text(mode->text), {"USER", "CALC"}));
    return word == "user";
  }

  // Words a clock. A list has one number for each operand's port; the first is taken.
  std::int64_t bandwidth() const {
    const Value& value = needed("Bandwidth", "it, as Bandwidth : 10 (or write InterfaceBandwidth : CALC)");
    return whole_number(trimmed(std::string_view(value.text).substr(0, value.text.find(','))), value, "Bandwidth", 1 << 20);
  }

  const std::string file_;
  std::map<std::string, Value> values_;
};

}  // namespace

std::string toml_of_scale_sim_config(std::string_view text, const std::string& shown_name) { return ConfigFile(text, shown_name).toml(); }

}  // namespace convroof::spatial
