// How a map is cut into Winograd tiles, and the tiles into blocks whose transformed data stay in a cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/highway/parallel.h"

namespace convroof::highway {

// A tile along one axis: outputs [begin, begin + outputs), the last of which may lie beyond the map.
struct AxisTile {
  std::int64_t begin = 0;
  int outputs = 4;
};

// Covers [0, extent) with tiles of the given sizes so that the products of the axis, sum of (outputs + taps - 1), are fewest; larger tiles first.
std::vector<AxisTile> cut_axis(std::int64_t extent, std::span<const int> sizes, int taps);

// Tiles that go through transformation, multiplication and inverse together: images x rows of tiles x columns of tiles.
struct TileBlock {
  Range images, rows, columns;  // rows and columns: indices into the cut axes
  int shape = 0;                // index into WinogradPlan::shapes
};

// What blocks of equal extents share. A point (i, j) takes part for tiles that have it: with nested points a prefix of rows and columns.
struct TileBlockShape {
  std::int64_t images = 1;
  std::vector<int> row_outputs, column_outputs;               // of the tiles, descending
  std::vector<std::int64_t> rows_of_point, columns_of_point;  // tiles of the axis that have point i
  std::vector<std::int64_t> tiles_of_point;                   // by point i * points + j
  std::vector<std::int64_t> tiles_before;                     // sum of tiles_of_point over the points before
  std::int64_t total = 0;                                     // products per channel and filter: sum of tiles_of_point
  std::int64_t tiles() const { return images * static_cast<std::int64_t>(row_outputs.size() * column_outputs.size()); }
};

struct WinogradPlan {
  int points = 6, taps = 3;
  std::vector<AxisTile> rows, columns;
  std::vector<TileBlockShape> shapes;
  std::vector<TileBlock> blocks;
  std::int64_t products() const;    // per input channel and filter, all images
  std::int64_t most_total() const;  // of any block
};

struct WinogradPlanRequest {
  int points = 6, taps = 3;
  std::span<const int> sizes;  // outputs of a tile along an axis
  std::int64_t images = 1, height = 1, width = 1;
  std::int64_t tiles_per_block = 28;  // wished
};
WinogradPlan plan_winograd(const WinogradPlanRequest& request);

}  // namespace convroof::highway
