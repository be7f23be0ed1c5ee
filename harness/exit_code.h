// What the program ends with. Scripts rely on these numbers.
#pragma once

namespace convroof::exit_code {

constexpr int success = 0;        // nothing wrong or failed; skips are allowed
constexpr int case_failed = 1;    // a case was wrong or failed
constexpr int usage = 2;          // usage, bad input, unknown name, nothing matched
constexpr int regression = 3;     // `compare` found one
constexpr int missing = 4;        // something given to --require, or Python for plots, is not there
constexpr int noisy = 5;          // too noisy under --strict
constexpr int output_error = 74;  // output could not be written
constexpr int interrupted = 130;

}  // namespace convroof::exit_code
