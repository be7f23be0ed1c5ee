// The results once more in Google Benchmark's form, for its own tools and for readers of its files. Only cases with numbers appear: a reader that takes every
// entry would chart a skipped one as 0 ns.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/case_row.h"

namespace convroof {

// `benchmarks[]`: an entry a repetition, and mean, median, stddev and cv where there are several. Times in ns.
Row benchmarks_of(const std::vector<Row>& rows);

// A whole file as --benchmark_out asks for it: json, csv or console.
std::string benchmark_file(const std::string& format, const Row& context, const std::vector<Row>& rows);

}  // namespace convroof
