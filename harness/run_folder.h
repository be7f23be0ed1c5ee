// A run on disk: DIR/journal.jsonl, a finished case a line, flushed as it ends, and DIR/run.json, whole and strict, replaced in one step. The only writer of
// results. Every failure to write throws OutputError; what was written before stays.
#pragma once

#include <map>
#include <string>

#include "harness/case_row.h"

namespace convroof {

class RunFolder {
 public:
  // A new run. Throws UsageError when the folder holds something and `force` is not given (with it, an earlier run's files are replaced).
  static RunFolder create(const std::string& path, bool force);
  // An unfinished one. Throws UsageError when there is none.
  static RunFolder resume(const std::string& path);

  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  const std::string& path() const { return path_; }
  std::string run_file() const { return path_ + "/run.json"; }

  // Rows of the journal by name; the last of a name counts. A last line cut short by a crash is dropped from the file.
  std::map<std::string, Row> finished_rows();
  // run.json of a resumed run; null where there is none or it cannot be read.
  Row earlier_run() const;

  void append(const Row& row);       // to the journal
  void write_run(const Row& whole);  // run.json

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  void open_journal(int flags);
  std::string path_;
  int journal_ = -1;
};

// Writes `text` to `path` by way of a temporary file beside it, so that a reader sees the old content or the new. Throws OutputError.
void write_atomically(const std::string& path, const std::string& text);

}  // namespace convroof
