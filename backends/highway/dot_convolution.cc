#include "backends/highway/dot_convolution.h"

#include <fmt/format.h>
#include <hwy/cache_control.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

#include "backends/highway/buffer.h"
#include "backends/highway/convolution_shape.h"
#include "backends/highway/dot_tile.h"
#include "backends/highway/parallel.h"
#include "backends/highway/row_ends.h"
#include "backends/highway/tile_product.h"
#include "backends/host_cpu.h"

namespace convroof::highway {
namespace {

// A first layer's pixel is smaller than a word, or little more. Then rows stay plain (NHWC with a border of zeros) and the words of a tap run over all columns
// of a filter's row: 7 columns of 3 bytes are 6 words (88 % of their bytes in use) instead of 7 (75 %). Where a single element of each row stays over, the ends
// of rows are gathered into words of their own (row_ends.h): 37 words instead of 42. Gathering the whole window into a panel needs as few, but the copies cost
// more than what they save: 76 % of peak instead of 82 % on ResNet's first layer.
constexpr std::int64_t kFewBytes = 8;

class DotConvolution final : public Kernel {
 public:
  DotConvolution(const Case& c, const Operands& operands)
      : c_(c), s_(flattened(convolution_shape(c), c)), tiles_(c.type == DataType::s8 ? int8_tiles() : bf16_tiles()) {
    const bool fc = c.layer.op == Op::fc;
    plain_rows_ = !fc && s_.groups == 1 && s_.dilation_width == 1 && s_.kernel_width * s_.kernel_height > 1 && s_.in_channels * bytes() <= kFewBytes;
    // At a stride, addresses take registers: half the pixels and twice the filters need fewer (28 pixels: 93 % of peak, 14: 98 %, 3x3 of stride 2). With 32
    // registers the same holds without a stride: inputs are read half as often, and bf16 leaves by whole lines (1x1, 64 channels: 89 % became 95 %). A fully
    // connected layer is a stream of weights and takes all its pixels at once.
    const bool halves = pixel_stride() != kLineBytes || (tiles_.largest_tile == kLargestDotTile && !fc);
    const std::int64_t largest = halves ? std::max(1, tiles_.largest_tile / 2) : tiles_.largest_tile;
    columns_ = {s_.out_width, ceil_div(s_.out_width, largest)};
    blocks_ = tiles_.blocks_of_tile(static_cast<int>(columns_.largest()));
    pack_input(operands.input.data());
    gathers_ends_ = plain_rows_ && RowEnds::pays(s_, bytes());
    if (gathers_ends_) row_ends_ = RowEnds(s_, bytes(), padded_height_, padded_width_);
    plan_tiles();
    pack_weights(operands.weights.data());
    if (c.has_bias()) {
      bias_ = Buffer<std::int32_t>(s_.groups * s_.out_blocks() * kBlock);
      for (std::int64_t g = 0; g < s_.groups; ++g)
        std::memcpy(&bias_[g * s_.out_blocks() * kBlock], operands.bias.data() + g * s_.out_channels * 4, static_cast<std::size_t>(s_.out_channels) * 4);
    }
    output_ = Buffer<std::uint8_t>(s_.images * s_.groups * output_lines() * s_.out_pixels() * kLineBytes);
    plan_shares();
  }

  std::optional<double> run(int times) override {
    for (int i = 0; i < times; ++i)
      on_threads(c_.threads, [this](int thread, int threads) {
        if (gathers_ends_) {
          row_ends_.take_channel(input_.data(), thread, threads);
          if (threads > 1) barrier();
          row_ends_.make_words(thread, threads);
          if (threads > 1) barrier();
        }
        for (auto share = static_cast<std::size_t>(thread); share + 1 < shares_.size(); share += static_cast<std::size_t>(threads))
          run_outputs(shares_[share], shares_[share + 1]);
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
    const bool fc = c_.layer.op == Op::fc;
    for (std::int64_t ng = 0; ng < s_.images * s_.groups; ++ng)
      for (std::int64_t k = 0; k < s_.out_channels; ++k)
        for (std::int64_t p = 0; p < pixels; ++p) {
          const std::int64_t to = fc ? p * s_.out_channels + k : (ng * s_.out_channels + k) * pixels + p;
          std::memcpy(canonical.data() + to * width, output_.data() + ((ng * output_lines() + k / per_line) * pixels + p) * kLineBytes + k % per_line * width,
                      static_cast<std::size_t>(width));
        }
  }

  Work work() const override {
    Work work;
    work.macs_executed = static_cast<std::uint64_t>(c_.batch * macs_valid(c_.layer));
    work.bytes_packed = input_.bytes() + weights_.bytes() + bias_.bytes() + output_.bytes() + row_ends_.bytes();
    work.unit_used = "dot";
    work.accumulator = is_int8() ? "s32" : "f32";
    work.facts["target"] = tiles_.target;
    work.facts["implementation"] = gathers_ends_ ? "dot tiles over plain rows, ends of rows gathered"
                                   : plain_rows_ ? "dot tiles over plain rows"
                                                 : "dot tiles over channel blocks";
    work.facts["tile"] = fmt::format("{} pixels x {} filters", columns_.largest(), blocks_ * kBlock);
    return work;
  }

 private:
  struct FilterGroup {
    std::int64_t first = 0;  // filter block
    int count = 1;
    std::ptrdiff_t out_block[kDotBlocks] = {};  // bytes into the output of an image's group
  };
  // One call of a tile function, in the order of the loops.
  struct Output {
    std::int32_t image, group, filters, tile;
  };
  // What all calls of a tile have in common. A short reduction takes 200 cycles: divisions in between would be seen.
  struct Tile {
    std::ptrdiff_t input, output;  // bytes
    std::ptrdiff_t extra = 0;      // bytes into the gathered ends of rows
    std::int64_t y, x;
    std::int32_t list, pixels;
  };

  bool is_int8() const { return c_.type == DataType::s8; }
  std::int64_t bytes() const { return is_int8() ? 1 : 2; }
  std::int64_t channels_per_line() const { return kLineBytes / bytes(); }
  std::int64_t input_lines() const { return ceil_div(s_.in_channels, channels_per_line()); }                // of a group
  std::int64_t output_lines() const { return is_int8() ? s_.out_blocks() : ceil_div(s_.out_blocks(), 2); }  // of a group
  std::int64_t words_of_line(std::int64_t line) const {
    return ceil_div(std::min(channels_per_line(), s_.in_channels - line * channels_per_line()) * bytes(), kWordBytes);
  }
  std::int64_t words_of_row() const {  // plain rows
    const std::int64_t size = s_.kernel_width * s_.in_channels * bytes();
    return gathers_ends_ ? size / kWordBytes : ceil_div(size, kWordBytes);
  }
  std::int64_t words_of_filter() const { return words_of_filter_; }
  std::int64_t pixel_stride() const { return s_.stride_width * (plain_rows_ ? s_.in_channels * bytes() : kLineBytes); }

  // A pointwise convolution of stride 1 does not care about rows, and a fully connected layer is one whose pixels are the batch.
  static ConvolutionShape flattened(ConvolutionShape s, const Case& c) {
    if (c.layer.op == Op::fc) {
      ConvolutionShape product;
      product.in_channels = c.layer.reduction_length();
      product.out_channels = s.out_channels;
      product.in_width = product.out_width = c.batch;
      return product;
    }
    const bool pointwise = s.kernel_height == 1 && s.kernel_width == 1 && s.stride_height == 1 && s.stride_width == 1 && s.in_height == s.out_height &&
                           s.in_width == s.out_width && s.pad_top == 0 && s.pad_left == 0;
    if (pointwise) {
      s.in_width = s.out_width = s.in_height * s.in_width;
      s.in_height = s.out_height = 1;
    }
    return s;
  }

  // --- preparation ---
  void pack_input(const std::byte* from) {
    const std::int64_t size = bytes();
    if (plain_rows_) {
      // NHWC with a border of zeros.
      padded_height_ = (s_.out_height - 1) * s_.stride_height + (s_.kernel_height - 1) * s_.dilation_height + 1;
      padded_width_ = (s_.out_width - 1) * s_.stride_width + s_.kernel_width;
      input_ = Buffer<std::uint8_t>(s_.images * padded_height_ * padded_width_ * s_.in_channels * size);
      for (std::int64_t n = 0; n < s_.images; ++n)
        for (std::int64_t ch = 0; ch < s_.in_channels; ++ch)
          for (std::int64_t y = std::max<std::int64_t>(0, -s_.pad_top); y < s_.in_height && y + s_.pad_top < padded_height_; ++y)
            for (std::int64_t x = 0; x < s_.in_width && x + s_.pad_left < padded_width_; ++x)
              std::memcpy(input_.data() + (((n * padded_height_ + y + s_.pad_top) * padded_width_ + x + s_.pad_left) * s_.in_channels + ch) * size,
                          from + (((n * s_.in_channels + ch) * s_.in_height + y) * s_.in_width + x) * size, static_cast<std::size_t>(size));
      return;
    }
    const std::int64_t pixels = s_.in_pixels(), per_line = channels_per_line();
    const bool fc = c_.layer.op == Op::fc;
    input_ = Buffer<std::uint8_t>(s_.images * s_.groups * input_lines() * pixels * kLineBytes);
    for (std::int64_t ng = 0; ng < s_.images * s_.groups; ++ng)
      for (std::int64_t ch = 0; ch < s_.in_channels; ++ch)
        for (std::int64_t p = 0; p < pixels; ++p) {
          const std::int64_t source = fc ? p * s_.in_channels + ch : (ng * s_.in_channels + ch) * pixels + p;
          std::memcpy(input_.data() + ((ng * input_lines() + ch / per_line) * pixels + p) * kLineBytes + ch % per_line * size, from + source * size,
                      static_cast<std::size_t>(size));
        }
  }

  // Word of a filter that holds (channel, row, column), and its place in the word, in elements of the group's canonical filter.
  std::int64_t element_of(std::int64_t ch, std::int64_t r, std::int64_t s) const {
    if (plain_rows_) {
      const std::int64_t per_word = kWordBytes / bytes(), column = s * s_.in_channels + ch;
      if (gathers_ends_ && column == s_.kernel_width * s_.in_channels - 1) return s_.kernel_height * words_of_row() * per_word + r;
      return r * words_of_row() * per_word + column;
    }
    const std::int64_t line = ch / channels_per_line(), per_word = kWordBytes / bytes();
    return (first_word_of_line_[static_cast<std::size_t>(line)] + (r * s_.kernel_width + s) * words_of_line(line)) * per_word + ch % channels_per_line();
  }

  void pack_weights(const std::byte* from) {
    const std::int64_t size = bytes(), per_word = kWordBytes / size;
    filter_groups_.clear();
    for (std::int64_t first = 0; first < s_.out_blocks();) {
      int count = blocks_;
      while (first + count > s_.out_blocks()) count /= 2;
      FilterGroup filters{first, count};
      for (int k = 0; k < count; ++k)
        filters.out_block[k] =
            is_int8() ? (first + k) * s_.out_pixels() * kLineBytes : (first + k) / 2 * s_.out_pixels() * kLineBytes + (first + k) % 2 * (kLineBytes / 2);
      filter_groups_.push_back(filters);
      first += count;
    }
    weights_ = Buffer<std::uint8_t>(s_.groups * s_.out_blocks() * words_of_filter() * kLineBytes);
    for (std::int64_t g = 0; g < s_.groups; ++g)
      for (const FilterGroup& filters : filter_groups_) {
        std::uint8_t* const base = weights_of(g, filters);
        const std::int64_t end = std::min(s_.out_channels, (filters.first + filters.count) * kBlock);
        for (std::int64_t k = filters.first * kBlock; k < end; ++k)
          for (std::int64_t ch = 0; ch < s_.in_channels; ++ch)
            for (std::int64_t r = 0; r < s_.kernel_height; ++r)
              for (std::int64_t s = 0; s < s_.kernel_width; ++s) {
                const std::int64_t element = element_of(ch, r, s), block = k / kBlock - filters.first;
                std::memcpy(base + ((element / per_word * filters.count + block) * kBlock + k % kBlock) * kWordBytes + element % per_word * size,
                            from + ((((g * s_.out_channels + k) * s_.in_channels + ch) * s_.kernel_height + r) * s_.kernel_width + s) * size,
                            static_cast<std::size_t>(size));
              }
      }
  }

  std::uint8_t* weights_of(std::int64_t g, const FilterGroup& filters) {
    return weights_.data() + (g * s_.out_blocks() + filters.first) * words_of_filter() * kLineBytes;
  }

  void plan_tiles() {
    if (plain_rows_) {
      std::vector<DotTap> taps;
      for (std::int64_t r = 0; r < s_.kernel_height; ++r, words_of_filter_ += words_of_row())
        taps.push_back({.a_offset = r * s_.dilation_height * padded_width_ * s_.in_channels * bytes(),
                        .first_word = words_of_filter_,
                        .words = static_cast<std::int32_t>(words_of_row())});
      extra_taps_ = gathers_ends_ ? row_ends_.words_of_filter() : 0;
      for (std::int64_t word = 0; word < extra_taps_; ++word)
        taps.push_back({.a_offset = word * row_ends_.word_stride(), .first_word = words_of_filter_++, .words = 1});
      lists_.push_back(std::move(taps));
    }
    for (std::int64_t line = 0; line < input_lines() && !plain_rows_; ++line) {
      first_word_of_line_.push_back(words_of_filter_);
      words_of_filter_ += words_of_line(line) * s_.kernel_height * s_.kernel_width;
    }
    std::map<std::vector<std::uint32_t>, std::int32_t> known;
    for (std::int64_t y = 0; y < s_.out_height; ++y)
      for (std::int64_t t = 0; t < columns_.tiles; ++t) {
        const std::int64_t x = columns_.begin(t);
        Tile tile{.output = (y * s_.out_width + x) * kLineBytes, .y = y, .x = x, .list = 0, .pixels = static_cast<std::int32_t>(columns_.size(t))};
        if (plain_rows_) {
          tile.input = (y * s_.stride_height * padded_width_ + x * s_.stride_width) * s_.in_channels * bytes();
          if (gathers_ends_) tile.extra = row_ends_.offset_of(y, x);
        } else {
          const std::vector<std::uint32_t> border = border_of(y, t);
          const auto [entry, is_new] = known.try_emplace(border, static_cast<std::int32_t>(lists_.size()));
          if (is_new) lists_.push_back(make_list(border));
          tile.list = entry->second;
          tile.input = ((y * s_.stride_height - s_.pad_top) * s_.in_width + x * s_.stride_width - s_.pad_left) * kLineBytes;
        }
        tile_plan_.push_back(tile);
      }
    const bool neighbours = pixel_stride() == kLineBytes;
    for (int pixels = 1; pixels <= columns_.largest(); ++pixels)
      for (int log2 = 0; log2 < 4; ++log2) functions_[pixels - 1][log2] = tiles_.function(pixels, 1 << log2, neighbours);
  }

  // Pixels of a tile that have an input under each tap (row, column) of the filter.
  std::vector<std::uint32_t> border_of(std::int64_t y, std::int64_t tile) const {
    std::vector<std::uint32_t> border;
    for (std::int64_t r = 0; r < s_.kernel_height; ++r) {
      const std::int64_t row = y * s_.stride_height - s_.pad_top + r * s_.dilation_height;
      for (std::int64_t s = 0; s < s_.kernel_width; ++s) {
        std::uint32_t pixels = 0;
        for (std::int64_t i = 0; i < columns_.size(tile); ++i) {
          const std::int64_t x = (columns_.begin(tile) + i) * s_.stride_width - s_.pad_left + s * s_.dilation_width;
          if (row >= 0 && row < s_.in_height && x >= 0 && x < s_.in_width) pixels |= std::uint32_t{1} << i;
        }
        border.push_back(pixels);
      }
    }
    return border;
  }

  std::vector<DotTap> make_list(const std::vector<std::uint32_t>& border) const {
    std::vector<DotTap> taps;
    for (std::int64_t line = 0; line < input_lines(); ++line)
      for (std::int64_t r = 0; r < s_.kernel_height; ++r)
        for (std::int64_t s = 0; s < s_.kernel_width; ++s) {
          const std::int64_t tap = r * s_.kernel_width + s;
          const std::uint32_t pixels = border[static_cast<std::size_t>(tap)];
          if (pixels == 0) continue;
          taps.push_back({.a_offset = ((line * s_.in_height + r * s_.dilation_height) * s_.in_width + s * s_.dilation_width) * kLineBytes,
                          .first_word = first_word_of_line_[static_cast<std::size_t>(line)] + tap * words_of_line(line),
                          .pixels = pixels,
                          .words = static_cast<std::int32_t>(words_of_line(line))});
        }
    return taps;
  }

  // --- who does what ---
  // The inputs of a pass and the weights of one filter group stay in the second-level cache. Gathered windows: all filters while the window is at hand.
  void plan_shares() {
    const std::int64_t cache = host_cpu().l2_bytes > 0 ? host_cpu().l2_bytes : std::int64_t{512} << 10;
    const std::int64_t tiles = s_.out_height * columns_.tiles;
    const std::int64_t bytes_of_tile = std::max<std::int64_t>(1, input_.count() / (s_.images * s_.groups) / tiles);
    const std::int64_t tiles_per_pass = std::clamp<std::int64_t>(cache / 2 / bytes_of_tile, 1, tiles);
    std::vector<std::int64_t> work = {0};
    for (std::int64_t ng = 0; ng < s_.images * s_.groups; ++ng)
      for (std::int64_t t0 = 0; t0 < tiles; t0 += tiles_per_pass)
        for (std::size_t f = 0; f < filter_groups_.size(); ++f)
          for (std::int64_t t = t0; t < std::min(tiles, t0 + tiles_per_pass); ++t) {
            outputs_.push_back({static_cast<std::int32_t>(ng / s_.groups), static_cast<std::int32_t>(ng % s_.groups), static_cast<std::int32_t>(f),
                                static_cast<std::int32_t>(t)});
            work.push_back(work.back() + columns_.size(t % columns_.tiles) * filter_groups_[f].count);
          }
    shares_ = {0};
    const std::int64_t threads = std::max(1, c_.threads);
    for (std::int64_t thread = 1; thread <= threads; ++thread)
      shares_.push_back(std::ranges::upper_bound(work, work.back() * thread / threads) - work.begin() - 1);
    stream_ = output_.count() > std::max<std::int64_t>(host_cpu().l3_bytes, std::int64_t{1} << 20);
  }

  void run_outputs(std::int64_t begin, std::int64_t end) {
    const std::int64_t input_of_group = input_.count() / (s_.images * s_.groups), output_of_group = output_lines() * s_.out_pixels() * kLineBytes;
    const std::int64_t weights_of_block = words_of_filter() * kLineBytes;
    DotTileCall call;
    call.relu = c_.activation() == Activation::relu;
    call.stream = stream_;
    call.whole_lines = !is_int8();
    call.pixel_stride = pixel_stride();
    call.extra_tap_count = extra_taps_;
    call.extra_stride = kWordBytes;
    for (std::int64_t o = begin; o < end; ++o) {
      const Output& output = outputs_[static_cast<std::size_t>(o)];
      const FilterGroup& filters = filter_groups_[static_cast<std::size_t>(output.filters)];
      const Tile& tile = tile_plan_[static_cast<std::size_t>(output.tile)];
      const std::vector<DotTap>& taps = lists_[static_cast<std::size_t>(tile.list)];
      const std::int64_t image_group = output.image * s_.groups + output.group;
      call.taps = taps.data();
      call.tap_count = static_cast<std::int64_t>(taps.size()) - extra_taps_;
      call.a = input_.data() + image_group * input_of_group + tile.input;
      if (gathers_ends_) call.extra = row_ends_.of_image(output.image) + tile.extra;
      const std::int64_t block = output.group * s_.out_blocks() + filters.first;
      call.b = weights_.data() + block * weights_of_block;
      call.b_ahead = dot_weights_ahead(tile.pixels, filters.count);
      call.out = output_.data() + image_group * output_of_group + tile.output;
      std::ranges::copy(filters.out_block, call.out_block);
      if (bias_.count() > 0) call.bias = bias_.data() + block * kBlock;
      functions_[tile.pixels - 1][filters.count == 1 ? 0 : filters.count == 2 ? 1 : filters.count == 4 ? 2 : 3](call);
    }
    if (stream_) hwy::FlushStream();
  }

  const Case c_;
  const ConvolutionShape s_;
  const DotTiles tiles_;
  bool plain_rows_ = false, gathers_ends_ = false, stream_ = false;
  std::int64_t padded_height_ = 0, padded_width_ = 0;  // of plain rows
  RowEnds row_ends_;
  std::int64_t extra_taps_ = 0;  // of a filter, over the gathered ends
  Buffer<std::uint8_t> input_, weights_, output_;
  Buffer<std::int32_t> bias_;  // f32 bits for bf16
  TileSplit columns_;
  int blocks_ = 1;  // filter blocks of a tile
  std::int64_t words_of_filter_ = 0;
  std::vector<std::int64_t> first_word_of_line_;
  std::vector<std::vector<DotTap>> lists_;
  std::vector<Tile> tile_plan_;
  DotTileFunction functions_[kLargestDotTile][4] = {};  // [pixels - 1][log2 of filter blocks]
  std::vector<FilterGroup> filter_groups_;
  std::vector<Output> outputs_;
  std::vector<std::int64_t> shares_;  // outputs_ of thread t: [shares_[t], shares_[t + 1])
};

}  // namespace

Support dot_convolution_supports(const Case& c) {
  if (CONVROOF_HWY_VERSION < 10200) return Support::no("needs Highway >= 1.2 for bf16 and 8-bit dot products");
  if (c.activation() != Activation::none && c.activation() != Activation::relu)
    return Support::no(fmt::format("{} is not part of the {} kernels", name_of(c.activation()), name_of(c.type)));
  return {};
}

std::unique_ptr<Kernel> make_dot_convolution(const Case& c, const Operands& operands) { return std::make_unique<DotConvolution>(c, operands); }

}  // namespace convroof::highway
