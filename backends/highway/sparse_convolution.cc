#include "backends/highway/sparse_convolution.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "backends/highway/activations.h"
#include "backends/highway/blocked_layout.h"
#include "backends/highway/buffer.h"
#include "backends/highway/parallel.h"
#include "backends/highway/sparse_lanes.h"
#include "backends/highway/sparse_tile.h"

namespace convroof::highway {
namespace {

// A block of output positions of one part, at most kLargestSparseTile of them.
struct Block {
  std::int64_t y, x, rows, columns;
};

std::vector<Block> blocks_of(const SparseLanes& cut) {
  std::vector<Block> blocks;
  const std::int64_t pieces = (cut.part_width + kLargestSparseTile - 1) / kLargestSparseTile;
  for (std::int64_t y = 0; y < cut.part_height;) {
    std::int64_t rows = 1;
    while (rows < 4 && y + 2 * rows <= cut.part_height && 2 * rows * cut.part_width <= kLargestSparseTile) rows *= 2;
    for (std::int64_t i = 0; i < pieces; ++i) {
      const Range piece = share_of(cut.part_width, i, pieces);
      blocks.push_back({y, piece.begin, rows, piece.size()});
    }
    y += rows;
  }
  return blocks;
}

SparseTiles tiles_of(DataType type) { return type == DataType::s8 ? int8_sparse_tiles() : f32_sparse_tiles(); }

class SparseConvolution final : public Kernel {
 public:
  SparseConvolution(const Case& c, const Operands& operands)
      : c_(c), layer_(c.layer), tiles_(tiles_of(c.type)), cut_(SparseLanes::of(c, tiles_.lanes)), blocks_(blocks_of(cut_)) {
    take_input(operands.input);
    pack_weights(operands);
    if (c.has_bias()) {
      bias_ = Buffer<std::uint32_t>(layer_.out_channels);
      std::memcpy(bias_.data(), operands.bias.data(), bias_.bytes());
    }
    packed_ = Buffer<float>(cut_.groups * planes_ * cut_.packed_plane());
    output_ = Buffer<float>(cut_.groups * layer_.out_channels * cut_.output_plane());
    if (cut_.source_column_step > 1) scratch_ = Buffer<float>(c.threads * cut_.lanes * cut_.in_width);
    for (const Block& block : blocks_) functions_.push_back(tiles_.function(static_cast<int>(block.rows), static_cast<int>(block.columns)));
    plan_lanes();
    packs_in_run_ = cut_.has_halo() || cut_.source_row_step > 1 || cut_.source_column_step > 1;
    if (!packs_in_run_) pack_input(0, 1);
    share_filters();
    macs_ = sparse_macs(c, operands.weights);
  }

  std::optional<double> run(int times) override {
    for (int i = 0; i < times; ++i)
      on_threads(c_.threads, [&](int thread, int threads) {
        if (packs_in_run_) {
          pack_input(thread, threads);
          barrier();
        }
        compute(thread, threads);
      });
    return std::nullopt;
  }

  void poison_output() override {
    std::ranges::fill(output_.span(), is_int8() ? std::bit_cast<float>(std::numeric_limits<std::int32_t>::min()) : std::numeric_limits<float>::quiet_NaN());
  }

  void read_output(Tensor& canonical) override {
    std::byte* to = canonical.data();
    for (std::int64_t n = 0; n < c_.batch; ++n)
      for (std::int64_t k = 0; k < layer_.out_channels; ++k)
        for (std::int64_t y = 0; y < layer_.out_height; ++y)
          for (std::int64_t x = 0; x < layer_.out_width; ++x) {
            const SparseLanes::Place place = cut_.cut == SparseLanes::Cut::pixels ? cut_.place_of(n, 0, y * layer_.out_width + x) : cut_.place_of(n, y, x);
            std::memcpy(to, &output_[(place.group * layer_.out_channels + k) * cut_.output_plane() + place.offset], 4);
            to += 4;
          }
  }

  Work work() const override {
    Work work;
    work.macs_executed = macs_;
    work.bytes_packed = taps_.bytes() + first_tap_.bytes() + bias_.bytes() + packed_.bytes() + output_.bytes() + (packs_in_run_ ? input_.size_bytes() : 0);
    work.unit_used = is_int8() ? "dot" : "fma";
    work.accumulator = is_int8() ? "s32" : "f32";
    work.facts["target"] = tiles_.target;
    work.facts["implementation"] = "sparse direct";
    work.facts["kept_weights"] = fmt::format("{}", kept_weights_);
    work.facts["layout"] =
        cut_.cut == SparseLanes::Cut::pixels
            ? fmt::format("{} consecutive pixels a vector{}", cut_.lanes, packs_in_run_ ? ", packed in each run" : "")
            : fmt::format("lanes = {} images x {} x {} parts{}", cut_.images, cut_.rows, cut_.columns, packs_in_run_ ? ", packed in each run" : "");
    return work;
  }

 private:
  bool is_int8() const { return c_.type == DataType::s8; }
  std::int64_t channels_per_word() const { return is_int8() ? 4 : 1; }
  std::int64_t planes_of_group() const { return ceil_div(layer_.in_channels_per_group(), channels_per_word()); }

  // f32: the canonical tensor itself. u8: planes of words of four channels, [image][group][word][pixel].
  void take_input(const Tensor& input) {
    planes_ = layer_.groups * planes_of_group();
    if (!is_int8()) {
      input_ = input.as<float>();
      return;
    }
    const std::span<const std::uint8_t> from = input.as<std::uint8_t>();
    const std::int64_t pixels = layer_.in_height * layer_.in_width, channels = layer_.in_channels_per_group();
    words_ = Buffer<float>(c_.batch * planes_ * pixels);
    auto* const to = reinterpret_cast<std::uint8_t*>(words_.data());
    for (std::int64_t ng = 0; ng < c_.batch * layer_.groups; ++ng)
      for (std::int64_t ch = 0; ch < channels; ++ch)
        for (std::int64_t p = 0; p < pixels; ++p)
          to[((ng * planes_of_group() + ch / 4) * pixels + p) * 4 + ch % 4] = from[static_cast<std::size_t>((ng * channels + ch) * pixels + p)];
    input_ = words_.span();
  }

  void pack_weights(const Operands& operands) {
    const std::int64_t channels = layer_.in_channels_per_group(), taps = layer_.kernel_height * layer_.kernel_width, size = 4 / channels_per_word();
    std::vector<SparseTap> list;
    first_tap_ = Buffer<std::uint64_t>(layer_.out_channels + 1);
    for (std::int64_t k = 0; k < layer_.out_channels; ++k) {
      const std::int64_t first_plane = k / layer_.out_channels_per_group() * planes_of_group();
      for (std::int64_t plane = 0; plane < planes_of_group(); ++plane)
        for (std::int64_t tap = 0; tap < taps; ++tap) {
          std::uint32_t word = 0;
          for (std::int64_t i = 0; i < channels_per_word() && plane * channels_per_word() + i < channels; ++i)
            std::memcpy(reinterpret_cast<std::byte*>(&word) + i * size,
                        operands.weights.data() + ((k * channels + plane * channels_per_word() + i) * taps + tap) * size, static_cast<std::size_t>(size));
          const bool kept = is_int8() ? word != 0 : std::bit_cast<float>(word) != 0;
          if (!kept) continue;
          list.push_back({static_cast<std::int32_t>(cut_.tap_offset(layer_, first_plane + plane, tap / layer_.kernel_width, tap % layer_.kernel_width)), word});
        }
      first_tap_[k + 1] = list.size();
    }
    taps_ = Buffer<SparseTap>(static_cast<std::int64_t>(list.size()));
    std::ranges::copy(list, taps_.data());
    for (std::int64_t i = 0; i < operands.weights.count(); ++i) kept_weights_ += operands.weights.value(i) != 0;
  }

  // Threads share blocks of positions, so that each needs its part of the input only; where there are too few, each takes its share of the filters' taps.
  void share_filters() {
    const std::int64_t blocks = static_cast<std::int64_t>(blocks_.size()) * cut_.groups;
    const bool even = blocks % c_.threads == 0 || blocks >= 8 * c_.threads;
    const std::int64_t parts = even ? 1 : c_.threads;
    filter_parts_.assign(1, 0);
    for (std::int64_t part = 1; part < parts; ++part) {
      const std::uint64_t* first = first_tap_.data();
      const auto wanted = static_cast<std::uint64_t>(share_of(taps_.count(), part, parts).begin);
      filter_parts_.push_back(std::max<std::int64_t>(filter_parts_.back(), std::lower_bound(first, first + layer_.out_channels, wanted) - first));
    }
    filter_parts_.push_back(layer_.out_channels);
  }

  void compute(int thread, int threads) {
    const auto blocks = static_cast<std::int64_t>(blocks_.size()), parts = static_cast<std::int64_t>(filter_parts_.size()) - 1;
    const Range items = share_of(parts * cut_.groups * blocks, thread, threads);
    const std::int64_t position_row = cut_.row_stride * cut_.phases * cut_.in_width * cut_.lanes, output_row = cut_.part_width * cut_.lanes;
    for (std::int64_t item = items.begin; item < items.end; ++item) {
      const std::int64_t part = item / (cut_.groups * blocks), group = item / blocks % cut_.groups, b = item % blocks;
      const Block& block = blocks_[static_cast<std::size_t>(b)];
      SparseTileCall call{.input = packed_.data() + group * planes_ * cut_.packed_plane() + block.y * position_row + block.x * cut_.lanes,
                          .input_row = position_row,
                          .taps = taps_.data(),
                          .first_tap = first_tap_.data(),
                          .filter_begin = filter_parts_[static_cast<std::size_t>(part)],
                          .filter_end = filter_parts_[static_cast<std::size_t>(part) + 1],
                          .bias = c_.has_bias() ? bias_.data() : nullptr,
                          .relu = c_.activation() == Activation::relu,
                          .output = output_.data() + group * layer_.out_channels * cut_.output_plane() + block.y * output_row + block.x * cut_.lanes,
                          .output_filter = cut_.output_plane(),
                          .output_row = output_row};
      functions_[static_cast<std::size_t>(b)](call);
      if (c_.activation() != Activation::relu && c_.activation() != Activation::none)
        for (std::int64_t k = call.filter_begin; k < call.filter_end; ++k)
          for (std::int64_t y = 0; y < block.rows; ++y)
            activate(c_.activation(), call.output + k * call.output_filter + y * output_row, block.columns * cut_.lanes);
    }
  }

  // --- input ---
  void pack_input(int thread, int threads) {
    const Range planes = share_of(cut_.groups * planes_, thread, threads);
    for (std::int64_t plane = planes.begin; plane < planes.end; ++plane) {
      float* to = packed_.data() + plane * cut_.packed_plane();
      if (cut_.cut == SparseLanes::Cut::pixels) {
        pack_pixels(input_.data() + plane * layer_.in_height * layer_.in_width, to);
      } else {
        pack_plane(plane / planes_, plane % planes_, scratch_.data() + thread * cut_.lanes * cut_.in_width, to);
      }
    }
  }

  void pack_pixels(const float* plane, float* to) const {
    if (cut_.source_row_step == 1 && cut_.source_column_step == 1) {
      std::copy_n(plane, layer_.in_height * layer_.in_width, to);
      return;
    }
    for (std::int64_t y = 0; y < layer_.out_height; ++y)
      tiles_.subsample(plane + y * cut_.source_row_step * layer_.in_width, cut_.source_column_step, layer_.out_width, to + y * layer_.out_width);
  }

  // What a lane's rows have in common.
  struct Lane {
    std::int64_t image, y, x;  // first source row and column; image within the group
    std::int64_t begin, end;   // columns that exist
  };

  void plan_lanes() {
    const std::int64_t step = cut_.source_column_step, width = cut_.in_width * cut_.phases;
    for (std::int64_t i = 0; i < cut_.images * cut_.rows * cut_.columns; ++i) {
      Lane lane{.image = i / (cut_.rows * cut_.columns),
                .y = i / cut_.columns % cut_.rows * cut_.part_height * layer_.stride_height - layer_.pad_top,
                .x = i % cut_.columns * cut_.part_width * layer_.stride_width - layer_.pad_left};
      lane.begin = std::max<std::int64_t>(0, (-lane.x + step - 1) / step);
      lane.end = std::min(width, (layer_.in_width - lane.x + step - 1) / step);
      lane_plan_.push_back(lane);
    }
  }

  void pack_plane(std::int64_t group, std::int64_t channel, float* scratch, float* to) const {
    const std::int64_t width = cut_.in_width * cut_.phases, step = cut_.source_column_step;
    SparseLaneRow rows[16];
    std::ranges::fill(rows, SparseLaneRow{input_.data(), 0, 0});
    for (std::int64_t y = 0; y < cut_.in_height; ++y) {
      for (std::size_t i = 0; i < lane_plan_.size(); ++i) {
        const Lane& lane = lane_plan_[i];
        const std::int64_t n = group * cut_.images + lane.image, source_y = lane.y + y * cut_.source_row_step;
        rows[i].end = 0;
        if (n >= c_.batch || source_y < 0 || source_y >= layer_.in_height) continue;
        const float* source = input_.data() + ((n * planes_ + channel) * layer_.in_height + source_y) * layer_.in_width + lane.x;
        if (step > 1) {
          float* row = scratch + static_cast<std::int64_t>(i) * width;
          for (std::int64_t x = lane.begin; x < lane.end; ++x) row[x] = source[x * step];
          source = row;
        }
        rows[i] = {source, lane.begin, lane.end};
      }
      tiles_.interleave(rows, width, cut_.phases, cut_.in_width * cut_.lanes, to + y * width * cut_.lanes);
    }
  }

  const Case c_;
  const LayerSpec& layer_;
  const SparseTiles tiles_;
  const SparseLanes cut_;
  const std::vector<Block> blocks_;
  std::vector<SparseTileFunction> functions_;  // of each block
  std::span<const float> input_;               // planes of words: f32, or four u8
  std::int64_t planes_ = 1;                    // of an image
  std::int64_t kept_weights_ = 0;
  Buffer<SparseTap> taps_;
  Buffer<std::uint64_t> first_tap_;
  Buffer<std::uint32_t> bias_;  // f32 or s32
  Buffer<float> words_, packed_, output_, scratch_;
  std::vector<std::int64_t> filter_parts_;
  std::vector<Lane> lane_plan_;
  bool packs_in_run_ = false;
  std::uint64_t macs_ = 0;
};

// Output positions of one axis whose tap meets an input element.
std::int64_t meetings(std::int64_t in, std::int64_t out, std::int64_t tap, std::int64_t stride, std::int64_t dilation, std::int64_t pad) {
  std::int64_t count = 0;
  for (std::int64_t o = 0; o < out; ++o)
    if (const std::int64_t i = o * stride + tap * dilation - pad; i >= 0 && i < in) ++count;
  return count;
}

}  // namespace

std::uint64_t sparse_macs(const Case& c, const Tensor& weights) {
  const LayerSpec& l = c.layer;
  std::vector<std::uint64_t> positions;  // of each tap of a filter
  for (std::int64_t r = 0; r < l.kernel_height; ++r)
    for (std::int64_t s = 0; s < l.kernel_width; ++s)
      positions.push_back(static_cast<std::uint64_t>(meetings(l.in_height, l.out_height, r, l.stride_height, l.dilation_height, l.pad_top) *
                                                     meetings(l.in_width, l.out_width, s, l.stride_width, l.dilation_width, l.pad_left)));
  return visit_type(weights.type(), [&](auto zero) {
    using T = decltype(zero);
    std::uint64_t total = 0;
    std::size_t i = 0;
    for (const T w : weights.as<T>()) {
      bool kept;
      if constexpr (std::is_arithmetic_v<T>)
        kept = w != zero;
      else
        kept = static_cast<float>(w) != 0;
      if (kept) total += positions[i % positions.size()];
      ++i;
    }
    return total * static_cast<std::uint64_t>(c.batch);
  });
}

Support sparse_convolution_supports(const Case& c) {
  if (!c.layer.has_weights()) return Support::no(fmt::format("{} has no weights to leave out", name_of(c.layer.op)));
  if (c.type != DataType::f32 && c.type != DataType::s8) return Support::no("f32 and s8 only");
  if (c.type == DataType::s8 && (c.activation() == Activation::sigmoid || c.activation() == Activation::tanh))
    return Support::no(fmt::format("{} has no integer form here", name_of(c.activation())));
  const SparseTiles tiles = tiles_of(c.type);
  if (tiles.lanes == 0) return Support::no("needs Highway >= 1.2 for 8-bit dot products");
  const SparseLanes cut = SparseLanes::of(c, tiles.lanes);
  if (c.layer.in_channels * cut.packed_plane() > std::numeric_limits<std::int32_t>::max())
    return Support::no("one image's packed input needs more than 2^31 elements");
  return {};
}

std::unique_ptr<Kernel> make_sparse_convolution(const Case& c, const Operands& operands) { return std::make_unique<SparseConvolution>(c, operands); }

}  // namespace convroof::highway
