// One case as it stands in the results: the only place that knows the names of its fields. results/README.md explains every one.
//
// A row always has every field. Numbers are null until a case is `measured` or `noisy`.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "harness/measure.h"
#include "harness/plan.h"
#include "harness/roofline.h"
#include "harness/verify.h"

namespace convroof {

using Row = nlohmann::ordered_json;

// What is known before anything ran. The outcome is `skipped`, for the plan's reason or because the case was not reached.
Row planned_row(const Plan& plan, const PlannedCase& planned);
inline constexpr const char* kNotReached = "interrupted";

// Results of a case whose output was right.
struct Numbers {
  Measurement measurement;
  std::vector<double> repetition_seconds;  // the median of each repetition, one for one
  Work work;
  Verdict verdict;
  double prepare_seconds = 0;  // packing, planning, copies: not part of `seconds`
};
void add_numbers(Row& row, const Numbers& numbers);

// Ends a case without numbers: skipped, wrong, untrusted, failed.
void end_row(Row& row, const std::string& outcome, const std::string& reason);

// Judges a row with numbers by the roofs; one far above its roof becomes `untrusted` and loses them. Rows without numbers are left alone.
RoofJudgement add_roof(Row& row, const std::vector<Ceiling>& ceilings);
RooflinePoint point_of(const Row& row);

bool has_numbers(const Row& row);
bool is_bad(const Row& row);  // wrong or failed: the run ends with exit 1

Row to_json(const Ceiling& ceiling);
Ceiling ceiling_from(const Row& json);

// Replaces what strict JSON does not know (NaN, infinities) by null, anywhere inside.
void drop_non_finite(Row& json);

}  // namespace convroof
