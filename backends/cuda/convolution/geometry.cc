#include "backends/cuda/convolution/geometry.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "backends/cuda/kernels/function.h"
#include "workloads/checked.h"

namespace convroof::cuda {
namespace {

constexpr std::int64_t kFewestStepsASplit = 8;  // shorter parts spend their time on filling the pipeline
constexpr std::int64_t kMostSplits = 16;

std::int64_t round_up(std::int64_t value, std::int64_t to) { return ceil_div(value, to) * to; }

// Up to four channels are copied four at a time: padding the three colours to eight would cost 2.7 times the products. The sparse and the wgmma kernels pay
// that price: nobody prunes an image's three channels for speed, and each more variant costs compile time.
int vector_of(const LayerSpec& layer, KernelClass kind) {
  return layer.in_channels_per_group() <= 4 && (kind == KernelClass::half2 || kind == KernelClass::mma) ? 4 : 8;
}

}  // namespace

std::string geometry_refusal(const Case& c) {
  const LayerSpec& layer = c.layer;
  const std::int64_t reach_y = (layer.kernel_height - 1) * layer.dilation_height, reach_x = (layer.kernel_width - 1) * layer.dilation_width;
  const std::int64_t extent = std::max({layer.in_height, layer.in_width, reach_y, reach_x, layer.pad_top, layer.pad_left});
  if (extent >= gpu::kNoTap) return fmt::format("a height, width or window reach of {} is beyond the kernels' 14-bit coordinates", extent);
  const std::int64_t largest = std::numeric_limits<std::int32_t>::max();
  if (c.batch * layer.out_height * layer.out_width > largest) return "more output pixels than the kernels' 32-bit indices";
  const std::int64_t channels = layer.groups * round_up(layer.in_channels_per_group(), 8);
  if ((reach_y * layer.in_width + reach_x + 1) * channels > largest) return "a window wider than the kernels' 32-bit offsets";
  if (layer.kernel_height * layer.kernel_width * round_up(layer.in_channels_per_group(), 8) > largest / 2)
    return "a longer reduction than the kernels' 32-bit indices";
  if (layer.groups > 65535) return "more groups than a grid has rows";
  return "";
}

Geometry geometry_of(const Case& c, KernelClass kind) {
  const LayerSpec& layer = c.layer;
  Geometry g;
  g.vector = vector_of(layer, kind);
  const std::int64_t padded = round_up(layer.in_channels_per_group(), g.vector), padded_filters = round_up(layer.out_channels_per_group(), 8);
  g.input = {c.batch, layer.groups, layer.in_channels_per_group(), padded, layer.in_height, layer.in_width};
  g.output = {c.batch, layer.groups, layer.out_channels_per_group(), padded_filters, layer.out_height, layer.out_width};
  g.reduction = round_up(layer.kernel_height * layer.kernel_width * padded, step_of(kind));

  const std::int64_t pixel_elements = layer.groups * padded;
  for (std::int64_t r = 0; r < layer.kernel_height; ++r)
    for (std::int64_t s = 0; s < layer.kernel_width; ++s)
      for (std::int64_t ch = 0; ch < padded; ch += g.vector) {
        const std::int64_t row = r * layer.dilation_height, column = s * layer.dilation_width;
        g.taps.push_back({static_cast<std::int32_t>((row * layer.in_width + column) * pixel_elements + ch), static_cast<std::int16_t>(row),
                          static_cast<std::int16_t>(column)});
      }
  g.taps.resize(static_cast<std::size_t>(g.reduction / g.vector), gpu::Tap{0, gpu::kNoTap, gpu::kNoTap});

  gpu::ConvolutionShape& s = g.shape;
  s = {};
  s.image_elements = layer.in_height * layer.in_width * pixel_elements;
  s.height = static_cast<std::int32_t>(layer.in_height), s.width = static_cast<std::int32_t>(layer.in_width);
  s.out_height = static_cast<std::int32_t>(layer.out_height), s.out_width = static_cast<std::int32_t>(layer.out_width);
  s.stride_height = static_cast<std::int32_t>(layer.stride_height), s.stride_width = static_cast<std::int32_t>(layer.stride_width);
  s.pad_top = static_cast<std::int32_t>(layer.pad_top), s.pad_left = static_cast<std::int32_t>(layer.pad_left);
  s.pixels = static_cast<std::int32_t>(c.batch * layer.out_height * layer.out_width);
  s.groups = static_cast<std::int32_t>(layer.groups);
  s.input_pixel_elements = static_cast<std::int32_t>(pixel_elements);
  s.group_channels = static_cast<std::int32_t>(padded);
  s.filters = static_cast<std::int32_t>(layer.out_channels_per_group());
  s.padded_filters = static_cast<std::int32_t>(padded_filters);
  s.reduction = static_cast<std::int32_t>(g.reduction);
  s.splits = 1;
  s.steps_a_split = static_cast<std::int32_t>(g.reduction / step_of(kind));
  s.function = function_of(c.activation());
  return g;
}

std::vector<Float16> pack_filter_rows(const Tensor& kcrs, const Geometry& geometry, std::int64_t groups) {
  const std::int64_t filters = kcrs.shape()[0], taps = kcrs.shape()[2] * kcrs.shape()[3], padded = geometry.input.padded_channels;
  const std::vector<Float16> packed = pack_filters(kcrs, padded);
  std::vector<Float16> rows(static_cast<std::size_t>(groups * (filters / groups) * geometry.reduction));
  for (std::int64_t k = 0; k < filters; ++k) std::copy_n(packed.begin() + k * taps * padded, taps * padded, rows.begin() + k * geometry.reduction);
  return rows;
}

std::vector<Float16> transpose_filter_rows(const std::vector<Float16>& rows, const Geometry& geometry) {
  const std::int64_t groups = geometry.shape.groups, filters = geometry.shape.filters, padded = geometry.shape.padded_filters, length = geometry.reduction;
  std::vector<Float16> columns(static_cast<std::size_t>(groups * length * padded));
  for (std::int64_t g = 0; g < groups; ++g)
    for (std::int64_t k = 0; k < filters; ++k)
      for (std::int64_t i = 0; i < length; ++i)
        columns[static_cast<std::size_t>((g * length + i) * padded + k)] = rows[static_cast<std::size_t>((g * filters + k) * length + i)];
  return columns;
}

TileChoice choose_tile(const Geometry& geometry, const std::vector<Tile>& tiles, int step, int multiprocessors) {
  const gpu::ConvolutionShape& s = geometry.shape;
  const std::int64_t steps = geometry.reduction / step;
  TileChoice best;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    const std::int64_t blocks = ceil_div(s.filters, tiles[t].rows) * ceil_div(s.pixels, tiles[t].columns) * s.groups;
    // A block of the largest tile fills half a multiprocessor; smaller ones fill less.
    const double work_a_step = static_cast<double>(tiles[t].rows) * tiles[t].columns / tiles[t].efficiency;
    for (std::int64_t wanted = 1; wanted <= kMostSplits; wanted *= 2) {
      const std::int64_t a_split = ceil_div(steps, wanted), splits = ceil_div(steps, a_split);
      if (wanted > 1 && a_split < kFewestStepsASplit) break;
      const std::int64_t waves = ceil_div(blocks * splits, 2 * static_cast<std::int64_t>(multiprocessors));
      // Partial sums are written and read once as FP32: in units of a step's products, about 8 a sum, spread over all multiprocessors.
      const double partial =
          splits == 1 ? 0 : 8.0 * static_cast<double>(s.pixels) * s.padded_filters * s.groups * static_cast<double>(splits) / multiprocessors / 2;
      const double time = static_cast<double>(waves * (a_split + 4)) * work_a_step + partial;  // 4: filling the pipeline and writing the result
      if (time < least) {
        least = time;
        best = {static_cast<int>(t), static_cast<int>(splits), static_cast<int>(a_split)};
      }
    }
  }
  return best;
}

}  // namespace convroof::cuda
