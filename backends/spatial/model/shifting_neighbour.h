// Output-stationary arrays whose PEs hand inputs to their neighbours: blocks of rows x columns PEs, one filter a block, one output pixel a PE.
// One block is the array of ShiDianNao (Du et al., ISCA 2015); blocks of one row or of one PE are the other output-stationary kinds of Chen, Emer and
// Sze (ISCA 2016, section IV). docs/backends/spatial/shifting-neighbour.md has the drawing and the equations.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backends/spatial/model/edge_buffers.h"

namespace convroof {
class TomlTable;
struct LayerSpec;
}  // namespace convroof

namespace convroof::spatial {

struct Accelerator;

// Which loop over a layer is outermost, where there is outer memory. `images`: one block of filters after another goes over a whole image. `strips`: all
// filters go over a strip of an image, as high as a block of PEs, before the next strip comes. `filters`: as many filters as the weight buffer holds see
// all images before the next ones come. `least`: whichever of the three moves fewest words from outer memory, the first named among equals.
enum class Outermost { images, strips, filters, least };

std::string_view name_of(Outermost outermost);

struct ShiftingNeighbourArray {
  std::int64_t filters = 1;            // blocks
  std::int64_t rows = 0, columns = 0;  // of PEs in a block
  bool has_outer_memory = true;        // false: the whole layer lies in the buffers, or it cannot run
  Outermost outermost = Outermost::images;
  bool keeps_weights = false;  // a pass takes no more filters than the weight buffer holds, so that weights stay while pixels pass, and leaves PEs idle
  EdgeBuffers buffers;

  std::int64_t multipliers() const { return filters * rows * columns; }
  std::string shape() const;  // "8 x 8 PEs", "16 blocks of 4 x 4 PEs"
};

// How an array lies over a layer.
struct ShiftingNeighbourTile {
  std::int64_t filters, rows, columns;  // outputs that one pass computes, at its widest

  // A layer with one output pixel (fully connected) gives each PE a filter of its own.
  ShiftingNeighbourTile(const Accelerator& accelerator, const ShiftingNeighbourArray& array, const LayerSpec& layer);
};

// After how many taps of one axis a PE's right (lower) neighbour had the input that the PE needs now; `taps` where it never had it.
std::int64_t neighbour_distance(std::int64_t stride, std::int64_t dilation, std::int64_t taps);

// Its keys: filters, rows, columns, outer_memory, outermost, keep_weights, [buffer.input], [buffer.weight], [buffer.output].
ShiftingNeighbourArray read_shifting_neighbour(const TomlTable& root, const Accelerator& shared);

std::string why_not(const Accelerator& accelerator, const ShiftingNeighbourArray& array, const LayerSpec& layer, std::int64_t batch);

}  // namespace convroof::spatial
