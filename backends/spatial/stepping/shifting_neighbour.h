// Arrays of shifting neighbours, clock by clock: every PE has its two queues of past inputs, its sum, and takes each operand from where the wiring lets
// it. Every fetch from outer memory is found by marking words. Slow and plain on purpose; it knows no closed form.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::stepping {

// Where a PE's input came from.
enum class InputFrom { buffer, right, below, padding };

// One PE in one clock.
struct NeighbourCell {
  bool multiplies = false;
  InputFrom from = InputFrom::buffer;
  std::int64_t output = -1, k = -1;             // its output's place in NCHW; reduction index: channel, filter row, filter column
  std::int64_t input = 0, weight = 0, sum = 0;  // sum: after this clock's addition
};

struct NeighbourClock {
  std::uint64_t number = 0;                                                     // from 1, of the whole layer
  std::function<NeighbourCell(std::int64_t, std::int64_t, std::int64_t)> cell;  // (block, row, column)
  std::span<const std::int64_t> finished;                                       // places of outputs that left the array in this clock
};

using NeighbourObserver = std::function<void(const NeighbourClock&)>;

// Computes the layer into `output` (NCHW, all of it) and returns what happened. `observer` sees every clock.
Outcome run(const Accelerator& accelerator, const ShiftingNeighbourArray& array, const Problem& problem, std::span<std::int64_t> output,
            const NeighbourObserver& observer = {});

}  // namespace convroof::spatial::stepping
