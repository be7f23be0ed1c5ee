#include "backends/highway/sparse_nm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "backends/highway/activations.h"
#include "backends/highway/buffer.h"
#include "backends/highway/convolution_shape.h"
#include "backends/highway/nm_tile.h"
#include "backends/highway/parallel.h"
#include "backends/highway/sparse_convolution.h"
#include "backends/host_cpu.h"

namespace convroof::highway {
namespace {

constexpr std::int64_t kLine = 64;  // bytes of a pixel: a block of channels

NmTiles tiles_of(DataType type) { return type == DataType::s8 ? int8_nm_tiles() : f32_nm_tiles(); }

// As the kernel sees it: rows do not matter to a 1x1 convolution of stride 1, and a fully connected layer is one whose pixels are the batch.
ConvolutionShape shape_of(const Case& c) {
  ConvolutionShape s = convolution_shape(c);
  if (c.layer.op == Op::fc) {
    ConvolutionShape product;
    product.in_channels = c.layer.reduction_length();
    product.out_channels = c.layer.out_channels;
    product.in_width = product.out_width = c.batch;
    return product;
  }
  if (s.kernel_height == 1 && s.kernel_width == 1 && s.stride_height == 1 && s.stride_width == 1 && s.in_height == s.out_height && s.in_width == s.out_width &&
      s.pad_top == 0 && s.pad_left == 0) {
    s.in_width = s.out_width = s.in_height * s.in_width;
    s.in_height = s.out_height = 1;
  }
  return s;
}

// Rows and columns that some tap meets, borders of zeros included.
std::int64_t padded_height_of(const ConvolutionShape& s) { return (s.out_height - 1) * s.stride_height + (s.kernel_height - 1) * s.dilation_height + 1; }
std::int64_t padded_width_of(const ConvolutionShape& s) { return (s.out_width - 1) * s.stride_width + (s.kernel_width - 1) * s.dilation_width + 1; }

class SparseNm final : public Kernel {
 public:
  SparseNm(const Case& c, const Operands& operands)
      : c_(c), s_(shape_of(c)), tiles_(tiles_of(c.type)), padded_height_(padded_height_of(s_)), padded_width_(padded_width_of(s_)) {
    pack_input(operands.input.data());
    pack_weights(operands.weights.data());
    if (c.has_bias()) {
      bias_ = Buffer<std::uint32_t>(s_.groups * vectors() * tiles_.lanes);
      for (std::int64_t g = 0; g < s_.groups; ++g)
        std::memcpy(&bias_[g * vectors() * tiles_.lanes], operands.bias.data() + g * s_.out_channels * 4, static_cast<std::size_t>(s_.out_channels) * 4);
    }
    output_ = Buffer<std::uint32_t>(s_.images * s_.groups * vectors() * s_.out_pixels() * tiles_.lanes);
    macs_ = sparse_macs(c, operands.weights);
    plan();
  }

  std::optional<double> run(int times) override {
    for (int i = 0; i < times; ++i)
      on_threads(c_.threads, [&](int thread, int threads) {
        const Range mine = share_of(static_cast<std::int64_t>(items_.size()), thread, threads);
        for (std::int64_t item = mine.begin; item < mine.end; ++item) compute(items_[static_cast<std::size_t>(item)]);
      });
    return std::nullopt;
  }

  void poison_output() override {
    std::ranges::fill(output_.span(), is_int8() ? 0x80000000u : 0x7fc00000u);  // the lowest integer, or NaN
  }

  void read_output(Tensor& canonical) override {
    const std::int64_t pixels = s_.out_pixels(), lanes = tiles_.lanes;
    const bool fc = c_.layer.op == Op::fc;
    for (std::int64_t ng = 0; ng < s_.images * s_.groups; ++ng)
      for (std::int64_t k = 0; k < s_.out_channels; ++k)
        for (std::int64_t p = 0; p < pixels; ++p) {
          const std::int64_t to = fc ? p * s_.out_channels + k : (ng * s_.out_channels + k) * pixels + p;
          std::memcpy(canonical.data() + to * 4, &output_[((ng * vectors() + k / lanes) * pixels + p) * lanes + k % lanes], 4);
        }
  }

  Work work() const override {
    Work work;
    work.macs_executed = macs_;
    work.bytes_packed = input_.bytes() + weights_.bytes() + channels_.bytes() + entries_.bytes() + bias_.bytes() + output_.bytes();
    work.unit_used = is_int8() ? "dot" : "fma";
    work.accumulator = is_int8() ? "s32" : "f32";
    work.facts["target"] = tiles_.target;
    work.facts["implementation"] = "sparse tiles, channels permuted to the weights that they meet";
    work.facts["pattern"] = fmt::format("at most {} of 4", most_of_four_);
    work.facts["slots_filled"] =
        fmt::format("{:.3f}", slots_ == 0 ? 1.0 : static_cast<double>(kept_) / static_cast<double>(slots_ * tiles_.lanes * per_slot()));
    return work;
  }

 private:
  struct Vector {  // of filters of one group
    std::int64_t first_entry, entries, first_slot;
  };
  struct Item {
    std::int32_t image_group, vector, y, x, pixels;
  };

  bool is_int8() const { return c_.type == DataType::s8; }
  std::int64_t size() const { return is_int8() ? 1 : 4; }
  std::int64_t per_slot() const { return is_int8() ? 4 : 1; }  // weights of a filter
  std::int64_t per_line() const { return kLine / size(); }     // channels
  std::int64_t lines() const { return ceil_div(s_.in_channels, per_line()); }
  std::int64_t vectors() const { return ceil_div(s_.out_channels, tiles_.lanes); }  // of a group
  std::int64_t image_bytes() const { return lines() * padded_height_ * padded_width_ * kLine; }
  bool neighbours() const { return s_.stride_width == 1; }

  // [image][group][line][row][column][64 bytes], with a border of zeros.
  void pack_input(const std::byte* from) {
    input_ = Buffer<std::uint8_t>(s_.images * s_.groups * image_bytes());
    const bool fc = c_.layer.op == Op::fc;
    for (std::int64_t ng = 0; ng < s_.images * s_.groups; ++ng)
      for (std::int64_t ch = 0; ch < s_.in_channels; ++ch)
        for (std::int64_t y = 0; y < s_.in_height; ++y)
          for (std::int64_t x = 0; x < s_.in_width; ++x) {
            const std::int64_t row = y + s_.pad_top, column = x + s_.pad_left;
            if (row < 0 || row >= padded_height_ || column < 0 || column >= padded_width_) continue;
            const std::int64_t source = fc ? x * s_.in_channels + ch : ((ng * s_.in_channels + ch) * s_.in_height + y) * s_.in_width + x;
            std::memcpy(
                input_.data() + ng * image_bytes() + ((ch / per_line() * padded_height_ + row) * padded_width_ + column) * kLine + ch % per_line() * size(),
                from + source * size(), static_cast<std::size_t>(size()));
          }
  }

  void pack_weights(const std::byte* from) {
    const std::int64_t lanes = tiles_.lanes, chunk = tiles_.chunk, taps = s_.kernel_height * s_.kernel_width, chunks = ceil_div(s_.in_channels, chunk);
    std::vector<NmEntry> entries;
    std::vector<std::uint8_t> weights, channels;
    std::vector<std::vector<std::int64_t>> kept(static_cast<std::size_t>(lanes));
    for (std::int64_t g = 0; g < s_.groups; ++g)
      for (std::int64_t vector = 0; vector < vectors(); ++vector) {
        Vector v{.first_entry = static_cast<std::int64_t>(entries.size()), .entries = 0, .first_slot = slots_};
        for (std::int64_t c = 0; c < chunks; ++c)
          for (std::int64_t tap = 0; tap < taps; ++tap) {
            const auto weight = [&](std::int64_t lane, std::int64_t ch) {
              return from + (((g * s_.out_channels + vector * lanes + lane) * s_.in_channels + ch) * taps + tap) * size();
            };
            std::int64_t most = 0;
            for (std::int64_t lane = 0; lane < lanes; ++lane) {
              std::vector<std::int64_t>& list = kept[static_cast<std::size_t>(lane)];
              list.clear();
              if (vector * lanes + lane >= s_.out_channels) continue;
              int of_four = 0;
              for (std::int64_t ch = c * chunk; ch < std::min(s_.in_channels, (c + 1) * chunk); ++ch) {
                if (ch % 4 == 0) of_four = 0;
                if (!is_kept(weight(lane, ch))) continue;
                list.push_back(ch);
                most_of_four_ = std::max(most_of_four_, ++of_four);
              }
              kept_ += static_cast<std::int64_t>(list.size());
              most = std::max(most, static_cast<std::int64_t>(list.size()));
            }
            const std::int64_t slots = ceil_div(most, per_slot());
            if (slots == 0) continue;
            const std::int64_t first = c * chunk, line = first / per_line();
            entries.push_back({static_cast<std::int32_t>(((line * padded_height_ + tap / s_.kernel_width * s_.dilation_height) * padded_width_ +
                                                          tap % s_.kernel_width * s_.dilation_width) *
                                                             kLine +
                                                         first % per_line() * size()),
                               static_cast<std::int32_t>(slots)});
            const std::size_t weight_base = weights.size(), channel_base = channels.size();
            weights.resize(weight_base + static_cast<std::size_t>(slots * lanes * 4));
            channels.resize(channel_base + static_cast<std::size_t>(slots * lanes * per_slot()));
            for (std::int64_t lane = 0; lane < lanes; ++lane) {
              std::int64_t at = 0;
              for (const std::int64_t ch : kept[static_cast<std::size_t>(lane)]) {
                const std::int64_t element = (at / per_slot() * lanes + lane) * per_slot() + at % per_slot();
                std::memcpy(weights.data() + weight_base + element * size(), weight(lane, ch), static_cast<std::size_t>(size()));
                channels[channel_base + static_cast<std::size_t>(element)] = static_cast<std::uint8_t>(ch - first);
                ++at;
              }
            }
            slots_ += slots;
            ++v.entries;
          }
        vectors_.push_back(v);
      }
    entries_ = Buffer<NmEntry>(static_cast<std::int64_t>(entries.size()));
    std::ranges::copy(entries, entries_.data());
    weights_ = Buffer<std::uint8_t>(static_cast<std::int64_t>(weights.size()));
    std::ranges::copy(weights, weights_.data());
    channels_ = Buffer<std::uint8_t>(static_cast<std::int64_t>(channels.size()));
    std::ranges::copy(channels, channels_.data());
  }

  bool is_kept(const std::byte* weight) const {
    if (is_int8()) return *weight != std::byte{0};
    float value;
    std::memcpy(&value, weight, sizeof value);
    return value != 0;
  }

  // The inputs of a pass stay in a cache while the vectors of filters go by: the first-level one where all weights fit the second (8 bits, 512 channels: 28
  // pixels are 14 KiB, and reading them from the second level once a vector took a quarter of the time), otherwise the second. Strided pixels take an address
  // each, so half as many of them.
  void plan() {
    const std::int64_t largest = neighbours() ? tiles_.largest_tile : std::max(1, tiles_.largest_tile / 2);
    const std::int64_t pieces = ceil_div(s_.out_width, largest);
    for (int pixels = 1; pixels <= largest; ++pixels) functions_[pixels - 1] = tiles_.function(pixels, neighbours());
    const std::int64_t cache = host_cpu().l2_bytes > 0 ? host_cpu().l2_bytes : std::int64_t{512} << 10;
    const std::int64_t tiles = s_.out_height * pieces,
                       per_pass = std::clamp<std::int64_t>(cache / 2 / std::max<std::int64_t>(1, image_bytes() / tiles), 1, tiles);
    for (std::int64_t ng = 0; ng < s_.images * s_.groups; ++ng)
      for (std::int64_t t0 = 0; t0 < tiles; t0 += per_pass)
        for (std::int64_t vector = 0; vector < vectors(); ++vector)
          for (std::int64_t t = t0; t < std::min(tiles, t0 + per_pass); ++t) {
            const Range piece = share_of(s_.out_width, t % pieces, pieces);
            items_.push_back({static_cast<std::int32_t>(ng), static_cast<std::int32_t>(vector), static_cast<std::int32_t>(t / pieces),
                              static_cast<std::int32_t>(piece.begin), static_cast<std::int32_t>(piece.size())});
          }
  }

  void compute(const Item& item) {
    const std::int64_t lanes = tiles_.lanes, vector = item.image_group % s_.groups * vectors() + item.vector;
    const Vector& v = vectors_[static_cast<std::size_t>(vector)];
    std::uint32_t* const out = output_.data() + ((item.image_group * vectors() + item.vector) * s_.out_pixels() + item.y * s_.out_width + item.x) * lanes;
    functions_[item.pixels - 1](
        {.entries = entries_.data() + v.first_entry,
         .entry_count = v.entries,
         .a = input_.data() + item.image_group * image_bytes() + (item.y * s_.stride_height * padded_width_ + item.x * s_.stride_width) * kLine,
         .pixel_stride = s_.stride_width * kLine,
         .weights = weights_.data() + v.first_slot * lanes * 4,
         .channels = channels_.data() + v.first_slot * lanes * per_slot(),
         .bias = bias_.count() > 0 ? bias_.data() + vector * lanes : nullptr,
         .relu = c_.activation() == Activation::relu,
         .out = reinterpret_cast<std::uint8_t*>(out)});
    if (c_.activation() != Activation::relu && c_.activation() != Activation::none)
      activate(c_.activation(), reinterpret_cast<float*>(out), item.pixels * lanes);
  }

  const Case c_;
  const ConvolutionShape s_;
  const NmTiles tiles_;
  const std::int64_t padded_height_, padded_width_;
  Buffer<std::uint8_t> input_, weights_, channels_;
  Buffer<NmEntry> entries_;
  Buffer<std::uint32_t> bias_, output_;  // f32 or s32
  std::vector<Vector> vectors_;          // of all groups
  std::vector<Item> items_;
  NmTileFunction functions_[kLargestNmTile] = {};
  std::int64_t slots_ = 0, kept_ = 0;
  int most_of_four_ = 0;
  std::uint64_t macs_ = 0;
};

Support supports(const Case& c) {
  if (!c.layer.has_weights()) return Support::no(fmt::format("{} has no weights to leave out", name_of(c.layer.op)));
  if (c.type != DataType::f32 && c.type != DataType::s8) return Support::no("f32 and s8 only");
  if (c.type == DataType::s8 && (c.activation() == Activation::sigmoid || c.activation() == Activation::tanh))
    return Support::no(fmt::format("{} has no integer form here", name_of(c.activation())));
  if (tiles_of(c.type).lanes == 0) return Support::no("needs Highway >= 1.2 for 8-bit dot products");
  const ConvolutionShape s = shape_of(c);
  if ((s.in_channels + 64) * 4 * padded_height_of(s) * padded_width_of(s) > std::numeric_limits<std::int32_t>::max())
    return Support::no("one image's packed input needs more than 2^31 bytes");
  return {};
}

}  // namespace

Algorithm sparse_nm_algorithm() {
  return {.variant = {.name = "sparse-nm",
                      .summary = "f32 and s8: kept weights only, N of each M consecutive channels (2:4, 1:4 ...); convolution and fully connected"},
          .supports = supports,
          .prepare = [](const Case& c, const Operands& operands) -> std::unique_ptr<Kernel> { return std::make_unique<SparseNm>(c, operands); }};
}

}  // namespace convroof::highway
