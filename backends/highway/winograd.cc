#include "backends/highway/winograd.h"

#include <fmt/format.h>
#include <hwy/cache_control.h>

#include <algorithm>
#include <array>
#include <limits>

#include "backends/highway/activations.h"
#include "backends/highway/blocked_layout.h"
#include "backends/highway/buffer.h"
#include "backends/highway/convolution_shape.h"
#include "backends/highway/parallel.h"
#include "backends/highway/tile_product.h"
#include "backends/highway/winograd_plan.h"
#include "backends/highway/winograd_points.h"
#include "backends/highway/winograd_transforms.h"
#include "backends/host_cpu.h"

namespace convroof::highway {
namespace {

struct Kind {
  const char* name;
  const char* summary;
  PointSet set;
  int taps;
  std::array<int, 5> sizes;  // outputs of a tile along an axis, largest first; 0: none
  double largest_relative_l2;
  bool by_default;

  std::span<const int> used_sizes() const { return {sizes.data(), static_cast<std::size_t>(std::ranges::find(sizes, 0) - sizes.begin())}; }
  int points() const {
    return visit_points(set, [](auto p) { return decltype(p)::points; });
  }
};

constexpr Kind kKinds[] = {
    {"winograd2x2", "f32: F(2x2, 3x3), 2.25 times fewer multiplications", PointSet::points4, 3, {2}, 1e-6, true},
    {"winograd3x3", "f32: F(3x3, 3x3), 3.2 times fewer, two thirds of the weights of F(4x4)", PointSet::points6, 3, {3, 2}, 1e-6, true},
    {"winograd4x4", "f32: F(4x4, 3x3), 4 times fewer, with nested tiles of 3 and 2 at the borders", PointSet::points6, 3, {4, 3, 2}, 1e-6, true},
    {"winograd6x6", "f32: F(6x6, 3x3), 5 times fewer, less exact", PointSet::points8, 3, {6, 5, 4, 3, 2}, 3e-6, false},
    {"winograd2x2-5x5", "f32: F(2x2, 5x5), 2.8 times fewer", PointSet::points6, 5, {2, 1}, 1e-6, true},
    {"winograd4x4-5x5", "f32: F(4x4, 5x5), 6.25 times fewer, less exact", PointSet::points8, 5, {4, 3, 2, 1}, 3e-6, false},
};

// A multiple of the line that is no power of two, so that the points of a tile do not meet in one set of the cache.
constexpr std::int64_t kPointPadding = 3 * 16;

// Channel blocks summed in registers before the sum goes to memory. Transforms back amplify what rounding did to the sums over channels: sums of 512 terms in
// one go leave 2e-6 of F(4x4, 3x3) on normal data, eight sums of 64 leave 8e-7, for about one per cent of time.
constexpr std::int64_t kBlocksPerSum = 4;

class Winograd final : public Kernel {
 public:
  Winograd(const Kind& kind, const Case& c, const Operands& operands) : kind_(kind), c_(c), s_(convolution_shape(c)), points_(kind.points()) {
    plan();
    pack(operands);
    for (const TileBlockShape& shape : plan_.shapes) layouts_.push_back(make_layout(shape));
  }

  std::optional<double> run(int times) override {
    for (int i = 0; i < times; ++i)
      on_threads(c_.threads, [this](int thread, int threads) {
        if (together_)
          run_together(thread, threads);
        else
          run_share(thread, threads);
      });
    return std::nullopt;
  }

  void poison_output() override { std::ranges::fill(output_.span(), std::numeric_limits<float>::quiet_NaN()); }
  void read_output(Tensor& canonical) override { from_blocked<float>(s_.output_layout(), output_.data(), canonical.as<float>()); }

  Work work() const override {
    Work work;
    work.macs_executed = static_cast<std::uint64_t>(plan_.products() * s_.groups * s_.in_channels * s_.out_channels);
    work.ops_other = static_cast<std::uint64_t>(transform_additions());
    work.bytes_packed = input_.bytes() + weights_.bytes() + bias_.bytes() + output_.bytes();
    for (const Buffer<float>& b : data_) work.bytes_packed += b.bytes();
    for (const Buffer<float>& b : products_) work.bytes_packed += b.bytes();
    work.unit_used = "fma";
    work.accumulator = "f32";
    work.facts["target"] = target_name();
    work.facts["implementation"] = "fused per block of tiles";
    work.facts["tile"] = fmt::format("rows {}, columns {}", cut(plan_.rows), cut(plan_.columns));
    work.facts["blocking"] = fmt::format("{} blocks of up to {} tiles x {} filters, threads share {}", plan_.blocks.size(), most_tiles(),
                                         blocks_per_pass_ * kBlock, together_ ? "each block" : "the blocks");
    work.facts["points"] = fmt::format("{} an axis", points_);
    return work;
  }

 private:
  // Where things of a block of tiles lie. Data: [point][channel block][tile][16]; products: [point][filter block of the pass][tile][16].
  struct Layout {
    std::vector<std::ptrdiff_t> data, products;  // by point
    std::vector<Tap> taps;                       // by point: in_blocks of them
  };

  void plan() {
    // One register tile of tiles per block: data, products of a pass and the streamed weights share the second-level cache. Twice as many halve the traffic of
    // the weights and were still slower (VGG-16 conv1_2 by 5 %, conv3_2 by 4 %), as data and products then go through the third level; not so where the weights
    // come from memory (conv4_2: 2 % faster).
    std::int64_t wished = std::max<std::int64_t>(largest_tile(), kLargestTile / largest_tile() * largest_tile());
    if (const auto l3 = static_cast<std::uint64_t>(std::max<std::int64_t>(0, host_cpu().l3_bytes)); l3 > 0 && bytes_of_weights() > l3) wished *= 2;
    const WinogradPlanRequest request{.points = points_,
                                      .taps = kind_.taps,
                                      .sizes = kind_.used_sizes(),
                                      .images = s_.images,
                                      .height = s_.out_height,
                                      .width = s_.out_width,
                                      .tiles_per_block = wished};
    plan_ = plan_winograd(request);
    // Data of a block that fit the second-level cache are better transformed by each thread for itself than fetched from the other's (56 x 56 x 64, 2 threads:
    // 1.99 times faster than one, together 1.53; 28 x 28 x 128: 1.90 and 1.80); those that do not are in the third level for everybody (28 x 28 x
    // 512: 1.87, 1.94).
    const std::int64_t data_bytes = plan_.most_total() * s_.in_blocks() * kBlock * static_cast<std::int64_t>(sizeof(float));
    together_ = c_.threads > 1 && static_cast<std::int64_t>(plan_.blocks.size()) * s_.groups < c_.threads && data_bytes > host_cpu().l2_bytes;
    // Products of few filters are transformed back while they are still close; few tiles want many filters at once, as weights then come in longer runs.
    blocks_per_pass_ = std::min(std::max<std::int64_t>(2, 2 * kLargestTile / most_tiles()), s_.out_blocks());
    for (int i = 0; i < c_.threads; ++i) {
      if (i == 0 || !together_) data_.emplace_back(plan_.most_total() * s_.in_blocks() * kBlock + points_ * points_ * kPointPadding);
      products_.emplace_back(plan_.most_total() * blocks_per_pass_ * kBlock + points_ * points_ * kPointPadding);
    }
  }

  void pack(const Operands& operands) {
    input_ = Buffer<float>(s_.input_layout().count());
    to_blocked(s_.input_layout(), operands.input.as<float>(), input_.data());
    output_ = Buffer<float>(s_.output_layout().count());
    if (c_.has_bias()) {
      bias_ = Buffer<float>(s_.groups * s_.out_blocks() * kBlock);
      to_blocked_vector(s_.groups, s_.out_channels, operands.bias.as<float>(), bias_.data());
    }
    // [group][point that some tile has][filter block][channel][16 filters]
    filter_stride_ = s_.in_blocks() * kBlock * kBlock;
    point_stride_ = filter_stride_ * s_.out_blocks();
    slot_of_point_.assign(static_cast<std::size_t>(points_ * points_), -1);
    for (std::size_t p = 0; p < slot_of_point_.size(); ++p)
      if (std::ranges::any_of(plan_.shapes, [&](const TileBlockShape& shape) { return shape.tiles_of_point[p] > 0; })) slot_of_point_[p] = slots_++;
    weights_ = Buffer<float>(s_.groups * slots_ * point_stride_);
    visit_points(kind_.set, [&](auto set) { transform_weights<decltype(set)>(operands.weights.as<float>()); });
  }

  template <class Points>
  void transform_weights(std::span<const float> weights) {
    const int r = kind_.taps;
    double g[kMostPoints][5];
    for (int i = 0; i < points_; ++i)
      for (int k = 0; k < r; ++k) g[i][k] = filter_coefficient<Points>(r, i, k);
    const float* filter = weights.data();
    for (std::int64_t group = 0; group < s_.groups; ++group)
      for (std::int64_t k = 0; k < s_.out_channels; ++k)
        for (std::int64_t ch = 0; ch < s_.in_channels; ++ch, filter += r * r) {
          double half[kMostPoints][5];  // G g
          for (int i = 0; i < points_; ++i)
            for (int x = 0; x < r; ++x) {
              half[i][x] = 0;
              for (int y = 0; y < r; ++y) half[i][x] += g[i][y] * static_cast<double>(filter[y * r + x]);
            }
          float* to = weights_.data() + group * slots_ * point_stride_ + k / kBlock * filter_stride_ + ch * kBlock + k % kBlock;
          for (int i = 0; i < points_; ++i)
            for (int j = 0; j < points_; ++j) {
              if (slot_of_point_[static_cast<std::size_t>(i * points_ + j)] < 0) continue;
              double value = 0;
              for (int x = 0; x < r; ++x) value += half[i][x] * g[j][x];
              *to = static_cast<float>(value);
              to += point_stride_;
            }
        }
  }

  Layout make_layout(const TileBlockShape& shape) const {
    Layout layout;
    for (std::size_t p = 0; p < shape.tiles_of_point.size(); ++p) {
      layout.data.push_back(shape.tiles_before[p] * s_.in_blocks() * kBlock + static_cast<std::ptrdiff_t>(p) * kPointPadding);
      layout.products.push_back(shape.tiles_before[p] * blocks_per_pass_ * kBlock + static_cast<std::ptrdiff_t>(p) * kPointPadding);
      for (std::int64_t cb = 0; cb < s_.in_blocks(); ++cb) {
        Tap tap;
        tap.a_offset = cb * shape.tiles_of_point[p] * kBlock;
        tap.b_offset = cb * kBlock * kBlock;
        tap.length = static_cast<std::int32_t>(std::min(kBlock, s_.in_channels - cb * kBlock));
        layout.taps.push_back(tap);
      }
    }
    return layout;
  }

  // A thread's share is a run of (group, block of tiles, filter block), cut so that all have the same number of products. Where a cut falls into a block, both
  // threads transform it: with 7 blocks of ResNet-50's 56 x 56 maps for two threads that is a seventh of the transforms more, and nobody waits for anybody.
  // Taking turns at every block instead (as run_together does) made each thread fetch what the other had just written: 1.4 times faster on two threads, not 2.
  void run_share(int thread, int threads) {
    std::int64_t of_blocks = 0;
    for (const TileBlock& block : plan_.blocks) of_blocks += plan_.shapes[static_cast<std::size_t>(block.shape)].total;
    const Range share = share_of(of_blocks * s_.groups * s_.out_blocks(), thread, threads);
    Buffer<float>&data = data_[static_cast<std::size_t>(thread)], &products = products_[static_cast<std::size_t>(thread)];
    std::int64_t before = 0;
    for (std::int64_t group = 0; group < s_.groups; ++group)
      for (const TileBlock& block : plan_.blocks) {
        const std::int64_t weight = plan_.shapes[static_cast<std::size_t>(block.shape)].total;
        const auto cut = [&](std::int64_t at) { return std::clamp<std::int64_t>((at - before + weight / 2) / weight, 0, s_.out_blocks()); };
        const Range filters{share.begin <= before ? 0 : cut(share.begin), share.end <= before ? 0 : cut(share.end)};
        before += weight * s_.out_blocks();
        if (filters.size() <= 0) continue;
        transform(block, group, {0, s_.in_blocks()}, data.data());
        multiply_in_passes(block, group, filters, data.data(), products.data());
      }
  }

  // One block: each thread transforms a part of the channels, then multiplies with its own filters.
  void run_together(int thread, int threads) {
    const Range channels = share_of(s_.in_blocks(), thread, threads), filters = share_of(s_.out_blocks(), thread, threads);
    for (const TileBlock& block : plan_.blocks)
      for (std::int64_t group = 0; group < s_.groups; ++group) {
        transform(block, group, channels, data_[0].data());
        barrier();
        multiply_in_passes(block, group, filters, data_[0].data(), products_[static_cast<std::size_t>(thread)].data());
        barrier();
      }
  }

  void multiply_in_passes(const TileBlock& block, std::int64_t group, Range filters, const float* data, float* products) {
    for (std::int64_t kb = filters.begin; kb < filters.end; kb += blocks_per_pass_) {
      const Range pass{kb, std::min(kb + blocks_per_pass_, filters.end)};
      multiply(block, group, pass, data, products);
      transform_back(block, group, pass, products);
    }
  }

  // Offsets of the tiles (image, row, column 0) at all points, for channel (or filter) block 0.
  void offsets_of_row(const TileBlockShape& shape, const std::vector<std::ptrdiff_t>& base, std::int64_t image, std::int64_t row,
                      std::ptrdiff_t* offset) const {
    for (int i = 0; i < points_; ++i)
      for (int j = 0; j < points_; ++j) {
        const auto p = static_cast<std::size_t>(i * points_ + j);
        offset[p] = base[p] + (image * shape.rows_of_point[static_cast<std::size_t>(i)] + row) * shape.columns_of_point[static_cast<std::size_t>(j)] * kBlock;
      }
  }

  void transform(const TileBlock& block, std::int64_t group, Range channels, float* data) {
    const TileBlockShape& shape = plan_.shapes[static_cast<std::size_t>(block.shape)];
    const Layout& layout = layouts_[static_cast<std::size_t>(block.shape)];
    std::ptrdiff_t first[kMostPoints * kMostPoints], offset[kMostPoints * kMostPoints];
    for (std::int64_t n = 0; n < shape.images; ++n)
      for (std::int64_t r = 0; r < block.rows.size(); ++r) {
        offsets_of_row(shape, layout.data, n, r, first);
        const AxisTile& row = plan_.rows[static_cast<std::size_t>(block.rows.begin + r)];
        const std::int64_t top = row.begin - s_.pad_top;
        for (std::int64_t cb = channels.begin; cb < channels.end; ++cb) {
          for (std::size_t p = 0; p < shape.tiles_of_point.size(); ++p) offset[p] = first[p] + cb * shape.tiles_of_point[p] * kBlock;
          const float* plane = input_.data() + (((block.images.begin + n) * s_.groups + group) * s_.in_blocks() + cb) * s_.in_pixels() * kBlock;
          InputRun run;
          run.set = kind_.set;
          run.height = row.outputs + kind_.taps - 1;
          run.row_stride = s_.in_width * kBlock;
          run.offset = offset;
          run.row_begin = static_cast<int>(std::clamp<std::int64_t>(-top, 0, run.height));
          run.row_end = static_cast<int>(std::clamp<std::int64_t>(s_.in_height - top, run.row_begin, run.height));
          for (std::int64_t c = 0; c < block.columns.size();) {
            const AxisTile& column = plan_.columns[static_cast<std::size_t>(block.columns.begin + c)];
            const std::int64_t left = column.begin - s_.pad_left;
            run.width = column.outputs + kind_.taps - 1;
            run.column_begin = static_cast<int>(std::clamp<std::int64_t>(-left, 0, run.width));
            run.column_end = static_cast<int>(std::clamp<std::int64_t>(s_.in_width - left, run.column_begin, run.width));
            run.step = column.outputs * kBlock;
            run.tiles = 1;
            if (run.column_begin == 0 && run.column_end == run.width)
              while (c + run.tiles < block.columns.size() && is_next_inside(block.columns.begin + c + run.tiles, column.outputs)) ++run.tiles;
            run.in = plane + (top * s_.in_width + left) * kBlock;
            run.out = data + c * kBlock;
            transform_input(run);
            c += run.tiles;
          }
        }
      }
  }

  bool is_next_inside(std::int64_t index, int outputs) const {
    const AxisTile& column = plan_.columns[static_cast<std::size_t>(index)];
    return column.outputs == outputs && column.begin - s_.pad_left + outputs + kind_.taps - 1 <= s_.in_width;
  }

  const float* weights_of(std::int64_t group, std::size_t point) const { return weights_.data() + (group * slots_ + slot_of_point_[point]) * point_stride_; }

  // Weights of all points that tiles of the largest size have.
  std::uint64_t bytes_of_weights() const {
    const int points = kind_.sizes[0] + kind_.taps - 1;
    return static_cast<std::uint64_t>(s_.in_blocks() * s_.out_blocks() * kBlock * kBlock * points * points) * sizeof(float);
  }

  // At a new point neither weights nor data follow what came before: the first lines of both would be waited for.
  void prefetch_point(const TileBlockShape& shape, const Layout& layout, std::int64_t group, std::size_t point, std::int64_t filter_block,
                      const float* data) const {
    while (point < shape.tiles_of_point.size() && shape.tiles_of_point[point] == 0) ++point;
    if (point == shape.tiles_of_point.size()) return;
    const float* weights = weights_of(group, point) + filter_block * filter_stride_;
    for (std::int64_t line = 0; line < kBlock; ++line) hwy::Prefetch(weights + line * kBlock);
    const std::int64_t tiles = std::min<std::int64_t>(shape.tiles_of_point[point], kLargestTile);
    for (std::int64_t line = 0; line < tiles; ++line) hwy::Prefetch(data + layout.data[point] + line * kBlock);
  }

  void multiply(const TileBlock& block, std::int64_t group, Range filters, const float* data, float* products) {
    const TileBlockShape& shape = plan_.shapes[static_cast<std::size_t>(block.shape)];
    const Layout& layout = layouts_[static_cast<std::size_t>(block.shape)];
    for (std::size_t p = 0; p < shape.tiles_of_point.size(); ++p) {
      const std::int64_t tiles = shape.tiles_of_point[p];
      if (tiles == 0) continue;
      const TileSplit split = split_into_tiles(tiles);
      const int most_filters = filter_blocks_of_tile(static_cast<int>(split.largest()));
      TileCall call;
      const std::int64_t blocks_per_sum = points_ == kMostPoints ? kBlocksPerSum / 2 : kBlocksPerSum;
      const Tap* taps = layout.taps.data() + static_cast<std::int64_t>(p) * s_.in_blocks();
      call.b_stride = filter_stride_;
      call.b_ahead = weights_ahead(split.largest());
      call.out_stride = tiles * kBlock;
      const float* weights = weights_of(group, p);
      for (std::int64_t kb = filters.begin; kb < filters.end;) {
        int count = most_filters;
        while (kb + count > filters.end) count /= 2;
        call.b = weights + kb * filter_stride_;
        if (kb + count >= filters.end) prefetch_point(shape, layout, group, p + 1, filters.begin, data);
        for (std::int64_t t = 0; t < split.tiles; ++t) {
          call.a = data + layout.data[p] + split.begin(t) * kBlock;
          call.out = products + layout.products[p] + ((kb - filters.begin) * tiles + split.begin(t)) * kBlock;
          const TileFunction function = tile_function(static_cast<int>(split.size(t)), count, Walk::blocked1);
          for (std::int64_t cb = 0; cb < s_.in_blocks(); cb += blocks_per_sum) {
            call.taps = taps + cb;
            call.tap_count = std::min(blocks_per_sum, s_.in_blocks() - cb);
            call.add = cb > 0;
            function(call, {});
          }
        }
        kb += count;
      }
    }
  }

  void transform_back(const TileBlock& block, std::int64_t group, Range filters, const float* products) {
    const TileBlockShape& shape = plan_.shapes[static_cast<std::size_t>(block.shape)];
    const Layout& layout = layouts_[static_cast<std::size_t>(block.shape)];
    const bool late = c_.activation() == Activation::sigmoid || c_.activation() == Activation::tanh;
    std::ptrdiff_t first[kMostPoints * kMostPoints], offset[kMostPoints * kMostPoints];
    for (std::int64_t n = 0; n < shape.images; ++n)
      for (std::int64_t r = 0; r < block.rows.size(); ++r) {
        offsets_of_row(shape, layout.products, n, r, first);
        const AxisTile& row = plan_.rows[static_cast<std::size_t>(block.rows.begin + r)];
        for (std::int64_t kb = filters.begin; kb < filters.end; ++kb) {
          for (std::size_t p = 0; p < shape.tiles_of_point.size(); ++p) offset[p] = first[p] + (kb - filters.begin) * shape.tiles_of_point[p] * kBlock;
          float* plane = output_.data() + (((block.images.begin + n) * s_.groups + group) * s_.out_blocks() + kb) * s_.out_pixels() * kBlock;
          OutputRun run;
          run.set = kind_.set;
          run.taps = kind_.taps;
          run.height = row.outputs;
          run.rows = static_cast<int>(std::min<std::int64_t>(row.outputs, s_.out_height - row.begin));
          run.offset = offset;
          run.row_stride = s_.out_width * kBlock;
          run.relu = c_.activation() == Activation::relu;
          if (bias_.count() > 0) run.bias = bias_.data() + (group * s_.out_blocks() + kb) * kBlock;
          for (std::int64_t c = 0; c < block.columns.size();) {
            const AxisTile& column = plan_.columns[static_cast<std::size_t>(block.columns.begin + c)];
            run.width = column.outputs;
            run.columns = static_cast<int>(std::min<std::int64_t>(column.outputs, s_.out_width - column.begin));
            run.step = column.outputs * kBlock;
            run.tiles = 1;
            if (run.columns == run.width)
              while (c + run.tiles < block.columns.size()) {
                const AxisTile& next = plan_.columns[static_cast<std::size_t>(block.columns.begin + c + run.tiles)];
                if (next.outputs != column.outputs || next.begin + next.outputs > s_.out_width) break;
                ++run.tiles;
              }
            run.in = products + c * kBlock;
            run.out = plane + (row.begin * s_.out_width + column.begin) * kBlock;
            transform_output(run);
            c += run.tiles;
          }
          if (late) {
            const std::int64_t begin = plan_.columns[static_cast<std::size_t>(block.columns.begin)].begin;
            const AxisTile& end = plan_.columns[static_cast<std::size_t>(block.columns.end - 1)];
            const std::int64_t pixels = std::min(end.begin + end.outputs, s_.out_width) - begin;
            for (int y = 0; y < run.rows; ++y) activate(c_.activation(), plane + ((row.begin + y) * s_.out_width + begin) * kBlock, pixels * kBlock);
          }
        }
      }
  }

  // One for each addition or fused multiply-add of the two transforms; their plain multiplications are few.
  std::int64_t transform_additions() const {
    const auto axis = [&](int outputs, bool back) {
      return visit_points(kind_.set, [&](auto set) {
        using Points = decltype(set);
        const int n = outputs + kind_.taps - 1;
        std::int64_t count = 0;
        if (back) return std::int64_t{2} * ((n - 2) / 2) + outputs * ((n - 2) / 2) + n % 2 + 1;
        if (n % 2 == 0) return std::int64_t{2} * ((n - 2) / 2) + (n - 2) / 2 * (2 * ((n - 2) / 2 - 1) + 2);
        for (int i = 0; i < n; ++i) count += std::ranges::count_if(input_row<Points>(n, i), [](double v) { return v != 0; }) - 1;
        return count;
      });
    };
    std::int64_t in = 0, out = 0;
    for (const AxisTile& r : plan_.rows)
      for (const AxisTile& c : plan_.columns) {
        const int height = r.outputs + kind_.taps - 1, width = c.outputs + kind_.taps - 1;
        in += width * axis(r.outputs, false) + height * axis(c.outputs, false);
        out += width * axis(r.outputs, true) + r.outputs * axis(c.outputs, true);
      }
    return s_.images * s_.groups * (in * s_.in_channels + out * s_.out_channels);
  }

  static std::string cut(const std::vector<AxisTile>& tiles) {
    std::string text;
    for (std::size_t i = 0; i < tiles.size();) {
      std::size_t same = 1;
      while (i + same < tiles.size() && tiles[i + same].outputs == tiles[i].outputs) ++same;
      text += fmt::format("{}{}x{}", text.empty() ? "" : "+", same, tiles[i].outputs);
      i += same;
    }
    return text;
  }

  std::int64_t most_tiles() const {
    std::int64_t most = 0;
    for (const TileBlockShape& shape : plan_.shapes) most = std::max(most, shape.tiles());
    return most;
  }

  const Kind& kind_;
  const Case c_;
  const ConvolutionShape s_;
  const int points_;
  WinogradPlan plan_;
  std::vector<Layout> layouts_;  // by shape of the plan
  bool together_ = false;        // all threads on the same block of tiles, or each with its own
  std::int64_t blocks_per_pass_ = 1;
  std::int64_t filter_stride_ = 0, point_stride_ = 0, slots_ = 0;
  std::vector<std::int64_t> slot_of_point_;  // place of a point's weights; -1: no tile has the point
  Buffer<float> input_, weights_, bias_, output_;
  std::vector<Buffer<float>> data_, products_;  // by thread; data may be one for all
};

template <int index>
Algorithm algorithm_of() {
  static constexpr const Kind& kind = kKinds[index];
  Algorithm a;
  a.variant.name = kind.name;
  a.variant.summary = kind.summary;
  a.variant.by_default = kind.by_default;
  a.supports = [](const Case& c) {
    const LayerSpec& l = c.layer;
    if (c.type != DataType::f32) return Support::no(fmt::format("`{}` computes f32", kind.name));
    if (l.op != Op::conv || l.kernel_height != kind.taps || l.kernel_width != kind.taps)
      return Support::no(fmt::format("not a {0}x{0} convolution", kind.taps));
    if (l.stride_height != 1 || l.stride_width != 1) return Support::no("Winograd's tiles need stride 1");
    if (l.dilation_height != 1 || l.dilation_width != 1) return Support::no("Winograd's tiles need a filter without dilation");
    return Support{};
  };
  a.prepare = [](const Case& c, const Operands& operands) -> std::unique_ptr<Kernel> { return std::make_unique<Winograd>(kind, c, operands); };
  a.error = [](const Case& c) {
    // |error| <= kappa^2 (C + steps) u ||tile|| ||filter||, kappa the amplification of one axis and C the channels summed; Barabasz et al. 2020, Error analysis
    // and improving the accuracy of Winograd convolution. A tile is covered by the patches of `cover`^2 of its outputs, so its norm is at most cover times
    // theirs.
    ErrorModel model;
    const double u = 0x1p-24;
    double kappa = 0;
    int cover = 1;
    for (const int m : kind.used_sizes()) {
      kappa = std::max(kappa, visit_points(kind.set, [&](auto set) { return amplification<decltype(set)>(kind.taps, m); }));
      cover = std::max(cover, (m + kind.taps - 1 + kind.taps - 1) / kind.taps);
    }
    const double steps = 4.0 * kind.points();  // two axes, two transforms, a rounding per point each
    const double length = static_cast<double>(c.layer.in_channels_per_group()) + steps;
    model.relative_to_largest_magnitude = cover * kappa * kappa * length * u;
    model.relative_to_expected = 2 * u;
    // A saturating activation shrinks the output's norm but not the errors near zero, so the gate on the whole holds for linear outputs and ReLU.
    const bool saturates = c.activation() == Activation::sigmoid || c.activation() == Activation::tanh;
    model.absolute = saturates ? 16 * u : 0;
    model.largest_relative_l2 = saturates ? 0 : kind.largest_relative_l2;
    model.derivation = fmt::format("{:.3g} (C + {}) u of the largest magnitude: transforms amplify by {:.3g} an axis; whole output {:.0e}",
                                   cover * kappa * kappa, steps, kappa, kind.largest_relative_l2);
    return model;
  };
  return a;
}

}  // namespace

Algorithm winograd2x2_algorithm() { return algorithm_of<0>(); }
Algorithm winograd3x3_algorithm() { return algorithm_of<1>(); }
Algorithm winograd4x4_algorithm() { return algorithm_of<2>(); }
Algorithm winograd6x6_algorithm() { return algorithm_of<3>(); }
Algorithm winograd2x2_5x5_algorithm() { return algorithm_of<4>(); }
Algorithm winograd4x4_5x5_algorithm() { return algorithm_of<5>(); }

}  // namespace convroof::highway
