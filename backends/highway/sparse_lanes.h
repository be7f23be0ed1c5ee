// How the output of a convolution is dealt out to the lanes of a vector when the weights are sparse.
//
// An unstructured sparse filter allows no register blocking over output channels: each kept weight meets other inputs than its neighbour. So all
// reuse is over positions: one kept weight is broadcast and multiplied with vectors of inputs, one vector per accumulator. A 3x3 filter reads inputs
// at every column offset, and with consecutive pixels in a vector two of three such loads would straddle cache lines (half speed for 64-byte vectors).
// Therefore a lane holds its own part of the image: the output is cut into images x rows x columns parts, one a lane, each with its own halo, and
// every load is a whole aligned vector:  packed[group][channel][y][phase][x][lane]. Strided columns are split by phase (x mod stride), so that
// neighbouring positions are neighbouring vectors for every stride.
#pragma once

#include <cstdint>

#include "backends/backend.h"

namespace convroof::highway {

struct SparseLanes {
  enum class Cut {
    pixels,  // 1x1 without padding: a vector is `lanes` consecutive output pixels of a plane, no halo
    parts,   // parts of images, see above
  };
  Cut cut = Cut::parts;
  std::int64_t lanes = 1;                                    // of a vector
  std::int64_t images = 1, rows = 1, columns = 1;            // parts of each axis; images * rows * columns <= lanes
  std::int64_t groups = 1;                                   // vectors needed for all images: ceil(batch / images)
  std::int64_t part_height = 1, part_width = 1;              // output positions of one lane (pixels: 1 x vectors of a plane)
  std::int64_t in_height = 1, in_width = 1;                  // packed input: rows, and columns of one phase
  std::int64_t phases = 1;                                   // columns are split by x mod phases
  std::int64_t row_stride = 1;                               // packed rows between two output rows
  std::int64_t source_row_step = 1, source_column_step = 1;  // a 1x1 filter packs only the pixels that it meets

  // The cut with the fewest vectors to compute, halos breaking ties.
  static SparseLanes of(const Case& c, std::int64_t lanes);

  bool has_halo() const { return cut == Cut::parts && (rows > 1 || columns > 1); }
  std::int64_t packed_plane() const { return in_height * phases * in_width * lanes; }  // floats of one channel
  std::int64_t output_plane() const { return part_height * part_width * lanes; }       // floats of one output channel
  // Offset of filter tap (r, s) of a channel from the vector of output position (0, 0), in floats.
  std::int64_t tap_offset(const LayerSpec& layer, std::int64_t channel, std::int64_t r, std::int64_t s) const;

  // Where output element (n, y, x) lives in one channel's output plane of its group.
  struct Place {
    std::int64_t group, offset;
  };
  Place place_of(std::int64_t n, std::int64_t y, std::int64_t x) const;
};

}  // namespace convroof::highway
