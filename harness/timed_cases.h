// Reads what `compare` needs out of a run on disk. The file may come from anywhere, so it is checked as strictly as a stranger's: size, syntax, every field's
// type and range, and names that could not harm a terminal.
#pragma once

#include <string>
#include <vector>

namespace convroof {

// The part of a case that two runs must agree on to be comparable, and its time.
struct TimedCase {
  std::string name;
  int threads = 0;
  std::string cache, epilogue, workload_hash;
  std::string device, data;  // differences are remarked upon, not refused
  std::string outcome, reason;
  bool has_numbers = false;       // outcome measured or noisy; the fields below are 0 otherwise
  bool is_deterministic = false;  // a simulated clock
  bool is_contended = false;      // other programs kept the processors busy: the interval is not to be believed
  double seconds = 0, ci_lo = 0, ci_hi = 0;
};

// `path` is a run's folder (its run.json, or without one its journal.jsonl), a run.json or a journal. Throws std::invalid_argument with file, place and mend.
std::vector<TimedCase> read_timed_cases(const std::string& path);

// The same from a text, for tests; `origin` is the name used in messages. `is_journal`: a case a line, the last of a name counts, a cut last line is ignored.
std::vector<TimedCase> timed_cases_in(const std::string& text, const std::string& origin, bool is_journal);

}  // namespace convroof
