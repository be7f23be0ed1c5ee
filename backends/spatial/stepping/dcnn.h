// DCNN, clock by clock: every PE latches a piece of its window and meets the filters one after another.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::stepping {

struct DcnnPeClock {
  std::int64_t n = -1, m = -1, first_k = -1;  // output pixel (of the batch), filter and first reduction index, of the group; -1: no work
  std::int64_t sum = 0;                       // after this clock
};

struct DcnnClock {
  std::uint64_t number = 0;  // from 1, of the whole layer
  std::int64_t group = 0;
  std::span<const DcnnPeClock> pes;  // by row and column
};

using DcnnObserver = std::function<void(const DcnnClock&)>;

// Computes the layer into `output` (NCHW, all of it) and returns what happened. `observer` sees every clock.
Outcome run(const Accelerator& accelerator, const Dcnn& array, const Problem& problem, std::span<std::int64_t> output, const DcnnObserver& observer = {});

}  // namespace convroof::spatial::stepping
