#include "harness/plots_process.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "harness/command_line.h"
#include "harness/exit_code.h"
#include "workloads/data_folder.h"

extern char** environ;

namespace convroof {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProbe = "import importlib.util as u, sys; sys.exit(0 if all(u.find_spec(m) for m in ('matplotlib', 'jinja2')) else 3)";

// Runs a program found by its path or in PATH, with our own stdin, stdout and stderr. Its exit code; 127 where it cannot be started, 128 + signal where one
// ended it.
int run_program(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));  // posix_spawn does not write to them
  argv.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawnp(&child, argv[0], nullptr, nullptr, argv.data(), environ) != 0) return 127;
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return 127;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The virtual environments that tools/set_up makes: in the folder of this binary, and in the source tree's build/.
std::vector<std::string> candidates() {
  std::vector<std::string> pythons;
  std::error_code error;
  const auto add = [&](const fs::path& folder) {
    const fs::path python = folder / "venv" / "bin" / "python";
    if (fs::exists(python, error)) pythons.push_back(python.string());
  };
  const fs::path binary = fs::read_symlink("/proc/self/exe", error);
  if (!error) add(binary.parent_path());
  for (const std::string& folder : data_folders()) add(fs::path(folder) / "build");
  pythons.emplace_back("python3");
  return pythons;
}

std::string mend(const std::string& plots) {
  return fmt::format(
      "mend: python3 -m venv build/venv && build/venv/bin/pip install -r {}/requirements.txt (or name a Python that has them in CONVROOF_PYTHON)", plots);
}

std::string find_python(const std::string& plots) {
  const char* named = std::getenv("CONVROOF_PYTHON");
  if (named != nullptr && *named != '\0') {
    const int code = run_program({named, "-c", kProbe});
    if (code == 0) return named;
    throw MissingError(fmt::format("CONVROOF_PYTHON={} {}; {}", named, code == 3 ? "lacks matplotlib or jinja2" : "cannot be started", mend(plots)));
  }
  for (const std::string& python : candidates())
    if (run_program({python, "-c", kProbe}) == 0) return python;
  throw MissingError(fmt::format("no Python here has matplotlib and jinja2; {}", mend(plots)));
}

}  // namespace

namespace {

std::string plots_main_file() {
  const std::string main_file = find_data("plots/__main__.py");
  if (main_file.empty()) throw MissingError("plots/ is not beside this binary's data; mend: cmake --install build, or set CONVROOF_DATA to the source tree");
  return main_file;
}

}  // namespace

std::string plots_python() { return find_python(fs::path(plots_main_file()).parent_path().string()); }

int run_plots(const std::string& verb, const std::vector<std::string>& arguments) {
  const std::string main_file = plots_main_file();
  const std::string plots = fs::path(main_file).parent_path().string();
  // -B: an installed plots/ may not be writable, and a source tree should stay clean.
  std::vector<std::string> words = {find_python(plots), "-B", plots, verb};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const int code = run_program(words);
  switch (code) {
    case exit_code::success:
    case exit_code::usage:
    case exit_code::missing:
    case exit_code::output_error:
    case exit_code::interrupted:
      return code;
    default:
      throw MissingError(fmt::format("plots/ broke down (exit {} of {}); {}", code, words.front(), mend(plots)));
  }
}

}  // namespace convroof
