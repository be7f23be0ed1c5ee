// Winograd's transforms of data and products, for the instruction set in use; 16 channels (or filters) at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/highway/winograd_points.h"

namespace convroof::highway {

// A run of `tiles` tiles of equal size that lie beside each other, of one channel block.
struct InputRun {
  PointSet set = PointSet::points6;
  int height = 6, width = 6;      // points of the tile, an axis
  const float* in = nullptr;      // first pixel of the first tile; may lie outside of the image
  std::ptrdiff_t row_stride = 0;  // floats between rows of the image
  std::ptrdiff_t step = 0;        // floats between tiles
  std::int64_t tiles = 1;
  int row_begin = 0, row_end = 6;        // rows and columns of the tile that are inside the image: the rest is padding.
  int column_begin = 0, column_end = 6;  // Where columns are padding, tiles = 1
  float* out = nullptr;                  // point (i, j) of tile t goes to out + offset[i * points + j] + t * 16
  const std::ptrdiff_t* offset = nullptr;
};
void transform_input(const InputRun& run);

// The way back: from products to outputs, with the epilogue.
struct OutputRun {
  PointSet set = PointSet::points6;
  int taps = 3;
  int height = 4, width = 4;  // outputs of the tile, an axis
  const float* in = nullptr;  // point (i, j) of tile t is at in + offset[i * points + j] + t * 16
  const std::ptrdiff_t* offset = nullptr;
  float* out = nullptr;                     // first pixel of the first tile
  std::ptrdiff_t row_stride = 0, step = 0;  // floats between rows and between tiles
  std::int64_t tiles = 1;
  int rows = 4, columns = 4;    // outputs that exist: fewer at the lower and right border of the image, then tiles = 1
  const float* bias = nullptr;  // 16 values, nullptr: none
  bool relu = false;
  bool stream = false;  // store past the caches
};
void transform_output(const OutputRun& run);

}  // namespace convroof::highway
