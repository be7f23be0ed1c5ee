// Everything that a command line of `run` can say about what is to be measured. Plain data: it travels to worker processes and into the results file.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/stopping_rule.h"

namespace convroof {

struct RunOptions {
  // Filters; empty: the default.
  std::vector<std::string> networks;      // names or paths
  std::string layers;                     // regular expression, found anywhere in a layer's name
  std::vector<std::string> backends;      // names
  std::string variants;                   // regular expression, found anywhere in a variant's name
  std::vector<std::string> accelerators;  // names or paths
  std::vector<std::string> types;         // f32, bf16, f16, s8, s16; empty: each backend's own
  std::vector<std::int64_t> batches;      // empty: 1
  std::vector<std::string> densities;     // names or paths; empty: dense
  std::string case_filter;                // --benchmark_filter: regular expression on whole names; a leading '-' inverts it
  int threads = 0;                        // 0: physical cores
  std::string cache = "warm";             // cold, warm
  std::string epilogue = "layer";         // layer, bias, none
  std::string data;                       // normal, integers; empty: by type
  std::uint64_t seed = 1;
  bool quick = false;

  // How precisely.
  double half_width = 0;    // 0: 0.01, quick 0.05
  double min_seconds = -1;  // below 0: the default
  double max_seconds = -1;
  std::int64_t samples = 0;  // exactly so many; 0: as the stopping rule says
  int repetitions = 1;
  bool no_ceilings = false;    // roofs are not measured; every bound is unknown
  double timeout_seconds = 0;  // for one case; 0: by its size

  Sampling sampling() const;
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RunOptions, networks, layers, backends, variants, accelerators, types, batches, densities, case_filter, threads,
                                                cache, epilogue, data, seed, quick, half_width, min_seconds, max_seconds, samples, repetitions, no_ceilings,
                                                timeout_seconds)

// In the results file. options_from throws nlohmann::json::exception for anything that is not options.
nlohmann::ordered_json to_json(const RunOptions& options);
RunOptions options_from(const nlohmann::ordered_json& json);

}  // namespace convroof
