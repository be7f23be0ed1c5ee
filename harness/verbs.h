// The verbs of the command line, one file each (verb_NAME.cc). Verbs of backends are appended to this table.
#pragma once

#include <vector>

#include "backends/backend.h"

namespace convroof {

Verb list_verb();
Verb describe_verb();
Verb plot_verb();
Verb report_verb();
Verb run_verb();
Verb ceilings_verb();
Verb compare_verb();
Verb doctor_verb();

// All verbs in the order of `convroof --help`, those of backends last.
std::vector<Verb> all_verbs();

// The whole program after main(): exit code of `convroof arguments...`.
int convroof_main(const std::vector<std::string>& arguments);

}  // namespace convroof
