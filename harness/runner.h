// Carries a plan out: starts workers, watches them, keeps what they answer. What happens inside a worker costs the running case and nothing else.
#pragma once

#include <string>
#include <vector>

#include "backends/backend.h"
#include "harness/case_row.h"
#include "harness/plan.h"
#include "harness/run_folder.h"

namespace convroof {

struct RunResult {
  std::vector<Row> rows;  // in plan order, every case
  std::vector<Ceiling> ceilings;
  Row libraries = Row::object();  // loaded by the workers
  bool interrupted = false;
};

// `finished`: rows of an earlier run that need not be measured again, by name. Rows go to the folder's journal as they end.
// Throws OutputError when the journal cannot be written: `result` then holds what was measured up to there.
void carry_out(const Plan& plan, const RunOptions& options, const std::map<std::string, Row>& finished, const std::vector<Ceiling>& earlier_ceilings,
               bool quiet, RunFolder& folder, RunResult& result);

// A command line that runs this one case again.
std::string reproducer(const Plan& plan, const PlannedCase& planned, const RunOptions& options);

}  // namespace convroof
