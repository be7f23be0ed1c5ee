#include "backends/highway/winograd_plan.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "backends/highway/blocked_layout.h"
#include "backends/highway/winograd_points.h"

namespace convroof::highway {
namespace {

TileBlockShape shape_of(int points, int taps, std::int64_t images, std::vector<int> rows, std::vector<int> columns) {
  TileBlockShape shape;
  shape.images = images;
  shape.row_outputs = std::move(rows);
  shape.column_outputs = std::move(columns);
  const auto having = [&](const std::vector<int>& tiles, int point) {
    return std::ranges::count_if(tiles, [&](int outputs) { return point == points - 1 || point < outputs + taps - 2; });
  };
  for (int i = 0; i < points; ++i) {
    shape.rows_of_point.push_back(having(shape.row_outputs, i));
    shape.columns_of_point.push_back(having(shape.column_outputs, i));
  }
  for (const std::int64_t r : shape.rows_of_point)
    for (const std::int64_t c : shape.columns_of_point) {
      shape.tiles_before.push_back(shape.total);
      shape.tiles_of_point.push_back(images * r * c);
      shape.total += images * r * c;
    }
  return shape;
}

}  // namespace

std::vector<AxisTile> cut_axis(std::int64_t extent, std::span<const int> sizes, int taps) {
  // fewest[e]: products that cover e outputs; first[e]: the first tile of that cover.
  std::vector<std::int64_t> fewest(static_cast<std::size_t>(extent) + 1, 0);
  std::vector<int> first(fewest.size(), 0);
  for (std::int64_t e = 1; e <= extent; ++e) {
    std::int64_t best = std::numeric_limits<std::int64_t>::max();
    for (const int size : sizes) {
      const std::int64_t cost = size + taps - 1 + fewest[static_cast<std::size_t>(std::max<std::int64_t>(0, e - size))];
      if (cost < best || (cost == best && size > first[static_cast<std::size_t>(e)])) best = cost, first[static_cast<std::size_t>(e)] = size;
    }
    fewest[static_cast<std::size_t>(e)] = best;
  }
  std::vector<int> cut;
  for (std::int64_t e = extent; e > 0; e -= first[static_cast<std::size_t>(e)]) cut.push_back(first[static_cast<std::size_t>(e)]);
  std::ranges::sort(cut, std::greater<>());
  std::vector<AxisTile> tiles;
  std::int64_t begin = 0;
  for (const int size : cut) {
    tiles.push_back({begin, size});
    begin += size;
  }
  return tiles;
}

std::int64_t WinogradPlan::products() const {
  std::int64_t sum = 0;
  for (const TileBlock& block : blocks) sum += shapes[static_cast<std::size_t>(block.shape)].total;
  return sum;
}

std::int64_t WinogradPlan::most_total() const {
  std::int64_t most = 0;
  for (const TileBlockShape& shape : shapes) most = std::max(most, shape.total);
  return most;
}

WinogradPlan plan_winograd(const WinogradPlanRequest& request) {
  WinogradPlan plan;
  plan.points = request.points;
  plan.taps = request.taps;
  plan.rows = cut_axis(request.height, request.sizes, request.taps);
  plan.columns = cut_axis(request.width, request.sizes, request.taps);
  const auto rows = static_cast<std::int64_t>(plan.rows.size()), columns = static_cast<std::int64_t>(plan.columns.size());

  // Whole rows of tiles first, then whole images.
  const std::int64_t wished = std::max<std::int64_t>(1, request.tiles_per_block);
  const std::int64_t column_parts = ceil_div(columns, wished);
  const std::int64_t row_parts = column_parts > 1 ? rows : ceil_div(rows, std::max<std::int64_t>(1, wished / columns));
  const std::int64_t image_parts =
      row_parts > 1 || column_parts > 1 ? request.images : ceil_div(request.images, std::max<std::int64_t>(1, wished / (rows * columns)));

  std::map<std::tuple<std::int64_t, std::vector<int>, std::vector<int>>, int> known;
  const auto outputs = [](const std::vector<AxisTile>& tiles, Range range) {
    std::vector<int> list;
    for (std::int64_t i = range.begin; i < range.end; ++i) list.push_back(tiles[static_cast<std::size_t>(i)].outputs);
    return list;
  };
  for (std::int64_t n = 0; n < image_parts; ++n)
    for (std::int64_t r = 0; r < row_parts; ++r)
      for (std::int64_t c = 0; c < column_parts; ++c) {
        TileBlock block{share_of(request.images, n, image_parts), share_of(rows, r, row_parts), share_of(columns, c, column_parts), 0};
        auto key = std::make_tuple(block.images.size(), outputs(plan.rows, block.rows), outputs(plan.columns, block.columns));
        const auto [entry, is_new] = known.try_emplace(key, static_cast<int>(plan.shapes.size()));
        if (is_new) plan.shapes.push_back(shape_of(request.points, request.taps, std::get<0>(key), std::get<1>(key), std::get<2>(key)));
        block.shape = entry->second;
        plan.blocks.push_back(block);
      }
  return plan;
}

}  // namespace convroof::highway
