// run.json as a whole, made from its parts. Pure but for the numbers it is given.
#pragma once

#include <string>
#include <vector>

#include "backends/backend.h"
#include "harness/case_row.h"

namespace convroof {

inline constexpr int kSchemaVersion = 1;

Row run_document(const Row& context, const std::vector<Ceiling>& ceilings, const std::vector<Row>& rows);

// What a network takes on one variant, as the sum of its layers' times x repeats. `complete`: every case that was asked for has a time.
Row totals_of(const std::vector<Row>& rows);

}  // namespace convroof
