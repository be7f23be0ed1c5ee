#include "harness/command_line.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "harness/exit_code.h"
#include "workloads/nearest.h"
#include "workloads/toml_document.h"

namespace convroof {
namespace {

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

// The first argument that looks like an option and is none; empty where there is none.
std::string unknown_option(const CLI::App& app, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    if (argument.size() < 2 || argument[0] != '-' || (argument[1] >= '0' && argument[1] <= '9') || argument[1] == '.') continue;
    const std::string name = argument.substr(0, argument.find('='));
    bool known = false;
    for (const CLI::Option* option : app.get_options()) known = known || option->check_name(name);
    if (!known) return name;
  }
  return "";
}

int complain(const char* message, int code) {
  std::string line(message);
  while (!line.empty() && line.back() == '\n') line.pop_back();
  std::fprintf(stderr, "convroof: %s\n", line.c_str());
  return code;
}

}  // namespace

std::optional<int> parse_arguments(CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 takes them from the back
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    flush_stdout();
    return exit_code::success;
  } catch (const CLI::ParseError& error) {
    if (const std::string option = unknown_option(app, arguments); !option.empty())
      throw UsageError(fmt::format("{} (convroof {} --help lists all)", unknown_name("option", option, option_names(app)), app.get_name()));
    throw UsageError(fmt::format("{} (see convroof {} --help)", error.what(), app.get_name()));
  }
  return std::nullopt;
}

int guarded(const std::function<int()>& verb) {
  try {
    return verb();
  } catch (const UsageError& error) {
    return complain(error.what(), exit_code::usage);
  } catch (const InputError& error) {
    return complain(error.what(), exit_code::usage);
  } catch (const std::invalid_argument& error) {
    return complain(error.what(), exit_code::usage);
  } catch (const std::overflow_error& error) {
    return complain(error.what(), exit_code::usage);
  } catch (const MissingError& error) {
    return complain(error.what(), exit_code::missing);
  } catch (const OutputError& error) {
    return complain(error.what(), exit_code::output_error);
  } catch (const std::bad_alloc&) {
    return complain("out of memory", exit_code::case_failed);
  } catch (const std::exception& error) {
    return complain(fmt::format("unexpected: {}", error.what()).c_str(), exit_code::case_failed);
  }
}

void flush_stdout() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw OutputError(fmt::format("standard output could not be written: {}", std::strerror(errno)));
}

}  // namespace convroof
