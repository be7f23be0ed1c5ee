// What takes a layer away from an accelerator's stated peak, one cause after the other, counted in PE-clocks: one multiplier for one clock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial {

// total = array_shape + fragmentation + imbalance + conflicts + fill_and_drain + stalls + useful, to the last one. What each cause is in each family of
// machines: docs/backends/spatial/staircase.md.
struct Staircase {
  std::uint64_t total = 0;           // multipliers x (clocks + stalls)
  std::uint64_t array_shape = 0;     // multipliers that the layer never uses, in all clocks of the array
  std::uint64_t fragmentation = 0;   // of the others, those that the part at work (fold, block, vector, stride) leaves without a product
  std::uint64_t imbalance = 0;       // multipliers that wait for the slowest of their kind
  std::uint64_t conflicts = 0;       // multipliers that wait because two of their products want the same bank of sums
  std::uint64_t fill_and_drain = 0;  // clocks in which values enter or leave
  std::uint64_t stalls = 0;          // all multipliers, while the array waits for the outer memory
  std::uint64_t useful = 0;          // multiplications done

  // In the order of the descent, under the names of the results file.
  std::vector<std::pair<std::string_view, std::uint64_t>> losses() const;
};

// Throws std::overflow_error where the PE-clocks do not fit 64 bits.
Staircase staircase(const Accelerator& accelerator, const Problem& problem, const Outcome& outcome);

// The same in one line, in operations a second from the stated peak down: "peak 5.12e+11 > array shape 5.12e+11 > ... > stalls 2.1e+11".
std::string descent(const Accelerator& accelerator, const Staircase& steps);

}  // namespace convroof::spatial
