#include "workloads/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace convroof {
namespace {

// Optimal string alignment distance (Damerau-Levenshtein without repeated edits).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_previous, previous(b.size() + 1), current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) current[j] = std::min(current[j], before_previous[j - 2] + 1);
    }
    before_previous = previous;
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::numeric_limits<std::size_t>::max();
  // Words from files and command lines may be megabytes; nothing that long is near anything.
  const std::string_view start = word.substr(0, 100);
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(start, candidate);
    if (distance < best_distance) best = candidate, best_distance = distance;
  }
  return best;
}

std::string unknown_name(std::string_view kind, std::string_view word, const std::vector<std::string>& candidates) {
  const std::string shown(word.substr(0, 100));
  if (candidates.empty()) return fmt::format("unknown {} `{}`; none is known here", kind, shown);
  return fmt::format("unknown {} `{}`; did you mean `{}`?", kind, shown, nearest(word, candidates));
}

}  // namespace convroof
