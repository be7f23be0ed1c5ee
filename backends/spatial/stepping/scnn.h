// SCNN, clock by clock: every PE walks through its compressed inputs and weights, products queue for their accumulator banks, PEs wait for each other at
// the end of a block of filters, and sums of the halo travel to their owners.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::stepping {

struct ScnnPeClock {
  enum class State { waits, multiplies, queues } state = State::waits;  // queues: products of the clock before still wait for their bank
  std::int64_t channel = -1;                                            // of the group
  std::int64_t products = 0, stored = 0;                                // multiplied (neither factor a placeholder); taken by the banks
  std::int64_t sent = 0;                                                // sums of the halo sent, of the block before
};

struct ScnnClock {
  std::uint64_t number = 0;                             // from 1, of the whole layer
  std::int64_t image = 0, group = 0, first_filter = 0;  // of the block at work
  std::span<const ScnnPeClock> pes;                     // by row and column
  std::span<const std::int64_t> finished;               // indices of outputs (canonical layout) that left since the clock before
};

using ScnnObserver = std::function<void(const ScnnClock&)>;

// Computes the layer into `output` (NCHW, all of it) and returns what happened. `observer` sees every clock.
Outcome run(const Accelerator& accelerator, const Scnn& array, const Problem& problem, std::span<std::int64_t> output, const ScnnObserver& observer = {});

}  // namespace convroof::spatial::stepping
