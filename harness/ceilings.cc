#include "harness/ceilings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace convroof {
namespace {

bool is_usable(const Ceiling& ceiling) { return std::isfinite(ceiling.value) && ceiling.value > 0; }

void make_finite(double& value) {
  if (!std::isfinite(value) || value < 0) value = 0;  // 0 says "unknown" in every optional field of a ceiling
}

// The repetitions behind a spread are not kept, so that of two measurements together is taken at its worst.
Ceiling merged(const Ceiling& a, const Ceiling& b) {
  Ceiling result = a.value >= b.value ? a : b;
  const double lower = std::min(a.value * (1 - a.spread), b.value * (1 - b.spread));
  result.spread = std::max({a.spread, b.spread, (result.value - lower) / result.value});
  return result;
}

}  // namespace

bool same_roof(const Ceiling& a, const Ceiling& b) {
  return a.device == b.device && a.kind == b.kind && a.type == b.type && a.accumulator == b.accumulator && a.unit_used == b.unit_used && a.level == b.level &&
         a.threads == b.threads;
}

std::vector<Ceiling> merge_ceilings(std::vector<Ceiling> first, const std::vector<Ceiling>& second) {
  for (const Ceiling& ceiling : second) {
    const auto known = std::find_if(first.begin(), first.end(), [&](const Ceiling& c) { return same_roof(c, ceiling); });
    if (known == first.end()) {
      first.push_back(ceiling);
    } else {
      *known = merged(*known, ceiling);
    }
  }
  return first;
}

std::optional<std::string> objection_to(const Ceiling& ceiling) {
  if (ceiling.theoretical <= 0 || ceiling.source != "measured") return std::nullopt;
  const double share = ceiling.value / ceiling.theoretical;
  if (share > 1.02) return fmt::format("{:.0f} % of theory: more than the device can do, so clock or theory is wrong", 100 * share);
  if (share < 0.5) return fmt::format("{:.0f} % of theory: the device was busy, throttled, or did not use its widest instructions", 100 * share);
  return std::nullopt;
}

std::vector<Ceiling> gather_ceilings(const std::vector<CeilingRequest>& requests, int threads, const std::function<void(const std::string&)>& warn) {
  std::vector<Ceiling> all;
  const auto add = [&](std::vector<Ceiling> some) {
    std::erase_if(some, [](const Ceiling& c) { return !is_usable(c); });
    for (Ceiling& ceiling : some) {
      make_finite(ceiling.clock_hz);
      make_finite(ceiling.spread);
      make_finite(ceiling.theoretical);
      if (const auto objection = objection_to(ceiling)) ceiling.method += fmt::format("; FLAGGED: {}", *objection);
    }
    all = merge_ceilings(std::move(all), some);
  };
  for (const CeilingRequest& request : requests) {
    if (request.backend == nullptr || !request.backend->available()) continue;
    try {
      for (const DataType type : request.types) add(request.backend->compute_ceilings(type, threads));
      add(request.backend->bandwidth_ceilings(threads));
    } catch (const std::exception& failure) {  // a device that cannot be probed has no roof; its cases say "unknown"
      if (warn) warn(fmt::format("no roofs of {}: {}", request.backend->name(), failure.what()));
    }
  }
  return all;
}

}  // namespace convroof
