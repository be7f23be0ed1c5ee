// Runs cases inside a worker process: operands, check, time, check again.
#pragma once

#include <memory>
#include <string>

#include "harness/case_row.h"
#include "harness/expected.h"
#include "harness/inputs.h"
#include "harness/plan.h"

namespace convroof {

class CaseRunner {
 public:
  CaseRunner(const Plan& plan, const RunOptions& options);

  // The finished row of case `index`. Everything that goes wrong in an orderly way (no support, wrong output, exceptions, no memory) ends in its outcome.
  Row run(std::size_t index);

 private:
  // What cases of one group share. Kept until a case needs others.
  struct Shared {
    std::string key;
    OperandSet operands;
    std::unique_ptr<Expected> expected;
  };

  void run_supported(const PlannedCase& planned, const Case& c, Row& row);
  const Shared& shared_for(const PlannedCase& planned, const Case& c, const ErrorModel& model);

  const Plan& plan_;
  const RunOptions& options_;
  Shared shared_;
};

// Why a case cannot be held in memory; empty where it can.
std::string memory_objection(const Case& c, std::int64_t available_bytes);
std::int64_t available_memory_bytes();

}  // namespace convroof
