// Starts plots/ (Python) for the verbs that draw. The only place that knows how Python is found.
#pragma once

#include <string>
#include <vector>

namespace convroof {

// Runs `python plots VERB ARGUMENTS...` with the first of $CONVROOF_PYTHON, the virtual environment of the build folder and python3 that has the libraries,
// and returns its exit code. Throws MissingError, with the command that mends it, where no Python can draw or plots/ breaks down.
int run_plots(const std::string& verb, const std::vector<std::string>& arguments);

// The Python that run_plots would start. Throws as it does.
std::string plots_python();

}  // namespace convroof
