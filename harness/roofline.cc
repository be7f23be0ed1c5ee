#include "harness/roofline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>

namespace convroof {
namespace {

bool same_machine(const RooflinePoint& point, const Ceiling& ceiling) {
  // A device's own roofs do not depend on the host's threads.
  return ceiling.device == point.device && (point.clock != Clock::host || ceiling.threads == point.threads) && ceiling.value > 0;
}

// 0 stands for "unlimited": such a level is the outermost.
double capacity(const Ceiling& ceiling) {
  return ceiling.capacity_bytes > 0 ? static_cast<double>(ceiling.capacity_bytes) : std::numeric_limits<double>::infinity();
}

std::string upper_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

}  // namespace

const Ceiling* compute_roof(const RooflinePoint& point, const std::vector<Ceiling>& ceilings) {
  const Ceiling* roof = nullptr;
  for (const Ceiling& ceiling : ceilings) {
    if (ceiling.kind != "compute" || !same_machine(point, ceiling)) continue;
    if (ceiling.type != point.type || ceiling.accumulator != point.accumulator || ceiling.unit_used != point.unit_used) continue;
    if (roof == nullptr || ceiling.value > roof->value) roof = &ceiling;
  }
  return roof;
}

const Ceiling* bandwidth_roof(const RooflinePoint& point, const std::vector<Ceiling>& ceilings) {
  const Ceiling* innermost = nullptr;  // that holds the working set
  const Ceiling* outermost = nullptr;
  bool has_cache = false;
  for (const Ceiling& ceiling : ceilings) {
    if (ceiling.kind != "bandwidth" || !same_machine(point, ceiling)) continue;
    has_cache = has_cache || ceiling.capacity_bytes > 0;
    if (outermost == nullptr || capacity(ceiling) > capacity(*outermost)) outermost = &ceiling;
    if (capacity(ceiling) < point.bytes_packed) continue;
    if (innermost == nullptr || capacity(ceiling) < capacity(*innermost)) innermost = &ceiling;
  }
  if (point.cache == CacheState::cold) return outermost;
  if (!has_cache && point.clock != Clock::simulated) return nullptr;
  return innermost != nullptr ? innermost : outermost;
}

RoofJudgement judge(const RooflinePoint& point, const std::vector<Ceiling>& ceilings) {
  RoofJudgement result;
  const bool has_macs = point.macs_executed > 0;
  const Ceiling* const compute = has_macs ? compute_roof(point, ceilings) : nullptr;
  const Ceiling* const bandwidth = point.bytes_packed > 0 ? bandwidth_roof(point, ceilings) : nullptr;
  if (has_macs ? compute == nullptr : bandwidth == nullptr) return result;
  if (point.seconds <= 0 || point.ops() <= 0) return result;

  const Ceiling* limit = compute;
  double roof = compute != nullptr ? compute->value : std::numeric_limits<double>::infinity();
  result.bound = "compute";
  if (bandwidth != nullptr && bandwidth->value * point.intensity() < roof) {
    limit = bandwidth;
    roof = bandwidth->value * point.intensity();
    result.bound = upper_case(bandwidth->level) + " bandwidth";
  }
  result.roof_ops_per_second = roof;
  result.roof_fraction = point.ops_per_second() / roof;
  // "Is it inside?", so that a NaN is outside.
  result.untrusted = !(*result.roof_fraction <= kRoofTolerance);
  if (result.untrusted)
    result.explanation =
        fmt::format("{:.4g} op/s is {:.1f} % of its roof, {:.4g} op/s ({} of {:.4g} {}, spread {:.1f} %): the roof, the time or the counts are wrong",
                    point.ops_per_second(), 100 * *result.roof_fraction, roof, result.bound, limit->value, limit->unit, 100 * limit->spread);
  return result;
}

}  // namespace convroof
