// One layer, all who can compute it, measured in turns: A B C ... C B A ..., so that whatever slows the machine down meets all alike.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "harness/expected.h"
#include "tools/versus/fma_probe.h"

namespace convroof::versus {

// Whose time a contender's counts for. `direct`: the vendor without Winograd; with `winograd` it is the vendor's best of everything.
enum class Side { vendor_direct, vendor_winograd, ours, ours_sparse };

struct Times {
  std::string variant, implementation;
  Side side = Side::ours;
  double best = 0, median = 0;  // seconds of one run
  std::vector<double> samples;  // seconds of one run, by round; shorter for who left early
  double relative_l2 = 0;       // of the checked output
};

struct Rules {
  int rounds = 7;                                                 // clean ones asked for; at least 5 count
  double sample_seconds = 2e-3;                                   // shorter kernels are run several times a sample
  std::string our_variants = "^(?!winograd6x6|winograd4x4-5x5)";  // left out: errors above the 1e-6 that f32 kernels are held to
};

// The machine was not quiet for long enough while this layer was measured: nothing measured of it is kept.
struct Disturbed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The machine is probed before and after each contender's sample, and a sample beside a disturbed probe is taken again: a disturbance costs the one who had
// its turn, not the round. Contenders that refuse the case are not in the result; one that is wrong throws std::runtime_error with the verdict. Cases with
// CacheState::cold sweep the caches before each run.
std::vector<Times> contest(const Case& c, const Operands& operands, const Expected& expected, const Rules& rules, QuietGuard& guard);

// The fastest of some sides by its best time; nullptr where none took part.
const Times* fastest(const std::vector<Times>& times, std::initializer_list<Side> sides);

}  // namespace convroof::versus
