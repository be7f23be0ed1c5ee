// A TOML file read strictly: wrong types, unknown keys and values out of range end in an InputError that names file, line, column, the offending word
// and the mend. Used for networks, densities and accelerators. The parser itself is toml++; it stays behind this header.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/input_error.h"

namespace convroof {

// One table of a document, as [name] or an element of [[name]]. A cheap handle: valid as long as the document.
class TomlTable {
 public:
  bool has(std::string_view key) const;

  // Each of these throws InputError when the key exists with another type or outside the range. Absent keys give nullopt.
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t low, std::int64_t high) const;
  std::optional<double> number(std::string_view key, double low, double high) const;  // integers are numbers too
  std::optional<std::string> text(std::string_view key) const;                        // one line, no control characters
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::vector<std::string>> texts(std::string_view key) const;  // a string, or an array of strings
  // An integer or an array of integers with one of the allowed lengths.
  std::optional<std::vector<std::int64_t>> integers(std::string_view key, std::int64_t low, std::int64_t high, std::vector<std::size_t> lengths) const;

  std::optional<TomlTable> table(std::string_view key) const;
  std::vector<TomlTable> tables(std::string_view key) const;  // [[key]]; empty when absent
  std::vector<std::string> keys() const;                      // sorted

  // Throws for the first key that is not in the list, naming the nearest one that is.
  void allow_only(const std::vector<std::string>& known) const;

  // Throw InputError at the table itself, at a key's value, or because a key is missing. `message` is a full sentence with its mend.
  [[noreturn]] void fail(std::string_view message) const;
  [[noreturn]] void fail_at(std::string_view key, std::string_view message) const;
  [[noreturn]] void fail_missing(std::string_view key, std::string_view mend) const;

 private:
  friend class TomlDocument;
  TomlTable(const void* table, const std::string* file) : table_(table), file_(file) {}
  const void* table_;
  const std::string* file_;
};

class TomlDocument {
 public:
  // Reads a file of at most 1 MiB. Throws InputError (syntax, encoding, size, unreadable).
  static TomlDocument read(const std::string& path);
  static TomlDocument parse(std::string_view text, const std::string& shown_name);

  TomlTable root() const;
  const std::string& file() const { return *file_; }

  TomlDocument(TomlDocument&&) noexcept;
  TomlDocument& operator=(TomlDocument&&) noexcept;
  ~TomlDocument();

 private:
  TomlDocument();
  struct Content;
  std::unique_ptr<Content> content_;
  std::unique_ptr<std::string> file_;
};

}  // namespace convroof
