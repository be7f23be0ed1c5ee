// The Fast Efficient Inference Engine, clock by clock: a pixel goes to all PEs, weights rotate in shift registers, sums change between a PE's
// accumulator and its store. Slow and plain on purpose; it knows no closed form.
//
// A pass streams the pixels under one segment of outputs for one channel and one filter row. Passes follow in the order group, block of filters,
// segment, channel, filter row, so a sum grows in the order channel, row, tap.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::stepping {

// What one PE does in one clock.
struct FeieCell {
  bool multiplies = false;
  std::int64_t output = -1;                     // place in the output (NCHW)
  std::int64_t tap = -1;                        // place of the weight in its filter (CRS)
  std::int64_t input = 0, weight = 0, sum = 0;  // sum: after this clock's addition
};

// An output that no later clock changes.
struct FeieFinished {
  std::int64_t output = -1, value = 0;
  bool early = false;  // the rest of its pixels are zero
};

struct FeieClock {
  std::uint64_t number = 0;                                  // from 1, of the whole layer
  std::int64_t pixel = -1;                                   // place in the input (NCHW); -1: a padding zero, or nothing
  bool is_streaming = false;                                 // false: the array waits for weights, or the overhead of a pass
  bool is_bubble = false;                                    // first pixels of a further row of the segment: they complete no output
  std::int64_t filters = 0, pes = 0;                         // filters in use, PEs of each
  std::function<FeieCell(std::int64_t, std::int64_t)> cell;  // (filter, PE)
  std::span<const FeieFinished> finished;
};

using FeieObserver = std::function<void(const FeieClock&)>;

// Computes the layer into `output` (NCHW, all of it) and returns what happened. With packed filters the observer sees the first segment of a round.
Outcome run(const Accelerator& accelerator, const FeieArray& array, const Problem& problem, std::span<std::int64_t> output, const FeieObserver& observer = {});

}  // namespace convroof::spatial::stepping
