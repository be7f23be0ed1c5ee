#include "harness/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "harness/command_line.h"

namespace convroof {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, const char* what) { throw OutputError(fmt::format("{}: {}: {}", path, what, std::strerror(errno))); }

// Everything, or an error; errno tells which.
bool write_all(int fd, const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t written = write(fd, text.data() + sent, text.size() - sent);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    sent += static_cast<std::size_t>(written);
  }
  return true;
}

std::string journal_of(const std::string& path) { return path + "/journal.jsonl"; }

std::string strict(const Row& json, int indent) {
  Row copy = json;
  drop_non_finite(copy);
  return copy.dump(indent, ' ', false, Row::error_handler_t::replace);
}

}  // namespace

void write_atomically(const std::string& path, const std::string& text) {
  std::error_code ignored;
  if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored)) {  // a pipe or /dev/stdout must not be replaced by a file
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) fail(path, "cannot be written");
    const bool written = write_all(fd, text);
    const int error = errno;
    close(fd);
    errno = error;
    if (!written) fail(path, "cannot be written");
    return;
  }
  const std::string temporary = path + ".tmp";
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail(temporary, "cannot be written");
  const bool written = write_all(fd, text) && fsync(fd) == 0;
  const int error = errno;
  if (close(fd) != 0 || !written) {
    if (!written) errno = error;
    const int reason = errno;
    unlink(temporary.c_str());
    errno = reason;
    fail(path, "cannot be written");
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    unlink(temporary.c_str());
    errno = reason;
    fail(path, "cannot be replaced");
  }
}

RunFolder RunFolder::create(const std::string& path, bool force) {
  std::error_code error;
  if (fs::exists(path, error) && !fs::is_directory(path, error)) throw UsageError(fmt::format("--out {}: this is a file; name a folder", path));
  if (fs::is_directory(path, error) && fs::directory_iterator(path, error) != fs::directory_iterator() && !force)
    throw UsageError(fmt::format("--out {}: the folder is not empty; --resume {} goes on with the run in it, --force replaces that run", path, path));
  fs::create_directories(path, error);
  if (error) throw OutputError(fmt::format("{}: the folder cannot be made: {}", path, error.message()));
  RunFolder folder(path);
  folder.open_journal(O_TRUNC);
  return folder;
}

RunFolder RunFolder::resume(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(journal_of(path), error))
    throw UsageError(fmt::format("--resume {}: there is no journal.jsonl of a run in it; start one with --out {}", path, path));
  RunFolder folder(path);
  folder.open_journal(0);
  return folder;
}

RunFolder::RunFolder(RunFolder&& other) noexcept : path_(std::move(other.path_)), journal_(std::exchange(other.journal_, -1)) {}

RunFolder::~RunFolder() {
  if (journal_ >= 0) close(journal_);
}

void RunFolder::open_journal(int flags) {
  journal_ = open(journal_of(path_).c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0644);
  if (journal_ < 0) fail(journal_of(path_), "cannot be written");
}

std::map<std::string, Row> RunFolder::finished_rows() {
  std::ifstream stream(journal_of(path_), std::ios::binary);
  std::stringstream content;
  content << stream.rdbuf();
  const std::string text = content.str();
  std::map<std::string, Row> rows;
  std::size_t start = 0;
  for (int number = 1; start < text.size(); ++number) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string::npos) {  // the writer died in the middle of this line
      if (ftruncate(journal_, static_cast<off_t>(start)) != 0) fail(journal_of(path_), "cannot be shortened");
      break;
    }
    const Row row = Row::parse(text.begin() + static_cast<std::ptrdiff_t>(start), text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    if (!row.is_object() || !row.contains("name") || !row["name"].is_string() || !row.contains("outcome"))
      throw UsageError(fmt::format("{}:{}: this line is not a finished case; remove it to go on", journal_of(path_), number));
    rows[row["name"].get<std::string>()] = row;
    start = end + 1;
  }
  return rows;
}

Row RunFolder::earlier_run() const {
  std::ifstream stream(run_file());
  return stream ? Row::parse(stream, nullptr, false) : Row(nullptr);
}

void RunFolder::append(const Row& row) {
  const off_t before = lseek(journal_, 0, SEEK_END);
  if (write_all(journal_, strict(row, -1) + "\n")) return;
  const int error = errno;
  if (before >= 0 && ftruncate(journal_, before) != 0) { /* the half line stays; --resume drops it */
  }
  errno = error;
  fail(journal_of(path_), "cannot be written");
}

void RunFolder::write_run(const Row& whole) { write_atomically(run_file(), strict(whole, 1) + "\n"); }

}  // namespace convroof
