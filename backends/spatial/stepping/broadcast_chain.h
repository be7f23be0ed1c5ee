// Broadcast chains, clock by clock: pixels are called out to all PEs of an engine, sums move from PE to PE through delay lines of the right length.
// Slow and plain on purpose; it knows no closed form.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::stepping {

// One PE in one clock.
struct ChainCell {
  bool multiplies = false;
  std::int64_t output = -1, k = -1;             // the output that its sum belongs to, by its place in NCHW; reduction index
  std::int64_t input = 0, weight = 0, sum = 0;  // sum: after this clock's addition
};

struct ChainClock {
  std::uint64_t number = 0;  // from 1, of the whole layer
  bool loading = false;      // weights are being shifted in
  // (filter of the block, channel of the chain, row and column in the engine)
  std::function<ChainCell(std::int64_t, std::int64_t, std::int64_t, std::int64_t)> cell;
  std::span<const std::int64_t> finished;  // places of outputs that left the array in this clock
};

using ChainObserver = std::function<void(const ChainClock&)>;

// Computes the layer into `output` (NCHW, all of it) and returns what happened. `observer` sees every clock.
Outcome run(const Accelerator& accelerator, const BroadcastChainArray& array, const Problem& problem, std::span<std::int64_t> output,
            const ChainObserver& observer = {});

}  // namespace convroof::spatial::stepping
