// The emulator's verbs of the command line.
#pragma once

#include <string>
#include <vector>

#include "backends/backend.h"

namespace convroof::spatial {

std::vector<Verb> verbs();

int trace_main(const std::vector<std::string>& arguments);
int explain_main(const std::vector<std::string>& arguments);
int energy_main(const std::vector<std::string>& arguments);
int reproduce_main(const std::vector<std::string>& arguments);
int export_main(const std::vector<std::string>& arguments);

}  // namespace convroof::spatial
