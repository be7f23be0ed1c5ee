// The Fast Efficient Inference Engine: ZASCAD (dense) and ZASCAS (skips zero-valued inputs). Ardakani, Condo, Gross: Fast and Efficient Convolutional
// Accelerator for Edge Computing, IEEE Transactions on Computers 69(1), 2020; dataflow as in Gross and Meyer's EPEPS 2019 tutorial.
//
// One input pixel a clock, in raster order, goes to all PEs. Weights of a filter row circulate through shift registers; PE k of a filter sees them S
// (stride) pixels after PE k - 1, so T = ceil(row / S) PEs work on T neighbouring outputs at a time. docs/backends/spatial/feie.md has the drawing.
#pragma once

#include <cstdint>
#include <string>

namespace convroof {
class TomlTable;
struct LayerSpec;
}  // namespace convroof

namespace convroof::spatial {

struct Accelerator;

// Which outputs of a filter the array holds at a time. A run of neighbouring outputs of one row streams the pixels under it, so every cut streams
// reach - S pixels again.
enum class Segments {
  raster,    // as many as the PEs can hold, in raster order (images one after another), cut wherever they are full
  row,       // whole rows where they fit; wider rows are cut
  unlimited  // all: no cut, as if the PEs' stores had no end
};

struct FeieArray {
  std::int64_t tiles = 0, pes_per_tile = 0;
  std::int64_t sums_per_pe = 0;  // words of a PE's store of partial sums

  Segments segments = Segments::raster;
  bool pads_last_segment = false;           // a segment that is not full streams as long as a full one
  bool packs_ragged_filters = false;        // filters that do not fill the array are given copies, which take further segments at the same time
  bool streams_unused_pixels = false;       // pixels between windows (stride beyond the filter row) are streamed too
  std::int64_t pass_overhead = 0;           // clocks added to every pass
  std::int64_t weight_words_per_clock = 0;  // a pass lasts at least as long as its weights take to come in; 0: they are always there

  bool skips_zeros = false;  // an input that is zero costs no clock
  int index_bits = 0;        // of the offset stored with a non-zero input: jumps at most 2^bits - 1 zeros, then a zero is streamed. 0: any distance, for free

  std::int64_t multipliers() const { return tiles * pes_per_tile; }
  std::string shape() const;
};

// A layer as the array sees it. A fully connected layer is a 1 x 1 convolution of one pixel with as many channels as it has inputs.
struct FeieLayer {
  std::int64_t groups, channels, filters;  // channels and filters of one group
  std::int64_t in_height, in_width, out_height, out_width;
  std::int64_t rows, taps;  // of the filter
  std::int64_t stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;

  explicit FeieLayer(const LayerSpec& layer);
  std::int64_t reach() const { return dilation_x * (taps - 1) + 1; }  // pixels under a filter row
};

// How a filter row and its stride use the array.
struct FeieMode {
  std::int64_t pes;      // T: PEs that work on one filter
  std::int64_t filters;  // p: filters at a time
  std::int64_t sums;     // N: outputs held for one filter; the stores of all PEs of its share of a tile count, idle ones too

  FeieMode(const FeieArray& array, const FeieLayer& layer);
};

// Its keys: [array], [schedule], [zeros].
FeieArray read_feie(const TomlTable& root, const Accelerator& shared);

std::string why_not(const Accelerator& accelerator, const FeieArray& array, const LayerSpec& layer, std::int64_t batch);

}  // namespace convroof::spatial
