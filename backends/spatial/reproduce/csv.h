// Comma-separated values with a heading: quoted cells may hold commas and doubled quotes (RFC 4180, one line a row).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace convroof::spatial {

struct CsvRow {
  std::int64_t line = 0;
  std::map<std::string, std::string> cells;     // by heading
  std::map<std::string, std::int64_t> columns;  // where each begins, from 1
};

// Every heading of `headings` must be there, no other may. Throws InputError.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& shown_name, const std::vector<std::string>& headings);

}  // namespace convroof::spatial
