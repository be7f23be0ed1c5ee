// What a person sees at the end of a run.
#pragma once

#include <string>
#include <vector>

#include "harness/case_row.h"

namespace convroof {

// A line a case and a line a network; cases that were skipped for the same reason are told of together.
std::string summary(const Row& document);

}  // namespace convroof
