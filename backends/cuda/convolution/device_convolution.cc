#include "backends/cuda/convolution/device_convolution.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/cuda/convolution/tiles.h"
#include "backends/cuda/convolution/two_of_four.h"
#include "backends/cuda/convolution/wgmma_maps.h"
#include "backends/cuda/device/device_kernel.h"
#include "backends/cuda/kernels/convolution_launch.h"

namespace convroof::cuda {

DeviceConvolution::DeviceConvolution(KernelClass kind, const Case& c, const Tensor& weights, const Tensor& bias, int multiprocessors)
    : kind_(kind), case_(c), multiprocessors_(multiprocessors), geometry_(geometry_of(c, kind)), gathers_(must_gather(c, geometry_)) {
  std::vector<Float16> rows = pack_filter_rows(weights, geometry_, c.layer.groups);
  std::vector<std::uint32_t> selection;
  if (is_sparse(kind)) {
    const auto kept = std::ranges::count_if(rows, [](Float16 value) { return (value.bits & 0x7fff) != 0; });
    kept_share_ = static_cast<double>(kept) / static_cast<double>(std::max<std::int64_t>(weights.count(), 1));
    CompressedFilters compressed = compress_filters(rows, geometry_);
    selection = selection_words(compressed.positions, geometry_);
    rows = std::move(compressed.kept);
  } else if (kind == KernelClass::half2) {
    rows = transpose_filter_rows(rows, geometry_);
  }
  choice_ = choose_tile(geometry_, tiles(), step_of(kind), multiprocessors);
  if (choice_.splits > 1) partial_bytes_ = static_cast<std::size_t>(geometry_.output.elements()) * static_cast<std::size_t>(choice_.splits) * sizeof(float);
  require_free_memory(static_cast<std::int64_t>(rows.size() * sizeof(Float16) + selection.size() * sizeof(std::uint32_t) + partial_bytes_));
  weights_ = uploaded(rows);
  selection_ = uploaded(selection);
  taps_ = uploaded(geometry_.taps);
  if (c.has_bias()) {
    bias_ = DeviceMemory(static_cast<std::size_t>(bias.bytes()));
    bias_.upload(bias.data(), bias_.bytes());
  }
  shape_ = geometry_.shape;
  shape_.weights = weights_.as<const std::uint16_t>();
  shape_.selection = selection_.as<const std::uint32_t>();
  shape_.bias = bias_.as<const float>();
  shape_.taps = taps_.as<const gpu::Tap>();
  shape_.splits = choice_.splits;
  shape_.steps_a_split = choice_.steps_a_split;
}

std::vector<Tile> DeviceConvolution::tiles() const { return tiles_of(kind_, gathers_); }

void DeviceConvolution::bind(const void* input, void* output, void* partial) {
  shape_.input = static_cast<const std::uint16_t*>(input);
  shape_.output = static_cast<std::uint16_t*>(output);
  shape_.partial = choice_.splits > 1 ? static_cast<float*>(partial) : nullptr;
  if (!is_wgmma(kind_)) return;
  const gpu::PixelDescription pixels = pixel_box(case_, geometry_, tiles()[static_cast<std::size_t>(choice_.tile)].columns, input);
  maps_ = wgmma_maps(filter_matrix(geometry_, is_sparse(kind_), weights_.data()), gathers_ ? nullptr : &pixels);
}

void DeviceConvolution::enqueue(cudaStream_t stream) const {
  if (kind_ == KernelClass::half2)
    launch_half2(shape_, geometry_.vector, stream);
  else if (is_wgmma(kind_))
    launch_wgmma(shape_, maps_, choice_.tile, is_sparse(kind_), gathers_, multiprocessors_, stream);
  else
    launch_mma(shape_, choice_.tile, geometry_.vector, is_sparse(kind_), stream);
}

std::map<std::string, std::string> DeviceConvolution::facts() const {
  const Tile tile = tiles()[static_cast<std::size_t>(choice_.tile)];
  std::map<std::string, std::string> facts;
  facts["tile"] = fmt::format("{}x{}x{}", tile.rows, tile.columns, step_of(kind_));
  facts["splits"] = fmt::format("{}", choice_.splits);
  if (is_wgmma(kind_)) facts["pixels_copied_by"] = gathers_ ? "threads" : "copy engine, im2col";
  facts["channels_a_copy"] = fmt::format("{}", geometry_.vector);
  facts["padded_reduction"] = fmt::format("{} of {}", case_.layer.reduction_length(), geometry_.reduction);
  return facts;
}

}  // namespace convroof::cuda
