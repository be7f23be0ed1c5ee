#include "backends/cuda/cudnn/tuner.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

namespace convroof::cuda {
namespace {

double median(std::vector<double> samples) {
  if (samples.empty()) return std::numeric_limits<double>::infinity();
  const std::size_t middle = samples.size() / 2;
  std::ranges::nth_element(samples, samples.begin() + static_cast<std::ptrdiff_t>(middle));
  return samples[middle];
}

}  // namespace

Tuned tune(int candidates, const std::function<double(int)>& measure, const TunerRules& rules) {
  std::vector<std::vector<double>> samples(static_cast<std::size_t>(candidates));
  std::vector<bool> in_play(static_cast<std::size_t>(candidates), true);
  std::string last_failure = "there are no candidates";
  const auto sample_all = [&](int times) {
    for (int round = 0; round < times; ++round)
      for (int i = 0; i < candidates; ++i) {
        if (!in_play[static_cast<std::size_t>(i)]) continue;
        try {
          samples[static_cast<std::size_t>(i)].push_back(measure(i));
        } catch (const std::exception& error) {
          in_play[static_cast<std::size_t>(i)] = false;
          samples[static_cast<std::size_t>(i)].clear();
          last_failure = error.what();
        }
      }
  };
  const auto medians = [&] {
    std::vector<double> all;
    for (const auto& some : samples) all.push_back(median(some));
    return all;
  };

  sample_all(rules.first_samples);
  std::vector<double> now = medians();
  const double fastest = now.empty() ? std::numeric_limits<double>::infinity() : *std::ranges::min_element(now);
  if (fastest == std::numeric_limits<double>::infinity()) throw std::runtime_error("no candidate could be timed: " + last_failure);
  for (std::size_t i = 1; i < now.size(); ++i) in_play[i] = in_play[i] && now[i] <= rules.keep_within * fastest;
  sample_all(rules.final_samples - rules.first_samples);
  now = medians();

  Tuned tuned{.medians = now};
  const auto best = static_cast<int>(std::ranges::min_element(now) - now.begin());
  if (now[static_cast<std::size_t>(best)] < now[0] * (1 - rules.margin)) tuned.best = best;
  const double chosen = now[static_cast<std::size_t>(tuned.best)];
  tuned.gain_over_incumbent = now[0] == std::numeric_limits<double>::infinity() ? 1.0 : now[0] / chosen;
  return tuned;
}

}  // namespace convroof::cuda
