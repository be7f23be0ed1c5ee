// Machines without local reuse, clock by clock: lanes take inputs from their buffer, filters take weights from theirs, adder trees add into one register
// a filter. Where zeros are skipped every lane walks through its own bricks of (value, offset) pairs and waits at the window's end for the others.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::stepping {

struct NlrLane {
  enum class State { idle, empty_brick, multiplies } state = State::idle;  // idle: no channel for it, or done with the window and waiting for the others
  std::int64_t k = -1;                                                     // reduction index of its input
  std::int64_t input = 0;
};

struct NlrClock {
  std::uint64_t number = 0;                         // from 1, of the whole layer
  std::int64_t group = 0, n = 0, first_filter = 0;  // window and the first of the filters at work, within the group
  std::span<const NlrLane> lanes;
  std::span<const std::int64_t> sums;      // of the filters at work, after this clock
  std::span<const std::int64_t> finished;  // indices of outputs (canonical layout) that left since the clock before
};

using NlrObserver = std::function<void(const NlrClock&)>;

// Computes the layer into `output` (NCHW, all of it) and returns what happened. `observer` sees every clock.
Outcome run(const Accelerator& accelerator, const NoLocalReuse& array, const Problem& problem, std::span<std::int64_t> output,
            const NlrObserver& observer = {});

}  // namespace convroof::spatial::stepping
