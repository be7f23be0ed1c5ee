#include "backends/highway/dot_winograd.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "backends/highway/buffer.h"
#include "backends/highway/convolution_shape.h"
#include "backends/highway/dot_convolution.h"
#include "backends/highway/dot_tile.h"
#include "backends/highway/dot_winograd_transform.h"
#include "backends/highway/parallel.h"
#include "backends/host_cpu.h"

namespace convroof::highway {
namespace {

constexpr std::int64_t kPoints = kWinogradPoints;

// G g G^T of one 3x3 filter, times 4, so that integers stay integers.
std::array<double, kPoints> transformed_times_four(const std::array<double, 9>& g) {
  constexpr double kG[4][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  std::array<double, kPoints> u{};
  for (std::size_t y = 0; y < 4; ++y)
    for (std::size_t x = 0; x < 4; ++x)
      for (std::size_t r = 0; r < 3; ++r)
        for (std::size_t s = 0; s < 3; ++s) u[4 * y + x] += kG[y][r] * g[3 * r + s] * kG[x][s];
  return u;
}

// Tiles of all images are one list. A block of them is transformed into the second-level cache; then for each group of filters, all points are multiplied and
// transformed back at once. Nothing transformed ever goes further out than that cache, except the weights.
class DotWinograd final : public Kernel {
 public:
  DotWinograd(const Case& c, const Operands& operands)
      : c_(c),
        s_(convolution_shape(c)),
        tiles_(is_int8() ? int8_tiles() : bf16_tiles()),
        transforms_(is_int8() ? int8_winograd_transforms() : bf16_winograd_transforms()) {
    pack_input(operands.input.data());
    plan_blocks();
    is_int8() ? pack_weights_int8(operands) : pack_weights_bf16(operands);
    if (c.has_bias()) {
      bias_ = Buffer<std::int32_t>(s_.groups * s_.out_blocks() * kBlock);
      for (std::int64_t g = 0; g < s_.groups; ++g)
        std::memcpy(&bias_[g * s_.out_blocks() * kBlock], operands.bias.data() + g * s_.out_channels * 4, static_cast<std::size_t>(s_.out_channels) * 4);
    }
    output_ = Buffer<std::uint8_t>(s_.images * s_.groups * output_lines() * s_.out_pixels() * kLineBytes);
    panels_ = Buffer<std::uint8_t>(c.threads * panel_bytes());
  }

  std::optional<double> run(int times) override {
    for (int i = 0; i < times; ++i)
      on_threads(c_.threads, [this](int thread, int threads) {
        const Range mine = share_of(s_.groups * block_count_, thread, threads);
        for (std::int64_t b = mine.begin; b < mine.end; ++b) compute(b / block_count_, b % block_count_, panels_.data() + thread * panel_bytes());
      });
    return std::nullopt;
  }

  void poison_output() override {
    if (is_int8())
      std::ranges::fill(std::span(reinterpret_cast<std::int32_t*>(output_.data()), static_cast<std::size_t>(output_.count() / 4)),
                        std::numeric_limits<std::int32_t>::min());
    else
      std::ranges::fill(output_.span(), std::uint8_t{0xff});  // NaN
  }

  void read_output(Tensor& canonical) override {
    const std::int64_t width = is_int8() ? 4 : 2, per_line = kLineBytes / width, pixels = s_.out_pixels();
    for (std::int64_t ng = 0; ng < s_.images * s_.groups; ++ng)
      for (std::int64_t k = 0; k < s_.out_channels; ++k)
        for (std::int64_t p = 0; p < pixels; ++p)
          std::memcpy(canonical.data() + ((ng * s_.out_channels + k) * pixels + p) * width,
                      output_.data() + ((ng * output_lines() + k / per_line) * pixels + p) * kLineBytes + k % per_line * width,
                      static_cast<std::size_t>(width));
  }

  Work work() const override {
    Work work;
    const std::int64_t tiles = tile_count();
    work.macs_executed = static_cast<std::uint64_t>(tiles * kPoints * s_.in_channels * s_.out_channels * s_.groups);
    work.ops_other = static_cast<std::uint64_t>(tiles * s_.groups * (32 * s_.in_channels + 24 * s_.out_channels));
    work.bytes_packed = input_.bytes() + weights_.bytes() + scales_.bytes() + starts_.bytes() + bias_.bytes() + output_.bytes() + panels_.bytes();
    work.unit_used = "dot";
    work.accumulator = is_int8() ? "s32" : "f32";
    work.facts["target"] = tiles_.target;
    work.facts["implementation"] = "fused winograd 2x2";
    work.facts["block"] = fmt::format("{} tiles", block_tiles_);
    if (is_int8()) work.facts["input_steps"] = fmt::format("{} {}", 1 << shift_, 1 << sum_shift_);
    return work;
  }

 private:
  bool is_int8() const { return c_.type == DataType::s8; }
  std::int64_t bytes() const { return is_int8() ? 1 : 2; }
  std::int64_t channels_per_line() const { return kLineBytes / bytes(); }
  std::int64_t input_lines() const { return ceil_div(s_.in_channels, channels_per_line()); }                // of a group
  std::int64_t output_lines() const { return is_int8() ? s_.out_blocks() : ceil_div(s_.out_blocks(), 2); }  // of a group
  std::int64_t words() const { return ceil_div(s_.in_channels * bytes(), kWordBytes); }                     // of a filter at one point
  std::int64_t tile_rows() const { return ceil_div(s_.out_height, 2); }
  std::int64_t tile_columns() const { return ceil_div(s_.out_width, 2); }
  std::int64_t tile_count() const { return s_.images * tile_rows() * tile_columns(); }

  // Panels of one thread: transformed inputs [point][line][tile][64 bytes], sums [point][filter block][tile][64 bytes].
  std::int64_t point_bytes() const { return input_lines() * block_tiles_ * kLineBytes; }
  std::int64_t sums_point_bytes() const { return filters_ * block_tiles_ * kLineBytes; }
  std::int64_t panel_bytes() const { return kPoints * (point_bytes() + sums_point_bytes()); }

  void pack_input(const std::byte* from) {
    const std::int64_t pixels = s_.in_pixels(), per_line = channels_per_line(), size = bytes();
    input_ = Buffer<std::uint8_t>((s_.images * s_.groups * input_lines() * pixels + 1) * kLineBytes);  // the last line stays zero: the border
    for (std::int64_t ng = 0; ng < s_.images * s_.groups; ++ng)
      for (std::int64_t ch = 0; ch < s_.in_channels; ++ch)
        for (std::int64_t p = 0; p < pixels; ++p)
          std::memcpy(input_.data() + ((ng * input_lines() + ch / per_line) * pixels + p) * kLineBytes + ch % per_line * size,
                      from + ((ng * s_.in_channels + ch) * pixels + p) * size, static_cast<std::size_t>(size));
  }

  // Blocks of as many whole register tiles as half the second-level cache holds, and at least one block a thread.
  void plan_blocks() {
    const std::int64_t cache = host_cpu().l2_bytes > 0 ? host_cpu().l2_bytes : std::int64_t{512} << 10;
    const std::int64_t fit = std::clamp<std::int64_t>(cache / 2 / (kPoints * input_lines() * kLineBytes) / tiles_.largest_tile, 1, 4) * tiles_.largest_tile;
    block_count_ = ceil_div(tile_count(), fit);
    block_count_ = ceil_div(block_count_, c_.threads) * c_.threads;
    block_tiles_ = ceil_div(tile_count(), block_count_);
    filters_ = tiles_.blocks_of_tile(static_cast<int>(ceil_div(block_tiles_, ceil_div(block_tiles_, tiles_.largest_tile))));
    for (std::int64_t first = 0; first < s_.out_blocks();) {
      std::int64_t count = filters_;
      while (first + count > s_.out_blocks()) count /= 2;
      filter_groups_.push_back({first, first + count});
      first += count;
    }
    for (std::int64_t line = 0; line < input_lines(); ++line)
      taps_.push_back({.a_offset = line * block_tiles_ * kLineBytes,
                       .first_word = line * 16,
                       .words = static_cast<std::int32_t>(std::min<std::int64_t>(16, words() - line * 16))});
  }

  // --- weights: [group][filter group][point][word][block][16 filters][4 bytes] ---
  std::uint8_t* weights_of(std::int64_t g, Range filters, std::int64_t point) {
    return weights_.data() + ((g * s_.out_blocks() + filters.begin) * kPoints + point * filters.size()) * words() * kLineBytes;
  }
  std::uint8_t* weight_at(std::int64_t g, Range filters, std::int64_t point, std::int64_t k, std::int64_t ch) {
    const std::int64_t per_word = kWordBytes / bytes(), block = k / kBlock - filters.begin;
    return weights_of(g, filters, point) + ((ch / per_word * filters.size() + block) * kBlock + k % kBlock) * kWordBytes + ch % per_word * bytes();
  }

  // f(group, filter group, filter, its first canonical weight)
  template <typename F>
  void for_each_filter(const F& f) {
    weights_ = Buffer<std::uint8_t>(s_.groups * s_.out_blocks() * kPoints * words() * kLineBytes);
    for (std::int64_t g = 0; g < s_.groups; ++g)
      for (const Range filters : filter_groups_)
        for (std::int64_t k = filters.begin * kBlock; k < std::min(s_.out_channels, filters.end * kBlock); ++k)
          f(g, filters, k, (g * s_.out_channels + k) * s_.in_channels * 9);
  }

  template <typename T>
  static std::array<double, kPoints> transformed(const T* filter) {
    std::array<double, 9> taps;
    for (std::size_t i = 0; i < 9; ++i) {
      if constexpr (std::is_same_v<T, BFloat16>)
        taps[i] = static_cast<double>(static_cast<float>(filter[i]));
      else
        taps[i] = static_cast<double>(filter[i]);
    }
    return transformed_times_four(taps);
  }

  void pack_weights_bf16(const Operands& operands) {
    const BFloat16* const from = operands.weights.as<BFloat16>().data();
    for_each_filter([&](std::int64_t g, Range filters, std::int64_t k, std::int64_t first) {
      for (std::int64_t ch = 0; ch < s_.in_channels; ++ch) {
        const auto u = transformed(from + first + ch * 9);
        for (std::int64_t p = 0; p < kPoints; ++p) {
          const BFloat16 rounded(static_cast<float>(u[static_cast<std::size_t>(p)] / 4));
          std::memcpy(weight_at(g, filters, p, k, ch), &rounded, 2);
        }
      }
    });
  }

  // A scale for each point and filter, 1 where the integers fit as they are; powers of two for the inputs, from their largest value.
  void pack_weights_int8(const Operands& operands) {
    const std::span<const std::uint8_t> input = operands.input.as<std::uint8_t>();
    const int largest = input.empty() ? 0 : *std::ranges::max_element(input);
    while ((2 * largest >> shift_) > 127) ++shift_;          // differences of two sums
    while ((4 * largest >> sum_shift_) > 255) ++sum_shift_;  // a sum of four, which has no sign

    const std::int8_t* const from = operands.weights.as<std::int8_t>().data();
    scales_ = Buffer<float>(s_.groups * s_.out_blocks() * kPoints * kBlock);
    starts_ = Buffer<std::int32_t>(s_.groups * s_.out_blocks() * kPoints * kBlock);
    for_each_filter([&](std::int64_t g, Range filters, std::int64_t k, std::int64_t first) {
      std::array<double, kPoints> range{};
      for (std::int64_t ch = 0; ch < s_.in_channels; ++ch) {
        const auto u = transformed(from + first + ch * 9);
        for (std::size_t p = 0; p < kPoints; ++p) range[p] = std::max(range[p], std::abs(u[p]));
      }
      std::array<std::int32_t, kPoints> sums{};
      for (std::int64_t ch = 0; ch < s_.in_channels; ++ch) {
        const auto u = transformed(from + first + ch * 9);
        for (std::size_t p = 0; p < kPoints; ++p) {
          const auto rounded = static_cast<std::int8_t>(std::nearbyint(u[p] / weight_step(range[p])));
          sums[p] += rounded;
          std::memcpy(weight_at(g, filters, static_cast<std::int64_t>(p), k, ch), &rounded, 1);
        }
      }
      for (std::int64_t p = 0; p < kPoints; ++p) {
        const auto i = static_cast<std::size_t>(p);
        const bool has_sign = p != kWinogradSumPoint;
        const int shift = has_sign ? shift_ : sum_shift_;
        scales_[per_filter(g, k, p)] = static_cast<float>(weight_step(range[i]) / 4 * (1 << shift));
        starts_[starts_index(g, filters, p, k)] = has_sign ? -128 * sums[i] : 0;
      }
    });
  }

  static double weight_step(double range) { return range <= 127 ? 1 : range / 127; }
  // [group][block][point][16]
  std::int64_t per_filter(std::int64_t g, std::int64_t k, std::int64_t point) const {
    return ((g * s_.out_blocks() + k / kBlock) * kPoints + point) * kBlock + k % kBlock;
  }
  // [group][filter group][point][block][16]: what the sums of a point start from.
  std::int64_t starts_index(std::int64_t g, Range filters, std::int64_t point, std::int64_t k) const {
    return ((g * s_.out_blocks() + filters.begin) * kPoints + point * filters.size()) * kBlock + k - filters.begin * kBlock;
  }

  // --- run ---
  void compute(std::int64_t g, std::int64_t block, std::uint8_t* panel) {
    const Range mine = share_of(tile_count(), block, block_count_);
    std::uint8_t* const sums = panel + kPoints * point_bytes();
    for (std::int64_t t = mine.begin; t < mine.end; ++t) transform_input(g, t, panel + (t - mine.begin) * kLineBytes);
    for (const Range filters : filter_groups_) {
      for (std::int64_t p = 0; p < kPoints; ++p) multiply(g, filters, p, mine.size(), panel, sums);
      for (std::int64_t t = mine.begin; t < mine.end; ++t)
        for (std::int64_t b = filters.begin; b < filters.end; ++b)
          transform_output(g, b, t, sums + ((b - filters.begin) * block_tiles_ + t - mine.begin) * kLineBytes);
    }
  }

  void transform_input(std::int64_t g, std::int64_t tile, std::uint8_t* to) const {
    const std::int64_t n = tile / (tile_rows() * tile_columns()), y = tile / tile_columns() % tile_rows() * 2 - s_.pad_top;
    const std::int64_t x = tile % tile_columns() * 2 - s_.pad_left, pixels = s_.in_pixels();
    const std::uint8_t* const zeros = input_.data() + input_.count() - kLineBytes;
    WinogradInputCall call{.point = point_bytes(), .shift = shift_, .sum_shift = sum_shift_};
    std::ptrdiff_t step[kPoints];  // to the next line
    for (std::int64_t i = 0; i < kPoints; ++i) {
      const std::int64_t row = y + i / 4, column = x + i % 4;
      const bool inside = row >= 0 && row < s_.in_height && column >= 0 && column < s_.in_width;
      call.pixels[i] = inside ? input_.data() + ((n * s_.groups + g) * input_lines() * pixels + row * s_.in_width + column) * kLineBytes : zeros;
      step[i] = inside ? pixels * kLineBytes : 0;
    }
    for (std::int64_t line = 0; line < input_lines(); ++line) {
      call.out = to + line * block_tiles_ * kLineBytes;
      transforms_.input(call);
      for (std::int64_t i = 0; i < kPoints; ++i) call.pixels[i] += step[i];
    }
  }

  void multiply(std::int64_t g, Range filters, std::int64_t point, std::int64_t tiles, const std::uint8_t* panel, std::uint8_t* sums) {
    DotTileCall call;
    call.taps = taps_.data();
    call.tap_count = static_cast<std::int64_t>(taps_.size());
    call.b = weights_of(g, filters, point);
    call.wide = true;
    if (is_int8()) call.bias = starts_.data() + starts_index(g, filters, point, filters.begin * kBlock);
    for (std::int64_t k = 0; k < filters.size(); ++k) call.out_block[k] = k * block_tiles_ * kLineBytes;
    const std::int64_t pieces = ceil_div(tiles, tiles_.largest_tile);
    for (std::int64_t i = 0; i < pieces; ++i) {
      const Range piece = share_of(tiles, i, pieces);
      call.a = panel + point * point_bytes() + piece.begin * kLineBytes;
      call.b_ahead = dot_weights_ahead(piece.size(), filters.size());
      call.out = sums + point * sums_point_bytes() + piece.begin * kLineBytes;
      tiles_.function(static_cast<int>(piece.size()), static_cast<int>(filters.size()), true)(call);
    }
  }

  void transform_output(std::int64_t g, std::int64_t block, std::int64_t tile, const std::uint8_t* sums) {
    const std::int64_t n = tile / (tile_rows() * tile_columns()), y = tile / tile_columns() % tile_rows() * 2, x = tile % tile_columns() * 2;
    WinogradOutputCall call{.sums = sums, .point = sums_point_bytes(), .relu = c_.activation() == Activation::relu};
    const std::int64_t first = (g * s_.out_blocks() + block) * kBlock;
    if (bias_.count() > 0) call.bias = bias_.data() + first;
    if (is_int8()) call.scales = scales_.data() + first * kPoints;
    const std::int64_t line = is_int8() ? block : block / 2, inside_line = is_int8() ? 0 : block % 2 * (kLineBytes / 2);
    std::uint8_t* const plane = output_.data() + ((n * s_.groups + g) * output_lines() + line) * s_.out_pixels() * kLineBytes + inside_line;
    for (std::int64_t i = 0; i < 4; ++i) {
      const std::int64_t row = y + i / 2, column = x + i % 2;
      call.pixels[i] = row < s_.out_height && column < s_.out_width ? plane + (row * s_.out_width + column) * kLineBytes : nullptr;
    }
    transforms_.output(call);
  }

  const Case c_;
  const ConvolutionShape s_;
  const DotTiles tiles_;
  const WinogradTransforms transforms_;
  Buffer<std::uint8_t> input_, weights_, output_, panels_;
  Buffer<std::int32_t> bias_, starts_;  // bias: f32 bits for bf16
  Buffer<float> scales_;
  std::int64_t block_count_ = 1, block_tiles_ = 1, filters_ = 1;
  std::vector<Range> filter_groups_;  // filter blocks
  std::vector<DotTap> taps_;
  int shift_ = 0, sum_shift_ = 0;  // 8-bit: log2 of the steps that inputs are rounded to
};

Support supports(const Case& c, DataType type, const char* name) {
  const LayerSpec& l = c.layer;
  if (c.type != type) return Support::no(fmt::format("`{}` computes {}, not {}", name, name_of(type), name_of(c.type)));
  if (l.op != Op::conv) return Support::no("Winograd is for convolutions");
  if (l.kernel_height != 3 || l.kernel_width != 3) return Support::no(fmt::format("F(2x2,3x3) needs a 3x3 filter, not {}x{}", l.kernel_height, l.kernel_width));
  if (l.stride_height != 1 || l.stride_width != 1) return Support::no("F(2x2,3x3) needs stride 1");
  if (l.dilation_height != 1 || l.dilation_width != 1) return Support::no("F(2x2,3x3) needs an undilated filter");
  // With few channels the transforms outweigh what they save, and the error model, which speaks of neighbouring pixels, loses its ground.
  if (l.in_channels_per_group() < 16) return Support::no("fewer than 16 input channels: the transforms would outweigh the multiplications");
  return dot_convolution_supports(c);
}

// Notation: u the unit of rounding to bf16 (2^-9), D the 4x4 patch of a tile, g the filter. Each of the 9 points behind an output sums products of V = B^T D B
// and U = G g G^T, both rounded once: 2 u |V| |U|, with |V| <= 2 |D| and |U| <= |g|, so 36 u |D| |g|. D covers the patches of the tile's four outputs, any of
// which may be larger than an output's own: the bound refers to the largest of the tensor, which D exceeds by at most the square root of 16/9.
ErrorModel bf16_error(const Case& c) {
  ErrorModel model = direct_error_model(c);
  model.relative_to_largest_magnitude = 48 * 0x1p-9;
  model.largest_relative_l2 = 0x1p-6;
  model.derivation = "48 u of the largest |patch| |filter|, u = 2^-9: inputs and weights rounded to bf16 after the transform; f32 sums; output rounding";
  return model;
}

// Largest errors of a product of rounded factors, V within half a step of at most 8 below 128 steps and U within half of 1/127 of its range:
// |dV U| + |V dU| <= (1/256 + 1/254) of the largest product, 9 points, |V| <= 2 |D| and |U| <= |g| in the largest norm, C channels.
ErrorModel int8_error(const Case& c) {
  ErrorModel model;
  const double largest_product = 2 * 255.0 * 9.0 / 4 * 127.0;
  model.absolute = 9 * static_cast<double>(c.layer.in_channels_per_group()) * largest_product * (1.0 / 256 + 1.0 / 254) + 1;
  model.relative_to_expected = 0x1p-22;
  model.largest_relative_l2 = 0.05;
  model.derivation = "inputs and weights rounded to 8 bits after the transform: 9 points x C x largest product x (1/256 + 1/254); L2 gate 5 %";
  return model;
}

}  // namespace

Algorithm bf16_winograd_algorithm() {
  return {.variant = {.name = "bf16-winograd2x2", .summary = "bf16, Winograd F(2x2,3x3) with f32 transforms, fused per block of tiles"},
          .supports = [](const Case& c) { return supports(c, DataType::bf16, "bf16-winograd2x2"); },
          .prepare = [](const Case& c, const Operands& o) -> std::unique_ptr<Kernel> { return std::make_unique<DotWinograd>(c, o); },
          .error = bf16_error};
}

Algorithm int8_winograd_algorithm() {
  return {.variant = {.name = "int8-winograd2x2", .summary = "u8 x s8, Winograd F(2x2,3x3) rounded to 8 bits in the transformed domain: not exact"},
          .supports = [](const Case& c) { return supports(c, DataType::s8, "int8-winograd2x2"); },
          .prepare = [](const Case& c, const Operands& o) -> std::unique_ptr<Kernel> { return std::make_unique<DotWinograd>(c, o); },
          .error = int8_error};
}

}  // namespace convroof::highway
