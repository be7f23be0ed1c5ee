#include "backends/highway/sparse_lanes.h"

#include <algorithm>

namespace convroof::highway {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

bool is_pointwise(const LayerSpec& l) {
  return l.kernel_height == 1 && l.kernel_width == 1 && l.pad_top == 0 && l.pad_left == 0 && l.pad_bottom == 0 && l.pad_right == 0;
}

SparseLanes parts(const Case& c, std::int64_t lanes, std::int64_t images, std::int64_t rows, std::int64_t columns) {
  const LayerSpec& l = c.layer;
  SparseLanes cut{.cut = SparseLanes::Cut::parts, .lanes = lanes, .images = images, .rows = rows, .columns = columns};
  cut.groups = ceil_div(c.batch, images);
  cut.part_height = ceil_div(l.out_height, rows);
  cut.part_width = ceil_div(l.out_width, columns);
  if (l.kernel_height == 1) {
    cut.source_row_step = l.stride_height;
    cut.in_height = cut.part_height;
  } else {
    cut.row_stride = l.stride_height;
    cut.in_height = (cut.part_height - 1) * l.stride_height + (l.kernel_height - 1) * l.dilation_height + 1;
  }
  std::int64_t width = cut.part_width;
  if (l.kernel_width == 1) {
    cut.source_column_step = l.stride_width;
  } else {
    cut.phases = l.stride_width;
    width = (cut.part_width - 1) * l.stride_width + (l.kernel_width - 1) * l.dilation_width + 1;
  }
  cut.in_width = ceil_div(width, cut.phases);
  return cut;
}

}  // namespace

SparseLanes SparseLanes::of(const Case& c, std::int64_t lanes) {
  const LayerSpec& l = c.layer;
  SparseLanes best;
  std::int64_t best_vectors = 0, best_packed = 0;
  const auto consider = [&](const SparseLanes& cut) {
    const std::int64_t vectors = cut.groups * cut.part_height * cut.part_width, packed = cut.groups * cut.packed_plane();
    if (best_vectors != 0 && (vectors > best_vectors || (vectors == best_vectors && packed >= best_packed))) return;
    best = cut, best_vectors = vectors, best_packed = packed;
  };
  if (is_pointwise(l)) {
    SparseLanes cut{.cut = Cut::pixels, .lanes = lanes, .groups = c.batch};
    cut.source_row_step = l.stride_height, cut.source_column_step = l.stride_width;
    cut.part_width = cut.in_width = ceil_div(l.out_height * l.out_width, lanes);
    consider(cut);
  }
  for (std::int64_t images = 1; images <= std::min(c.batch, lanes); ++images)
    for (std::int64_t rows = is_pointwise(l) ? 1 : std::min(l.out_height, lanes / images); rows >= 1; --rows)
      consider(parts(c, lanes, images, rows, is_pointwise(l) ? 1 : std::min(l.out_width, lanes / (images * rows))));
  return best;
}

std::int64_t SparseLanes::tap_offset(const LayerSpec& layer, std::int64_t channel, std::int64_t r, std::int64_t s) const {
  const std::int64_t y = r * layer.dilation_height, x = s * layer.dilation_width;
  return channel * packed_plane() + ((y * phases + x % phases) * in_width + x / phases) * lanes;
}

SparseLanes::Place SparseLanes::place_of(std::int64_t n, std::int64_t y, std::int64_t x) const {
  if (cut == Cut::pixels) return {n, x};  // x counts pixels of the plane, y is 0
  const std::int64_t lane = (n % images * rows + y / part_height) * columns + x / part_width;
  return {n / images, (y % part_height * part_width + x % part_width) * lanes + lane};
}

}  // namespace convroof::highway
