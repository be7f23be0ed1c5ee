// Where a measured case stands under the roofs of its device. Pure: numbers in, judgement out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"

namespace convroof {

// A roofline point, before it is judged.
struct RooflinePoint {
  std::string device;                        // as in Ceiling
  std::string type, accumulator, unit_used;  // of the instructions that did the work
  int threads = 1;
  Clock clock = Clock::host;
  CacheState cache = CacheState::warm;
  double seconds = 0;  // of one run
  double macs_executed = 0;
  double ops_other = 0;
  double bytes_packed = 0;

  double ops() const { return 2 * macs_executed + ops_other; }
  double ops_per_second() const { return ops() / seconds; }
  double intensity() const { return ops() / bytes_packed; }  // operations a byte: intensity_executed
};

struct RoofJudgement {
  std::optional<double> roof_ops_per_second;  // nothing: no roof is known
  std::optional<double> roof_fraction;        // of the roof that was reached; nothing likewise
  std::string bound = "unknown";              // "compute", "L2 bandwidth", "DRAM bandwidth", ...
  bool untrusted = false;                     // above the roof by more than the tolerance: one of the two numbers is wrong
  std::string explanation;                    // where untrusted: what was compared with what
};

// A point may be this far above its roof: roofs have a spread of about a percent themselves.
inline constexpr double kRoofTolerance = 1.02;

// The lowest roof over the point:
//   compute    ceilings of the same device, type, accumulator, unit and (by the host's clock) threads; the highest if there are several measurements
//   bandwidth  warm: of the innermost level that holds bytes_packed; cold: of the outermost level. Times the point's intensity.
//              Of levels that hold equally much, the first in the list
// A layer without MACs is judged by bandwidth alone. A layer with MACs needs a compute roof: without one the bound is unknown.
// Warm points need a known cache: where only an outermost level without a capacity is known on a measured device, bandwidth says nothing about a warm point.
RoofJudgement judge(const RooflinePoint& point, const std::vector<Ceiling>& ceilings);

// The bandwidth that applies to the point; nullptr where none is known. Points into `ceilings`.
const Ceiling* bandwidth_roof(const RooflinePoint& point, const std::vector<Ceiling>& ceilings);
// The compute roof likewise.
const Ceiling* compute_roof(const RooflinePoint& point, const std::vector<Ceiling>& ceilings);

}  // namespace convroof
