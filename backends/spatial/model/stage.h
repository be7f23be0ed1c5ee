// What both engines hand to their meters of memory stalls. During a stage the bus moves the stage's own results and the next stage's operands (double
// buffers); where that outlasts the array's clocks, the array waits.
#pragma once

#include <cstdint>

namespace convroof::spatial {

// One pass over the array, as the memory sees it. Bits, not words: operands differ in width.
struct Stage {
  std::uint64_t clocks = 0;     // of the array
  std::uint64_t load_bits = 0;  // must be there before the pass begins; fetched during the pass before
  std::uint64_t flow_bits = 0;  // moves during the pass: results out, partial sums out and in
  bool operator==(const Stage&) const = default;
};

}  // namespace convroof::spatial
