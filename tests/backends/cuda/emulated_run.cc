#include "tests/backends/cuda/emulated_run.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "backends/cuda/convolution/two_of_four.h"
#include "backends/cuda/convolution/wgmma_maps.h"
#include "backends/cuda/kernels/half2_convolution.h"
#include "backends/cuda/kernels/mma_convolution.h"
#include "backends/cuda/kernels/mma_tiles.h"
#include "backends/cuda/kernels/reduce_splits.h"
#include "backends/cuda/kernels/wgmma_tiles.h"
#include "workloads/checked.h"

namespace convroof::cuda {
namespace {

template <typename Tile>
void launch_mma(const gpu::ConvolutionShape& shape) {
  const auto row_tiles = static_cast<int>(ceil_div(shape.filters, Tile::kRows)), column_tiles = static_cast<int>(ceil_div(shape.pixels, Tile::kColumns));
  gpu::emulate(
      {.grid_x = row_tiles * column_tiles, .grid_y = shape.groups, .grid_z = shape.splits, .threads = gpu::kMmaThreads, .shared_bytes = Tile::kSharedBytes},
      [&] { gpu::mma_convolution<Tile>(shape); });
}

void launch(const EmulatedRun& run, const Case& c, const Geometry& geometry, const gpu::ConvolutionShape& shape) {
  const int vector = geometry.vector;
  if (run.kind == KernelClass::wgmma || run.kind == KernelClass::wgmma_2of4) {
    const bool gather = run.always_gathers || must_gather(c, geometry), sparse = is_sparse(run.kind);
    gpu::visit_wgmma_tile(run.tile, sparse, gather, [&]<typename Tile>(Tile) {
      gpu::WgmmaMaps maps{};
      maps.filters = gpu::emulated_map(filter_matrix(geometry, sparse, shape.weights));
      if (!gather) maps.pixels = gpu::emulated_map(pixel_box(c, geometry, Tile::kColumns, shape.input));
      // Two blocks for all tiles: each must go through several, as on a device that is smaller than the layer.
      gpu::emulate({.grid_x = std::min(2, gpu::wgmma_tile_count<Tile>(shape)), .threads = gpu::kWgmmaThreads, .shared_bytes = Tile::kSharedBytes},
                   [&] { gpu::wgmma_convolution<Tile>(shape, maps); });
    });
    return;
  }
  if (run.kind == KernelClass::half2) {
    const auto row_tiles = static_cast<int>(ceil_div(shape.padded_filters, gpu::kHalf2Rows));
    const auto column_tiles = static_cast<int>(ceil_div(shape.pixels, gpu::kHalf2Columns));
    const gpu::LaunchShape grid{.grid_x = row_tiles * column_tiles,
                                .grid_y = shape.groups,
                                .grid_z = shape.splits,
                                .threads = gpu::kHalf2Threads,
                                .shared_bytes = gpu::kHalf2SharedBytes};
    gpu::emulate(grid, [&] { vector == 8 ? gpu::half2_convolution<8>(shape) : gpu::half2_convolution<4>(shape); });
    return;
  }
  gpu::visit_mma_tile(run.tile, vector, run.kind == KernelClass::mma_2of4, [&]<typename Tile>(Tile) { launch_mma<Tile>(shape); });
}

}  // namespace

Tensor run_emulated(const EmulatedRun& run, const Case& c, const Operands& operands) {
  const Geometry geometry = geometry_of(c, run.kind);
  const std::vector<Float16> input = pack_activations(operands.input, geometry.input);
  std::vector<Float16> weights = pack_filter_rows(operands.weights, geometry, c.layer.groups);
  std::vector<std::uint32_t> selection;
  if (is_sparse(run.kind)) {
    CompressedFilters compressed = compress_filters(weights, geometry);
    selection = selection_words(compressed.positions, geometry);
    weights = std::move(compressed.kept);
  } else if (run.kind == KernelClass::half2) {
    weights = transpose_filter_rows(weights, geometry);
  }
  Float16 poison;
  poison.bits = 0xffff;
  std::vector<Float16> output(static_cast<std::size_t>(geometry.output.elements()), poison);

  gpu::ConvolutionShape shape = geometry.shape;
  const auto steps = static_cast<int>(geometry.reduction / step_of(run.kind));
  shape.steps_a_split = static_cast<int>(ceil_div(steps, run.splits));
  shape.splits = static_cast<int>(ceil_div(steps, shape.steps_a_split));
  std::vector<float> partial(shape.splits > 1 ? static_cast<std::size_t>(shape.splits) * static_cast<std::size_t>(geometry.output.elements()) : 0,
                             std::numeric_limits<float>::quiet_NaN());
  shape.input = reinterpret_cast<const std::uint16_t*>(input.data());
  shape.weights = reinterpret_cast<const std::uint16_t*>(weights.data());
  shape.selection = selection.data();
  shape.bias = c.has_bias() ? operands.bias.as<float>().data() : nullptr;
  shape.output = reinterpret_cast<std::uint16_t*>(output.data());
  shape.partial = shape.splits > 1 ? partial.data() : nullptr;
  shape.taps = geometry.taps.data();
  launch(run, c, geometry, shape);
  if (shape.splits > 1) {
    const std::int64_t pieces = static_cast<std::int64_t>(shape.pixels) * shape.padded_filters / 8;
    gpu::emulate({.grid_x = static_cast<int>(ceil_div(pieces, gpu::kReduceThreads)), .grid_y = shape.groups, .threads = gpu::kReduceThreads},
                 [&] { gpu::reduce_splits<>(shape); });
  }
  Tensor result(ElementType::f16, c.output_shape());
  unpack_activations(output, geometry.output, result);
  return result;
}

}  // namespace convroof::cuda
