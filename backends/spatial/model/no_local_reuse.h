// Machines without storage at their multipliers (no local reuse): rows of multipliers with an adder tree each, fed from buffers in every clock.
// Chen et al.: DianNao, ASPLOS 2014; Chen et al.: DaDianNao, MICRO 2014; with zero inputs skipped: Albericio et al.: Cnvlutin, ISCA 2016.
//
// A clock gives `lanes` inputs to all filters; each filter's tree adds its `lanes` products to the filter's sum. A window (the inputs under one output
// pixel) is finished before the next begins. Filters beyond filters_at_once() take further turns over all windows.
//
// Dense: a step is one tap with `lanes` neighbouring channels, taps in raster order, channels within; channels beyond the last idle their lanes.
// Skipping: lane l owns channels [l*d, (l+1)*d), d = ceil(channels / lanes), and goes through its own list of non-zero inputs; a (value, offset) pair
// a clock, so that lanes drift apart, and all wait for the last one at the window's end. Lists are stored in bricks of `brick` places: whole taps, as many
// as fit, where d <= brick, else pieces of one tap. A brick of zeros alone takes `empty_brick_clocks`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "backends/spatial/model/problem.h"
#include "workloads/checked.h"

namespace convroof {
class TomlTable;
}  // namespace convroof

namespace convroof::spatial {

struct Accelerator;

struct NoLocalReuse {
  std::int64_t lanes = 16;             // inputs a clock
  std::int64_t filters_per_unit = 16;  // adder trees
  std::int64_t units = 1;
  bool skips_zeros = false;
  bool streams_padding = false;           // dense steps on padding take their clock; otherwise windows end at the input's border
  std::int64_t dense_below_channels = 0;  // a skipping machine runs layers with fewer input channels (a group's) as the dense one would
  std::int64_t brick = 16;
  std::int64_t empty_brick_clocks = 1;  // 0 or 1

  std::int64_t pixels_at_once = 0;                                      // windows whose sums the output buffer keeps; 0: all
  std::optional<std::int64_t> input_buffer_bytes, weight_buffer_bytes;  // absent: as large as the layer needs

  std::int64_t filters_at_once() const { return filters_per_unit * units; }
  std::int64_t multipliers() const { return lanes * filters_at_once(); }
  std::string shape() const;  // "16 units x 16 filters x 16 lanes"
  bool skips(const LayerSpec& layer) const { return skips_zeros && layer.in_channels_per_group() >= dense_below_channels; }
};

// The loops' bounds for one layer. Both engines follow them.
struct NlrLoops {
  std::int64_t taps, channels;   // of a group
  std::int64_t channel_steps;    // dense: steps a tap
  std::int64_t lane_channels;    // skipping: channels of a lane (d)
  std::int64_t taps_per_brick;   // skipping: 1 where a tap needs a brick or more
  std::int64_t bricks_per_tap;   // skipping: 1 where a brick holds a tap or more
  std::int64_t tile;             // windows between two visits of the outer memory
  std::int64_t steps_per_chunk;  // dense: steps whose weights the working half of the weight buffer holds; sums wait between chunks
  std::int64_t chunks;
  std::int64_t input_half_words;

  NlrLoops(const NoLocalReuse& array, const Problem& problem, int word_bits);
};

// Their keys: lanes, filters_per_unit, units, padding, pixels_at_once, [buffer.input], [buffer.weight]; cnvlutin: brick, empty_brick_clocks,
// dense_below_channels.
NoLocalReuse read_no_local_reuse(const TomlTable& root, const Accelerator& shared, bool skips_zeros);

// A skipping machine needs all weights of its filters at hand, since lanes take them out of order.
std::string why_not(const Accelerator&, const NoLocalReuse& array, const LayerSpec& layer, std::int64_t batch);

}  // namespace convroof::spatial
