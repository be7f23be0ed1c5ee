#include "backends/highway/tiled_convolution.h"

#include <fmt/format.h>
#include <hwy/cache_control.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <tuple>
#include <vector>

#include "backends/highway/activations.h"
#include "backends/highway/blocked_layout.h"
#include "backends/highway/buffer.h"
#include "backends/highway/convolution_shape.h"
#include "backends/highway/parallel.h"
#include "backends/highway/tile_product.h"
#include "backends/host_cpu.h"

namespace convroof::highway {
namespace {

// With so few input channels a block of 16 would be mostly zeros: rows stay plain (NCHW) and the terms of a tap are the columns of the filter instead.
constexpr std::int64_t kFewChannels = 4;

// Terms summed in one register before the sum goes to memory. A chain of 4608 multiply-adds on normal data is off by 1.2e-6 (relative, Euclidean), two of 2304
// by 0.8e-6; f32 results are held to 1e-6.
constexpr std::int64_t kLongestSum = 2304;

// Outputs of more than so many times the last cache are written past it.
constexpr std::uint64_t kStreamed = 1;

constexpr int kNarrow = 8;

// Inputs of more than so many times the second-level cache come from beyond the last one too often to wait for them.
constexpr std::int64_t kManyPasses = 8;

class TiledConvolution final : public Kernel {
 public:
  TiledConvolution(const Case& c, const Operands& operands) : c_(c), s_(flattened(convolution_shape(c), c)) {
    plain_ = c_.layer.op != Op::fc && s_.in_channels <= kFewChannels && s_.kernel_width > 1;
    input_blocks_ = plain_ ? s_.in_channels : s_.in_blocks();
    plan_tiles();
    pack(operands);
    plan_tasks();
  }

  std::optional<double> run(int times) override {
    for (int i = 0; i < times; ++i)
      on_threads(static_cast<int>(tasks_.size()), [this](int thread, int threads) {
        // Fewer threads than planned (a limit of the environment): the rest is shared out.
        for (auto t = static_cast<std::size_t>(thread); t < tasks_.size(); t += static_cast<std::size_t>(threads)) run_tasks(tasks_[t]);
      });
    return std::nullopt;
  }

  void poison_output() override { std::ranges::fill(output_.span(), poison()); }

  void read_output(Tensor& canonical) override {
    const std::span<float> to = canonical.as<float>();
    if (c_.layer.op != Op::fc) return from_blocked<float>(s_.output_layout(), output_.data(), to);
    for (std::int64_t n = 0; n < c_.batch; ++n)
      for (std::int64_t k = 0; k < s_.out_channels; ++k)
        to[static_cast<std::size_t>(n * s_.out_channels + k)] = output_[(k / kBlock * c_.batch + n) * kBlock + k % kBlock];
  }

  Work work() const override {
    Work work;
    work.macs_executed = static_cast<std::uint64_t>(c_.batch * macs_valid(c_.layer));
    work.bytes_packed = input_.bytes() + weights_.bytes() + bias_.bytes() + output_.bytes();
    work.unit_used = "fma";
    work.accumulator = "f32";
    work.facts["target"] = target_name();
    work.facts["implementation"] = plain_ ? "tiles over plain rows" : "tiles over channel blocks";
    work.facts["tile"] = fmt::format("{} pixels x {} filters", columns_.largest(), filter_blocks_ * kBlock);
    work.facts["blocking"] = fmt::format("{} tiles x {} channel blocks per pass", tiles_per_pass_, blocks_per_pass_);
    return work;
  }

 private:
  struct FilterBlocks {
    std::int64_t first = 0;
    int count = 1;
  };
  // One call of a tile function, worked out at `prepare`: divisions on the way from tile to tile cost as much as a tap.
  struct Task {
    std::int64_t a = 0, out = 0;    // floats from the start of the input and the output
    std::int64_t ahead = -1;        // floats from the start of the input to what is asked for meanwhile; -1: nothing
    std::int32_t filter_block = 0;  // of all groups
    std::int32_t list = 0, first_block = 0;
    std::int16_t filter_blocks = 1, pixels = 1;
  };
  // Taps of all input blocks, block after block, for tiles whose borders look alike.
  struct TapList {
    std::vector<Tap> taps;
    std::int64_t per_block = 0;
  };

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

  static float poison() { return std::numeric_limits<float>::quiet_NaN(); }

  void pack(const Operands& operands) {
    const bool fc = c_.layer.op == Op::fc;
    const std::span<const float> input = operands.input.as<float>(), weights = operands.weights.as<float>();
    if (plain_) {
      input_ = Buffer<float>(static_cast<std::int64_t>(input.size()));
      std::ranges::copy(input, input_.data());
    } else {
      input_ = Buffer<float>(s_.input_layout().count());
      if (fc) {
        for (std::int64_t n = 0; n < c_.batch; ++n)
          for (std::int64_t k = 0; k < s_.in_channels; ++k)
            input_[(k / kBlock * c_.batch + n) * kBlock + k % kBlock] = input[static_cast<std::size_t>(n * s_.in_channels + k)];
      } else {
        to_blocked(s_.input_layout(), input, input_.data());
      }
    }

    // [group][filter block][channel block][row][column][16 channels][16 filters]; plain: [group][filter block][channel][row][column][16 filters]; a stream:
    // [filter blocks of a tile][channel][filter block][16 filters].
    const std::int64_t taps = s_.kernel_height * s_.kernel_width, depth = plain_ ? 1 : kBlock;
    filter_stride_ = input_blocks_ * taps * depth * kBlock;
    weights_ = Buffer<float>(s_.groups * s_.out_blocks() * filter_stride_);
    if (walk_ == Walk::together) {
      for (const FilterBlocks& tile : filters_)
        for (std::int64_t k = tile.first * kBlock; k < std::min(s_.out_channels, (tile.first + tile.count) * kBlock); ++k) {
          float* to = weights_.data() + tile.first * filter_stride_ + k - tile.first * kBlock;
          for (std::int64_t ch = 0; ch < s_.in_channels; ++ch) to[ch * tile.count * kBlock] = weights[static_cast<std::size_t>(k * s_.in_channels + ch)];
        }
    }
    for (std::int64_t g = 0; g < s_.groups && walk_ != Walk::together; ++g)
      for (std::int64_t k = 0; k < s_.out_channels; ++k)
        for (std::int64_t ch = 0; ch < s_.in_channels; ++ch) {
          const float* from = weights.data() + ((g * s_.out_channels + k) * s_.in_channels + ch) * taps;
          float* to =
              weights_.data() + (g * s_.out_blocks() + k / kBlock) * filter_stride_ + ch / depth * taps * depth * kBlock + ch % depth * kBlock + k % kBlock;
          for (std::int64_t t = 0; t < taps; ++t) to[t * depth * kBlock] = from[t];
        }

    if (c_.has_bias()) {
      bias_ = Buffer<float>(s_.groups * s_.out_blocks() * kBlock);
      to_blocked_vector(s_.groups, s_.out_channels, operands.bias.as<float>(), bias_.data());
    }
    output_ = Buffer<float>(s_.output_layout().count());
  }

  // Which tap lists there are and which tile uses which.
  void plan_tiles() {
    columns_ = split_into_tiles(s_.out_width);
    const int pixels = static_cast<int>(columns_.largest());
    // In narrow rows a large part of the taps meets a border and tests every pixel: the more filters share that, the better (7 x 7 maps: 8 %).
    const bool is_mostly_border = pixels <= kNarrow && s_.kernel_width > 1 && !plain_;
    filter_blocks_ = is_mostly_border ? most_filter_blocks_of_tile(pixels) : filter_blocks_of_tile(pixels);
    stride_ = plain_ ? WalkStride{s_.stride_width, s_.dilation_width} : WalkStride{s_.stride_width * kBlock, 1};
    walk_ = walk_of(stride_);
    ahead_ = walk_ == Walk::together ? kStreamAhead : weights_ahead(columns_.largest());
    for (std::int64_t first = 0; first < s_.out_blocks();) {
      int count = filter_blocks_;
      while (first + count > s_.out_blocks()) count /= 2;
      filters_.push_back({first, count});
      first += count;
    }

    for (int n = 1; n <= pixels; ++n)
      for (int i = 0; 1 << i <= filter_blocks_; ++i) functions_[static_cast<std::size_t>(n - 1)][static_cast<std::size_t>(i)] = tile_function(n, 1 << i, walk_);

    std::map<std::vector<std::int64_t>, std::int32_t> known;
    for (std::int64_t y = 0; y < s_.out_height; ++y)
      for (std::int64_t t = 0; t < columns_.tiles; ++t) {
        const std::vector<std::int64_t> border = border_of(y, t);
        const auto [entry, is_new] = known.try_emplace(border, static_cast<std::int32_t>(lists_.size()));
        if (is_new) lists_.push_back(make_list(border));
        list_of_tile_.push_back(entry->second);
      }
  }

  Walk walk_of(WalkStride stride) const {
    if (c_.layer.op == Op::fc && c_.batch == 1) return Walk::together;
    if (!plain_) return stride.pixel == 16 ? Walk::blocked1 : stride.pixel == 32 ? Walk::blocked2 : Walk::any;
    if (stride.channel != 1) return Walk::any;
    return stride.pixel == 1 ? Walk::plain1 : stride.pixel == 2 ? Walk::plain2 : stride.pixel == 4 ? Walk::plain4 : Walk::any;
  }

  // First and last valid row of the filter, then the valid pixels of each column of the filter.
  std::vector<std::int64_t> border_of(std::int64_t y, std::int64_t tile) const {
    std::vector<std::int64_t> border = {0, 0};
    const std::int64_t top = y * s_.stride_height - s_.pad_top;
    const auto inside = [&](std::int64_t r) { return top + r * s_.dilation_height >= 0 && top + r * s_.dilation_height < s_.in_height; };
    while (border[0] < s_.kernel_height && !inside(border[0])) ++border[0];
    border[1] = border[0];
    while (border[1] < s_.kernel_height && inside(border[1])) ++border[1];
    for (std::int64_t s = 0; s < s_.kernel_width; ++s) {
      std::int64_t pixels = 0;
      for (std::int64_t i = 0; i < columns_.size(tile); ++i) {
        const std::int64_t x = (columns_.begin(tile) + i) * s_.stride_width - s_.pad_left + s * s_.dilation_width;
        if (x >= 0 && x < s_.in_width) pixels |= std::int64_t{1} << i;
      }
      border.push_back(pixels);
    }
    return border;
  }

  TapList make_list(const std::vector<std::int64_t>& border) const {
    TapList list;
    const std::int64_t pixel_floats = plain_ ? 1 : kBlock, depth = plain_ ? 1 : kBlock;
    for (std::int64_t cb = 0; cb < input_blocks_; ++cb)
      for (std::int64_t r = border[0]; r < border[1]; ++r)
        for (std::int64_t s = 0; s < s_.kernel_width; ++s) {
          const auto pixels = static_cast<std::uint32_t>(border[static_cast<std::size_t>(2 + s)]);
          if (pixels == 0) continue;
          // Plain: neighbouring columns with the same border make one tap.
          if (plain_ && s > 0 && !list.taps.empty() && static_cast<std::uint32_t>(border[static_cast<std::size_t>(1 + s)]) == pixels) {
            ++list.taps.back().length;
            continue;
          }
          Tap tap;
          tap.a_offset = ((cb * s_.in_height + r * s_.dilation_height) * s_.in_width + s * s_.dilation_width) * pixel_floats;
          tap.b_offset = ((cb * s_.kernel_height + r) * s_.kernel_width + s) * depth * kBlock;
          tap.pixels = pixels;
          tap.length = plain_ ? 1 : static_cast<std::int32_t>(std::min(kBlock, s_.in_channels - cb * kBlock));
          list.taps.push_back(tap);
        }
    list.per_block = static_cast<std::int64_t>(list.taps.size()) / input_blocks_;
    return list;
  }

  // The order of the tile products and who does which. Inputs of a pass and the weights of a few filters stay in the second-level cache.
  void plan_tasks() {
    const std::int64_t cache = host_cpu().l2_bytes > 0 ? host_cpu().l2_bytes : std::int64_t{512} << 10;
    const std::int64_t tiles = s_.out_height * columns_.tiles;
    const std::int64_t bytes_of_tile = std::max<std::int64_t>(1, static_cast<std::int64_t>(input_.bytes()) / (s_.images * s_.groups) / tiles);
    tiles_per_pass_ = std::clamp<std::int64_t>(cache / 2 / bytes_of_tile, 1, tiles);
    // Inputs of many images come from memory. A pointwise convolution uses each for a short time only, and asks for those of the next pass meanwhile: of each
    // tile a part with every filter block. Two passes share the cache then; with weights that stay in it besides, the shortest pass is the best.
    is_pointwise_ = c_.layer.op == Op::conv && s_.kernel_height == 1 && s_.kernel_width == 1 && s_.pad_top == 0 && s_.pad_left == 0 &&
                    (walk_ == Walk::blocked1 || walk_ == Walk::blocked2);
    if (is_pointwise_) {
      ahead_pixels_ = ceil_div(columns_.largest(), static_cast<std::int64_t>(filters_.size()));
      if (static_cast<std::int64_t>(input_.bytes()) > kManyPasses * cache)
        tiles_per_pass_ = static_cast<std::int64_t>(weights_.bytes()) <= cache / 2 ? 1 : std::clamp<std::int64_t>(cache / 4 / bytes_of_tile, 1, tiles);
    }
    const std::int64_t bytes_of_block = filter_stride_ / input_blocks_ * filter_blocks_ * 4;
    std::int64_t most_blocks = kLongestSum / (s_.kernel_height * s_.kernel_width * (plain_ ? 1 : kBlock));
    if (tiles_per_pass_ > 1) most_blocks = std::min(most_blocks, cache * 2 / 5 / bytes_of_block);
    blocks_per_pass_ = even_part(input_blocks_, std::max<std::int64_t>(1, most_blocks));

    // An output that no cache holds to its end need not be fetched before it is written. A pointwise convolution multiplies long enough to fetch it meanwhile,
    // and stores past the caches cost more than that (3 % of a layer of 64 inputs).
    const bool saturates = c_.activation() == Activation::sigmoid || c_.activation() == Activation::tanh;
    stream_ = blocks_per_pass_ == input_blocks_ && !saturates && !is_pointwise_ &&
              output_.bytes() > kStreamed * static_cast<std::uint64_t>(std::max<std::int64_t>(host_cpu().l3_bytes, 1 << 20));

    // Outputs in the order of the loops, cut into parts of equal work. All passes over an output are its owner's.
    struct Output {
      std::int32_t image_group, filters, tile;
      std::int64_t pass;
    };
    std::vector<Output> outputs;
    std::vector<std::int64_t> work = {0};
    std::int64_t pass = 0;
    for (std::int64_t ng = 0; ng < s_.images * s_.groups; ++ng)
      for (std::int64_t t0 = 0; t0 < tiles; t0 += tiles_per_pass_)
        for (std::size_t f = 0; f < filters_.size(); ++f, ++pass)
          for (std::int64_t t = t0; t < std::min(tiles, t0 + tiles_per_pass_); ++t) {
            outputs.push_back({static_cast<std::int32_t>(ng), static_cast<std::int32_t>(f), static_cast<std::int32_t>(t), pass});
            work.push_back(work.back() + columns_.size(t % columns_.tiles) * filters_[f].count);
          }
    tasks_.resize(static_cast<std::size_t>(std::max(1, c_.threads)));
    auto from = outputs.begin();
    for (std::size_t thread = 0; thread < tasks_.size(); ++thread) {
      const std::int64_t end_of_share = work.back() * static_cast<std::int64_t>(thread + 1) / static_cast<std::int64_t>(tasks_.size());
      const auto to = outputs.begin() + (std::ranges::upper_bound(work, end_of_share) - work.begin() - 1);
      while (from < to) {
        const auto pass_end = std::find_if(from, to, [&](const Output& o) { return o.pass != from->pass; });
        for (std::int64_t block = 0; block < input_blocks_; block += blocks_per_pass_)
          for (auto o = from; o != pass_end; ++o) tasks_[thread].push_back(make_task(o->image_group, o->filters, o->tile, block));
        from = pass_end;
      }
    }
  }

  static std::int64_t even_part(std::int64_t count, std::int64_t at_most) {
    const std::int64_t parts = ceil_div(count, at_most);
    return ceil_div(count, parts);
  }

  // Where the input of a tile begins: floats from the start.
  std::int64_t input_of(std::int64_t image_group, std::int64_t tile) const {
    const std::int64_t row = tile / columns_.tiles * s_.stride_height - s_.pad_top, x = columns_.begin(tile % columns_.tiles) * s_.stride_width - s_.pad_left;
    return (image_group * input_blocks_ * s_.in_pixels() + row * s_.in_width + x) * (plain_ ? 1 : kBlock);
  }

  // The part of the same tile of the next pass that is asked for with these filters; -1: none.
  std::int64_t input_ahead(std::int64_t image_group, std::int64_t filters, std::int64_t tile) const {
    const std::int64_t tiles = s_.out_height * columns_.tiles, part = filters * ahead_pixels_;
    if (ahead_pixels_ == 0 || part >= columns_.largest()) return -1;
    tile += tiles_per_pass_;
    if (tile >= tiles) {
      ++image_group;
      tile = std::min(tile % tiles_per_pass_, tiles - 1);
    }
    return image_group < s_.images * s_.groups ? input_of(image_group, tile) + part * stride_.pixel : -1;
  }

  Task make_task(std::int64_t image_group, std::int64_t filters_of_task, std::int64_t tile, std::int64_t first_block) const {
    const FilterBlocks& filters = filters_[static_cast<std::size_t>(filters_of_task)];
    const std::int64_t y = tile / columns_.tiles, column = tile % columns_.tiles;
    Task task;
    task.a = input_of(image_group, tile);
    if (first_block == 0) task.ahead = input_ahead(image_group, filters_of_task, tile);
    task.out = ((image_group * s_.out_blocks() + filters.first) * s_.out_pixels() + y * s_.out_width + columns_.begin(column)) * kBlock;
    task.filter_block = static_cast<std::int32_t>(image_group % s_.groups * s_.out_blocks() + filters.first);
    task.list = list_of_tile_[static_cast<std::size_t>(tile)];
    task.first_block = static_cast<std::int32_t>(first_block);
    task.filter_blocks = static_cast<std::int16_t>(filters.count);
    task.pixels = static_cast<std::int16_t>(columns_.size(column));
    return task;
  }

  void run_tasks(const std::vector<Task>& tasks) {
    const bool relu = c_.activation() == Activation::relu;
    const bool late = c_.activation() == Activation::sigmoid || c_.activation() == Activation::tanh;
    for (const Task& task : tasks) {
      const TapList& list = lists_[static_cast<std::size_t>(task.list)];
      const std::int64_t blocks = std::min(blocks_per_pass_, input_blocks_ - task.first_block);
      const bool last = task.first_block + blocks == input_blocks_;

      TileCall call;
      call.taps = list.taps.data() + task.first_block * list.per_block;
      call.tap_count = blocks * list.per_block;
      call.a = input_.data() + task.a;
      call.b = weights_.data() + task.filter_block * filter_stride_;
      call.b_stride = filter_stride_;
      call.b_ahead = ahead_;
      Requests requests;
      if (is_pointwise_) {
        requests.ahead = task.ahead >= 0 ? input_.data() + task.ahead : call.a;
        requests.pixels = task.ahead >= 0 ? ahead_pixels_ : 0;
        requests.outputs = ceil_div(task.pixels, std::max<std::int64_t>(1, call.tap_count));
        call.requests = &requests;
      }
      call.out = output_.data() + task.out;
      call.out_stride = s_.out_pixels() * kBlock;
      if (bias_.count() > 0 && task.first_block == 0) call.bias = bias_.data() + task.filter_block * kBlock;
      call.add = task.first_block > 0;
      call.relu = relu && last;
      call.stream = stream_;
      functions_[static_cast<std::size_t>(task.pixels - 1)][std::countr_zero(static_cast<unsigned>(task.filter_blocks))](call, stride_);
      if (late && last)
        for (int k = 0; k < task.filter_blocks; ++k) activate(c_.activation(), call.out + k * call.out_stride, task.pixels * kBlock);
    }
    if (stream_) hwy::FlushStream();
  }

  const Case c_;
  const ConvolutionShape s_;
  bool plain_ = false;
  std::int64_t input_blocks_ = 1;   // of one group: blocks of 16 channels; plain: channels
  std::int64_t filter_stride_ = 0;  // floats of one filter block
  Buffer<float> input_, weights_, bias_, output_;

  TileSplit columns_;
  int filter_blocks_ = 1;  // of a tile
  Walk walk_ = Walk::any;
  WalkStride stride_;
  std::ptrdiff_t ahead_ = 0;  // TileCall::b_ahead
  std::vector<TapList> lists_;
  std::vector<std::int32_t> list_of_tile_;
  std::vector<FilterBlocks> filters_;
  std::array<std::array<TileFunction, 4>, kLargestTile> functions_ = {};  // by pixels - 1 and log2 of the filter blocks
  bool is_pointwise_ = false;
  std::int64_t ahead_pixels_ = 0;  // of each tap, asked for by a tile: Requests::pixels
  std::int64_t tiles_per_pass_ = 1, blocks_per_pass_ = 1;
  bool stream_ = false;                   // results go past the caches
  std::vector<std::vector<Task>> tasks_;  // by thread
};

}  // namespace

ErrorModel tiled_convolution_error(const Case& c) {
  ErrorModel model = direct_error_model(c);
  if (c.layer.has_weights() && c.layer.reduction_length() > kLongestSum) model.largest_relative_l2 = 1e-6;
  return model;
}

std::unique_ptr<Kernel> prepare_tiled_convolution(const Case& c, const Operands& operands) { return std::make_unique<TiledConvolution>(c, operands); }

}  // namespace convroof::highway
