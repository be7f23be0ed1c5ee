#include "workloads/toml_document.h"

#include <fmt/format.h>

#include <stdexcept>

// toml++ 3.3 meets some malformed table headers with an assertion instead of a parse error: found by mutating files, as in "[[.layer]]". A file is
// input, so a failed assertion must end as an error about the file, in release builds too (where the library would assume that it holds).
namespace {
[[noreturn]] void toml_parser_gave_up() { throw std::logic_error("the parser gave up here"); }
}  // namespace
#undef NDEBUG
#define TOML_ASSERT(condition) (static_cast<bool>(condition) ? static_cast<void>(0) : toml_parser_gave_up())
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "workloads/nearest.h"
#include "workloads/text_file.h"

namespace convroof {
namespace {

const toml::table& as_table(const void* table) { return *static_cast<const toml::table*>(table); }

// A value as the person wrote it, short enough for an error line and without control characters.
std::string shown(const toml::node& node) {
  std::ostringstream text;
  node.visit([&](const auto& n) {
    using Node = std::decay_t<decltype(n)>;
    if constexpr (toml::is_table<Node>) {
      text << "{...}";
    } else if constexpr (toml::is_array<Node>) {
      text << "[" << n.size() << " values]";
    } else if constexpr (toml::is_string<Node>) {
      text << *n;
    } else if constexpr (toml::is_boolean<Node>) {
      text << (*n ? "true" : "false");
    } else {
      text << *n;
    }
  });
  std::string result = text.str();
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  if (result.size() > 60) result = result.substr(0, 57) + "...";
  return result;
}

std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

[[noreturn]] void fail_node(const std::string& file, const toml::node& node, std::string_view message) {
  throw InputError(file, node.source().begin.line, node.source().begin.column, message);
}

[[noreturn]] void fail_type(const std::string& file, const toml::node& node, std::string_view key, std::string_view wanted) {
  fail_node(file, node, fmt::format("`{}` must be {}, got {} `{}`", key, wanted, kind_of(node), shown(node)));
}

std::int64_t checked_integer(const std::string& file, const toml::node& node, std::string_view key, std::int64_t low, std::int64_t high,
                             std::string_view wanted) {
  const auto* value = node.as_integer();
  if (value == nullptr) fail_type(file, node, key, wanted);
  const std::int64_t number = value->get();
  if (number < low || number > high) fail_node(file, node, fmt::format("`{}` must lie between {} and {}, got `{}`", key, low, high, number));
  return number;
}

}  // namespace

struct TomlDocument::Content {
  toml::table root;
};

TomlDocument::TomlDocument() : content_(std::make_unique<Content>()), file_(std::make_unique<std::string>()) {}
TomlDocument::TomlDocument(TomlDocument&&) noexcept = default;
TomlDocument& TomlDocument::operator=(TomlDocument&&) noexcept = default;
TomlDocument::~TomlDocument() = default;

TomlDocument TomlDocument::read(const std::string& path) { return parse(read_text_file(path), path); }

TomlDocument TomlDocument::parse(std::string_view text, const std::string& shown_name) {
  TomlDocument document;
  *document.file_ = shown_name;
  try {
    document.content_->root = toml::parse(text, shown_name);
  } catch (const std::logic_error& error) {
    throw InputError(shown_name, 1, 1, fmt::format("not TOML: {}; look for a malformed [table] or key, see https://toml.io", error.what()));
  } catch (const toml::parse_error& error) {
    std::string description(error.description());
    for (char& c : description)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    // The offending word: from the reported place to the next blank.
    const auto at = error.source().begin;
    std::string word;
    std::istringstream lines{std::string(text)};
    std::string line;
    for (toml::source_index n = 1; n <= at.line && std::getline(lines, line); ++n) {
    }
    if (at.column >= 1 && at.column <= line.size()) {
      word = line.substr(at.column - 1, 30);
      word = word.substr(0, word.find_first_of(" \t\r"));
      for (char& c : word)
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
    }
    throw InputError(shown_name, at.line, at.column,
                     fmt::format("not TOML: {}{}; see https://toml.io", description, word.empty() ? "" : fmt::format(", at `{}`", word)));
  }
  return document;
}

TomlTable TomlDocument::root() const { return TomlTable(&content_->root, file_.get()); }

bool TomlTable::has(std::string_view key) const { return as_table(table_).contains(key); }

std::optional<std::int64_t> TomlTable::integer(std::string_view key, std::int64_t low, std::int64_t high) const {
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  return checked_integer(*file_, *node, key, low, high, "an integer");
}

std::optional<double> TomlTable::number(std::string_view key, double low, double high) const {
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_number()) fail_type(*file_, *node, key, "a number");
  // node->value<double>() is empty where an integer has no exact double.
  const auto* whole = node->as_integer();
  const double value = whole != nullptr ? static_cast<double>(whole->get()) : node->as_floating_point()->get();
  if (!(value >= low && value <= high)) fail_node(*file_, *node, fmt::format("`{}` must lie between {} and {}, got `{}`", key, low, high, shown(*node)));
  return value;
}

std::optional<std::string> TomlTable::text(std::string_view key) const {
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_string();
  if (value == nullptr) fail_type(*file_, *node, key, "a string");
  for (const char c : value->get())
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) fail_node(*file_, *node, fmt::format("`{}` must be one line of printable text", key));
  return value->get();
}

std::optional<bool> TomlTable::boolean(std::string_view key) const {
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_boolean();
  if (value == nullptr) fail_type(*file_, *node, key, "true or false");
  return value->get();
}

std::optional<std::vector<std::string>> TomlTable::texts(std::string_view key) const {
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* value = node->as_string()) return std::vector<std::string>{value->get()};
  const auto* array = node->as_array();
  if (array == nullptr) fail_type(*file_, *node, key, "a string or an array of strings");
  std::vector<std::string> result;
  for (const toml::node& element : *array) {
    const auto* value = element.as_string();
    if (value == nullptr) fail_type(*file_, element, key, "a string or an array of strings");
    result.push_back(value->get());
  }
  return result;
}

std::optional<std::vector<std::int64_t>> TomlTable::integers(std::string_view key, std::int64_t low, std::int64_t high,
                                                             std::vector<std::size_t> lengths) const {
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  const std::string wanted = fmt::format("an integer or an array of {} integers", fmt::join(lengths, " or "));
  const auto* array = node->as_array();
  if (array == nullptr) return std::vector<std::int64_t>{checked_integer(*file_, *node, key, low, high, wanted)};
  std::vector<std::int64_t> result;
  for (const toml::node& element : *array) result.push_back(checked_integer(*file_, element, key, low, high, wanted));
  if (std::find(lengths.begin(), lengths.end(), result.size()) == lengths.end())
    fail_node(*file_, *node, fmt::format("`{}` must be {}, got `{}` of them", key, wanted, result.size()));
  return result;
}

std::optional<TomlTable> TomlTable::table(std::string_view key) const {
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_table();
  if (value == nullptr) fail_type(*file_, *node, key, "a table");
  return TomlTable(value, file_);
}

std::vector<TomlTable> TomlTable::tables(std::string_view key) const {
  std::vector<TomlTable> result;
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return result;
  const auto* array = node->as_array();
  if (array == nullptr) fail_type(*file_, *node, key, fmt::format("an array of tables, written [[{}]]", key));
  for (const toml::node& element : *array) {
    const auto* value = element.as_table();
    if (value == nullptr) fail_type(*file_, element, key, fmt::format("an array of tables, written [[{}]]", key));
    result.push_back(TomlTable(value, file_));
  }
  return result;
}

std::vector<std::string> TomlTable::keys() const {
  std::vector<std::string> result;
  for (const auto& [key, node] : as_table(table_)) result.emplace_back(key.str());
  return result;
}

void TomlTable::allow_only(const std::vector<std::string>& known) const {
  // The first in the file, not in the alphabet: a person reads from the top.
  const toml::key* first = nullptr;
  for (const auto& [key, node] : as_table(table_)) {
    if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
    const auto place = [](const toml::key& k) { return std::pair(k.source().begin.line, k.source().begin.column); };
    if (first == nullptr || place(key) < place(*first)) first = &key;
  }
  if (first != nullptr) throw InputError(*file_, first->source().begin.line, first->source().begin.column, unknown_name("key", first->str(), known));
}

void TomlTable::fail(std::string_view message) const { fail_node(*file_, as_table(table_), message); }

void TomlTable::fail_at(std::string_view key, std::string_view message) const {
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) fail(message);
  fail_node(*file_, *node, message);
}

void TomlTable::fail_missing(std::string_view key, std::string_view mend) const { fail(fmt::format("`{}` is missing; {}", key, mend)); }

}  // namespace convroof
