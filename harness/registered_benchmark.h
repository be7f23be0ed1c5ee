// Runs a case as a registered Google Benchmark: manual time, one iteration, inside which our own sampling runs. The library keeps the repetitions and
// its own view of them; its reporters, which write to the console and cannot write strict JSON, are replaced by one that only listens.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace convroof {

// Calls `sample` once a repetition; it returns the seconds of one run. Returns what the library recorded, one number a repetition.
// An exception out of `sample` ends the benchmark and is thrown on.
std::vector<double> run_registered(const std::string& name, int repetitions, const std::function<double()>& sample);

}  // namespace convroof
