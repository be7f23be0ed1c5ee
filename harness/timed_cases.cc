#include "harness/timed_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace convroof {
namespace {

using Json = nlohmann::json;

constexpr std::uintmax_t kLargestFile = std::uintmax_t{512} << 20;  // a full run with all samples is some megabytes
constexpr std::size_t kLongestName = 512;
constexpr int kDeepest = 32;  // nested arrays and objects; the schema needs 5

[[noreturn]] void refuse(const std::string& where, const std::string& what) { throw std::invalid_argument(fmt::format("{}: {}", where, what)); }

// Printable ASCII without blanks: names go to terminals.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

std::string sanitised(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  if (text.size() > kLongestName) text.resize(kLongestName);
  return text;
}

// What a person can find in an editor: line and column of a byte.
std::string place_of(const std::string& text, std::size_t byte) {
  const std::size_t end = std::min(byte, text.size());
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
  const std::size_t start = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
  return fmt::format("{}:{}", line, start == std::string::npos ? end + 1 : end - start);
}

Json parse(const std::string& text, const std::string& where) {
  bool too_deep = false;
  try {
    Json json = Json::parse(text, [&](int depth, Json::parse_event_t, Json&) {
      too_deep = too_deep || depth > kDeepest;
      return !too_deep;
    });
    if (too_deep) refuse(where, fmt::format("nested more than {} deep; this is not a run of convroof", kDeepest));
    return json;
  } catch (const Json::parse_error& error) {
    refuse(fmt::format("{}:{}", where, place_of(text, error.byte == 0 ? 0 : error.byte - 1)), "not valid JSON; was the run interrupted while it was copied?");
  } catch (const Json::out_of_range& error) {  // a number that no double holds
    refuse(where, fmt::format("not valid JSON: {}", sanitised(error.what())));
  }
}

class CaseReader {
 public:
  CaseReader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json_.is_object()) refuse(where_, fmt::format("a case must be an object, not {}", json_.type_name()));
  }

  TimedCase read() const {
    TimedCase c;
    c.name = word("name");
    if (c.name.empty()) refuse(where_, "`name` is empty");
    const Json& threads = field("threads");
    if (!threads.is_number_integer() || threads.get<std::int64_t>() < 1 || threads.get<std::int64_t>() > 1'000'000)
      refuse(where_, "`threads` must be a whole number of at least 1");
    c.threads = threads.get<int>();
    c.cache = word("cache");
    c.epilogue = word("epilogue");
    c.workload_hash = word("workload_hash");
    c.outcome = word("outcome");
    c.device = optional_text("device");
    c.data = optional_text("data");
    c.reason = optional_text("reason");
    c.has_numbers = c.outcome == "measured" || c.outcome == "noisy";
    c.is_deterministic = optional_text("clock") == "simulated";
    c.is_contended = optional_text("stop_reason") == "contended";
    if (!c.has_numbers) return c;
    c.seconds = positive(field("seconds"), "seconds");
    const Json& interval = field("seconds_ci95");
    if (!interval.is_array() || interval.size() != 2) refuse(where_, "`seconds_ci95` must be [lo, hi]");
    c.ci_lo = positive(interval[0], "seconds_ci95");
    c.ci_hi = positive(interval[1], "seconds_ci95");
    if (!(c.ci_lo <= c.seconds && c.seconds <= c.ci_hi)) refuse(where_, "`seconds_ci95` does not hold `seconds`");
    return c;
  }

 private:
  const Json& field(const char* name) const {
    const auto found = json_.find(name);
    if (found == json_.end()) refuse(where_, fmt::format("`{}` is missing; this is not a run of convroof, or one of another schema", name));
    return *found;
  }
  std::string word(const char* name) const {
    const Json& value = field(name);
    if (!value.is_string()) refuse(where_, fmt::format("`{}` must be text, not {}", name, value.type_name()));
    std::string text = value.get<std::string>();
    if (text.size() > kLongestName || !is_plain(text))
      refuse(where_, fmt::format("`{}` must be at most {} printable characters without blanks", name, kLongestName));
    return text;
  }
  std::string optional_text(const char* name) const {
    const auto found = json_.find(name);
    return found != json_.end() && found->is_string() ? sanitised(found->get<std::string>()) : std::string();
  }
  double positive(const Json& value, const char* name) const {
    if (!value.is_number()) refuse(where_, fmt::format("`{}` must be a number, not {}", name, value.type_name()));
    const double number = value.get<double>();
    if (!(number > 0 && std::isfinite(number))) refuse(where_, fmt::format("`{}` must be above 0", name));
    return number;
  }

  const Json& json_;
  std::string where_;
};

std::vector<TimedCase> cases_of_document(const std::string& text, const std::string& origin) {
  const Json document = parse(text, origin);
  if (!document.is_object()) refuse(origin, "not a run of convroof: the file must hold an object");
  const auto schema = document.find("schema_version");
  if (schema == document.end()) refuse(origin, "not a run of convroof: `schema_version` is missing");
  const auto list = document.find("cases");
  if (list == document.end() || !list->is_array()) refuse(origin, "not a run of convroof: `cases` is missing");
  std::vector<TimedCase> cases;
  for (std::size_t i = 0; i < list->size(); ++i) cases.push_back(CaseReader((*list)[i], fmt::format("{}: cases[{}]", origin, i)).read());
  return cases;
}

std::vector<TimedCase> cases_of_journal(const std::string& text, const std::string& origin) {
  std::vector<TimedCase> cases;
  std::map<std::string, std::size_t> index_of;
  std::size_t line = 0, start = 0;
  while (start < text.size()) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string::npos) break;  // cut short by a crash
    ++line;
    if (end > start) {
      const std::string where = fmt::format("{}:{}", origin, line);
      TimedCase c = CaseReader(parse(text.substr(start, end - start), where), where).read();
      const auto [known, is_new] = index_of.emplace(c.name, cases.size());
      if (is_new) {
        cases.push_back(std::move(c));
      } else {
        cases[known->second] = std::move(c);
      }
    }
    start = end + 1;
  }
  return cases;
}

}  // namespace

std::vector<TimedCase> timed_cases_in(const std::string& text, const std::string& origin, bool is_journal) {
  return is_journal ? cases_of_journal(text, origin) : cases_of_document(text, origin);
}

std::vector<TimedCase> read_timed_cases(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path file = path;
  if (fs::is_directory(file, error)) {
    file = fs::path(path) / "run.json";
    if (!fs::exists(file, error)) file = fs::path(path) / "journal.jsonl";
    if (!fs::exists(file, error)) refuse(path, "holds neither run.json nor journal.jsonl; give the folder that `convroof run --out` wrote");
  }
  if (!fs::exists(file, error)) refuse(path, "no such file or folder");
  if (!fs::is_regular_file(file, error)) refuse(file.string(), "not a file");
  const std::uintmax_t size = fs::file_size(file, error);
  if (error) refuse(file.string(), "cannot be read");
  if (size > kLargestFile) refuse(file.string(), fmt::format("{} MiB are more than any run has (at most {} MiB)", size >> 20, kLargestFile >> 20));
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream content;
  content << stream.rdbuf();
  if (!stream.good() && size > 0) refuse(file.string(), "cannot be read");
  return timed_cases_in(std::move(content).str(), file.string(), file.extension() == ".jsonl");
}

}  // namespace convroof
