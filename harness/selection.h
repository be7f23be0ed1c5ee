// What the filters of a command line select. An unknown name ends in a UsageError with the nearest known one; so does a pattern that matches nothing.
#pragma once

#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "harness/run_options.h"
#include "workloads/density.h"

namespace convroof {

struct PlannedNetwork;

// A regular expression (ECMAScript) of a person's.
class Pattern {
 public:
  Pattern(std::string_view option, const std::string& text);  // throws UsageError
  bool found_in(const std::string& text) const;               // anywhere, as Google Benchmark's filter does

 private:
  std::regex regex_;
};

struct SelectedBackend {
  Backend* backend = nullptr;
  std::vector<Variant> variants;
  std::vector<DataType> types;
};

std::vector<std::unique_ptr<PlannedNetwork>> selected_networks(const RunOptions& options);
struct SelectedDensity {
  DensitySet set;
  std::string word;  // as on the command line
};

std::vector<SelectedDensity> selected_densities(const RunOptions& options);
std::vector<SelectedBackend> selected_backends(const RunOptions& options);
// Per network, the indices of its layers that --layers selects; in a quick run only convolutions and fully connected layers.
std::vector<std::vector<int>> selected_layers(const RunOptions& options, const std::vector<std::unique_ptr<PlannedNetwork>>& networks);

// The sentence about an unknown word.
std::string unknown_word(std::string_view kind, const std::string& word, const std::vector<std::string>& known);

}  // namespace convroof
