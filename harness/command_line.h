// Command lines of verbs: CLI11 does the parsing, this file gives its mistakes one form and one exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace convroof {

// A mistake on the command line that only shows after parsing. Ends in exit 2, as InputError and std::invalid_argument do.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Something needed is not on this machine. Ends in exit 4; the message carries the mend.
class MissingError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Output could not be written (full disk, closed pipe, no permission). Ends in exit 74.
class OutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Parses the arguments after a verb. Returns an exit code when the verb is finished (--help was printed), nothing when it should go on.
// Throws UsageError; an unknown option is reported with the nearest known one.
std::optional<int> parse_arguments(CLI::App& app, const std::vector<std::string>& arguments);

// Runs one verb and turns exceptions into one line on stderr and an exit code.
int guarded(const std::function<int()>& verb);

// Writes what is buffered of stdout. Throws OutputError when that fails; every verb that prints data ends with it.
void flush_stdout();

}  // namespace convroof
