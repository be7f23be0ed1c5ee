#include "tests/backends/cuda/emulated_kernels.h"

#include <algorithm>
#include <stdexcept>

#include "backends/cuda/kernels/half2_convolution.h"
#include "backends/cuda/kernels/mma_tiles.h"
#include "backends/cuda/kernels/reduce_splits.h"
#include "backends/cuda/kernels/wgmma_tiles.h"
#include "workloads/checked.h"

namespace convroof::cuda {
namespace {

constexpr gpu::LaunchShape kPointwiseGrid{.grid_x = 2, .threads = gpu::kPointwiseThreads, .shared_bytes = gpu::kSoftmaxSharedBytes};

gpu::LaunchShape grid_of(const gpu::ConvolutionShape& shape, int filters, int rows, int columns, int threads, std::size_t shared_bytes) {
  return {.grid_x = static_cast<int>(ceil_div(filters, rows) * ceil_div(shape.pixels, columns)),
          .grid_y = shape.groups,
          .grid_z = shape.splits,
          .threads = threads,
          .shared_bytes = shared_bytes};
}

}  // namespace

void emulate_mma(const gpu::ConvolutionShape& shape, int tile, int vector, bool sparse) {
  gpu::visit_mma_tile(tile, vector, sparse, [&]<typename Tile>(Tile) {
    gpu::emulate(grid_of(shape, shape.filters, Tile::kRows, Tile::kColumns, gpu::kMmaThreads, Tile::kSharedBytes), [&] { gpu::mma_convolution<Tile>(shape); });
  });
}

void emulate_half2(const gpu::ConvolutionShape& shape, int vector) {
  gpu::emulate(grid_of(shape, shape.padded_filters, gpu::kHalf2Rows, gpu::kHalf2Columns, gpu::kHalf2Threads, gpu::kHalf2SharedBytes),
               [&] { vector == 8 ? gpu::half2_convolution<8>(shape) : gpu::half2_convolution<4>(shape); });
}

void emulate_wgmma(const gpu::ConvolutionShape& shape, const gpu::WgmmaMaps& maps, int tile, bool sparse, bool gather, int blocks) {
  gpu::visit_wgmma_tile(tile, sparse, gather, [&]<typename Tile>(Tile) {
    gpu::emulate({.grid_x = std::min(blocks, gpu::wgmma_tile_count<Tile>(shape)), .threads = gpu::kWgmmaThreads, .shared_bytes = Tile::kSharedBytes},
                 [&] { gpu::wgmma_convolution<Tile>(shape, maps); });
  });
}

void emulate_reduce_splits(const gpu::ConvolutionShape& shape) {
  if (shape.partial == nullptr) return;
  const std::int64_t pieces = static_cast<std::int64_t>(shape.pixels) * shape.padded_filters / 8;
  gpu::emulate({.grid_x = static_cast<int>(ceil_div(pieces, gpu::kReduceThreads)), .grid_y = shape.groups, .threads = gpu::kReduceThreads},
               [&] { gpu::reduce_splits<>(shape); });
}

void emulate_plain(Op op, const gpu::PlainShape& shape) {
  gpu::emulate(kPointwiseGrid, [&] {
    switch (op) {
      case Op::maxpool:
        return gpu::pool<true>(shape);
      case Op::avgpool:
        return gpu::pool<false>(shape);
      case Op::lrn:
        return gpu::normalise_across_channels<>(shape);
      case Op::softmax:
        return gpu::softmax_over_channels<>(shape);
      case Op::add:
      case Op::relu:
        return gpu::add_or_activate<>(shape);
      case Op::conv:
      case Op::fc:
        throw std::logic_error("a layer with weights is no plain layer");
    }
  });
}

void emulate_bias_activation(std::uint16_t* data, const float* bias, std::int64_t pixels, std::int64_t channels, gpu::Function function) {
  gpu::emulate(kPointwiseGrid, [&] { gpu::bias_activation<>(data, bias, pixels * channels, channels, function); });
}

}  // namespace convroof::cuda
