#include "harness/run_options.h"

namespace convroof {

Sampling RunOptions::sampling() const {
  Sampling sampling;
  sampling.half_width = half_width > 0 ? half_width : quick ? 0.05 : 0.01;
  if (quick) sampling.min_seconds = 0.02, sampling.max_seconds = 0.4;
  if (min_seconds >= 0) sampling.min_seconds = min_seconds;
  if (max_seconds >= 0) sampling.max_seconds = max_seconds;
  if (sampling.max_seconds < sampling.min_seconds) sampling.max_seconds = sampling.min_seconds;
  if (samples > 0) {
    sampling.min_samples = sampling.max_samples = static_cast<int>(samples);
    sampling.min_seconds = 0;
    sampling.max_seconds = 1e9;
  }
  return sampling;
}

nlohmann::ordered_json to_json(const RunOptions& options) { return nlohmann::ordered_json(nlohmann::json(options)); }

RunOptions options_from(const nlohmann::ordered_json& json) { return nlohmann::json(json).get<RunOptions>(); }

}  // namespace convroof
