#include "tests/backends/cuda/emulated_run.h"

#include <limits>

#include "backends/cuda/convolution/two_of_four.h"
#include "backends/cuda/convolution/wgmma_maps.h"
#include "backends/cuda/kernels/wgmma_tiles.h"
#include "tests/backends/cuda/emulated_kernels.h"
#include "workloads/checked.h"

namespace convroof::cuda {
namespace {

void launch(const EmulatedRun& run, const Case& c, const Geometry& geometry, const gpu::ConvolutionShape& shape) {
  if (run.kind == KernelClass::half2) return emulate_half2(shape, geometry.vector);
  const bool sparse = is_sparse(run.kind);
  if (!is_wgmma(run.kind)) return emulate_mma(shape, run.tile, geometry.vector, sparse);
  const bool gather = run.always_gathers || must_gather(c, geometry);
  gpu::WgmmaMaps maps{};
  maps.filters = gpu::emulated_map(filter_matrix(geometry, sparse, shape.weights));
  if (!gather) maps.pixels = gpu::emulated_map(pixel_box(c, geometry, gpu::wgmma_columns(run.tile, gather), shape.input));
  emulate_wgmma(shape, maps, run.tile, sparse, gather, 2);
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
  emulate_reduce_splits(shape);
  Tensor result(ElementType::f16, c.output_shape());
  unpack_activations(output, geometry.output, result);
  return result;
}

}  // namespace convroof::cuda
