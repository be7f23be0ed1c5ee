#include "backends/spatial/fast/shifting_neighbour.h"

#include <algorithm>
#include <vector>

#include "backends/spatial/fast/axis_blocks.h"
#include "backends/spatial/fast/ordered_sums.h"
#include "backends/spatial/fast/stall_meter.h"
#include "workloads/checked.h"

namespace convroof::spatial::fast {
namespace {

std::uint64_t product(std::initializer_list<std::int64_t> factors) { return static_cast<std::uint64_t>(checked_product(factors)); }

class Counter {
 public:
  Counter(const Accelerator& a, const ShiftingNeighbourArray& array, const Problem& p)
      : a_(a),
        array_(array),
        p_(p),
        l_(p.layer),
        tile_(a, array, p.layer),
        C_(l_.in_channels_per_group()),
        K_(p.k()),
        M_(p.m()),
        blocks_(ceil_div(M_, tile_.filters)),
        rows_(axis_blocks(l_.out_height, tile_.rows, l_.stride_height, l_.kernel_height, l_.dilation_height, l_.pad_top, l_.in_height)),
        columns_(axis_blocks(l_.out_width, tile_.columns, l_.stride_width, l_.kernel_width, l_.dilation_width, l_.pad_left, l_.in_width)),
        tiles_(static_cast<std::int64_t>(rows_.size() * columns_.size())) {
    for (const AxisBlock& row : rows_) touched_rows_ += row.touched, fresh_rows_ += row.fresh;
    for (const AxisBlock& column : columns_) touched_columns_ += column.touched, fresh_columns_ += column.fresh;
    const std::int64_t inputs = array.buffers.words(array.buffers.input_bytes, a.word_bits), plane = l_.in_height * l_.in_width;
    weight_words_ = array.buffers.words(array.buffers.weight_bytes, a.word_bits);
    pinned_ = std::min(C_, inputs / plane);
    const std::int64_t reach = (std::min(tile_.rows, l_.out_height) - 1) * l_.stride_height + (l_.kernel_height - 1) * l_.dilation_height + 1;
    window_fits_ = checked_product({C_ - pinned_, std::min(l_.in_height, reach), l_.in_width}) <= inputs;
    strip_fits_ = checked_product({C_, std::min(l_.in_height, reach), l_.in_width}) <= inputs;
    block_fits_ = checked_product(tile_.filters, K_) <= weight_words_;
    filters_on_chip_ = std::min(M_, std::max<std::int64_t>(1, weight_words_ / K_ / tile_.filters) * tile_.filters);
    untouched_ = C_ * (plane - fresh_rows_ * fresh_columns_);
  }

  Outcome run() {
    inside_the_array();
    if (!array_.has_outer_memory) return o_;
    const Outermost outermost = order();
    at(Level::dram, Operand::input).reads = input_words(outermost);
    at(Level::dram, Operand::weight).reads = weight_words(outermost);
    at(Level::dram, Operand::output).writes = o_.accesses.writes(Level::global, Operand::output);
    if (!p_.bias.empty()) at(Level::dram, Operand::psum).reads = product({l_.groups, M_});
    if (a_.dram_bits_per_cycle) o_.stall_cycles = outermost == Outermost::filters ? stalls_with_filters_outermost() : stalls_with_images_outermost(outermost);
    return o_;
  }

 private:
  Outermost order() const {
    if (array_.outermost != Outermost::least) return array_.outermost;
    Outermost best = Outermost::images;
    const auto words = [&](Outermost outermost) { return input_words(outermost) + weight_words(outermost); };
    for (const Outermost other : {Outermost::strips, Outermost::filters})
      if (words(other) < words(best)) best = other;
    return best;
  }

  void inside_the_array() {
    const Own rows = own_pairs(l_.out_height, tile_.rows, l_.stride_height, l_.kernel_height, l_.dilation_height, l_.pad_top, l_.in_height,
                               neighbour_distance(l_.stride_height, l_.dilation_height, l_.kernel_height));
    const Own columns = own_pairs(l_.out_width, tile_.columns, l_.stride_width, l_.kernel_width, l_.dilation_width, l_.pad_left, l_.in_width,
                                  neighbour_distance(l_.stride_width, l_.dilation_width, l_.kernel_width));
    o_.cycles = shifting_neighbour_clocks(a_, array_, p_);
    o_.macs = product({l_.groups, p_.n(), K_, M_});
    o_.pe_active = product({std::min(tile_.filters, M_), std::min(tile_.rows, l_.out_height), std::min(tile_.columns, l_.out_width)});
    at(Level::global, Operand::input).reads = product({l_.groups, p_.batch, blocks_, C_, rows.inside, columns.inside});
    o_.padding_words = product({l_.groups, p_.batch, blocks_, C_, rows.all * columns.all - rows.inside * columns.inside});
    at(Level::global, Operand::weight).reads = product({l_.groups, p_.batch, tiles_, K_, M_});
    at(Level::global, Operand::output).writes = product({l_.groups, p_.n(), M_});
    // A word that many PEs take counts once at the edge and once in the array for each further taker.
    at(Level::array, Operand::input).reads = o_.macs - at(Level::global, Operand::input).reads - o_.padding_words;
    at(Level::array, Operand::weight).reads = o_.macs - at(Level::global, Operand::weight).reads;
    at(Level::local, Operand::psum) = {o_.macs, o_.macs};
  }

  // Words of the channels that do not stay, in one sweep over an image.
  std::int64_t free_words() const {
    return checked_product(C_ - pinned_, window_fits_ ? fresh_rows_ * fresh_columns_ : checked_product(touched_rows_, touched_columns_));
  }

  std::uint64_t input_words(Outermost outermost) const {
    if (outermost == Outermost::strips) {
      const std::int64_t words =
          strip_fits_ ? checked_product(C_, fresh_rows_ * fresh_columns_) : checked_product({blocks_, C_, touched_rows_, touched_columns_});
      return product({l_.groups, p_.batch, checked_sum(words, untouched_)});
    }
    const std::int64_t loads = outermost == Outermost::filters ? ceil_div(M_, filters_on_chip_) : 1;  // of the channels that stay, for each image
    const std::int64_t each_image =
        checked_sum(checked_sum(checked_product({loads, pinned_, fresh_rows_ * fresh_columns_}), untouched_), checked_product(blocks_, free_words()));
    return product({l_.groups, p_.batch, each_image});
  }

  std::uint64_t weight_words(Outermost outermost) const {
    const std::int64_t all = checked_product({l_.groups, K_, M_});
    if (outermost == Outermost::filters && block_fits_) return static_cast<std::uint64_t>(all);
    // What does not stay is fetched for each sweep of its block of filters over an image or a strip, or for each tile.
    std::int64_t stay = std::min(all, weight_words_);
    if (outermost == Outermost::filters) {
      const std::int64_t last = M_ - (blocks_ - 1) * tile_.filters;  // filters of the last block
      stay = l_.groups * ((blocks_ - 1) * weight_words_ + std::min(weight_words_, last * K_));
    }
    const std::int64_t times = !block_fits_ ? tiles_ : outermost == Outermost::strips ? static_cast<std::int64_t>(rows_.size()) : 1;
    return static_cast<std::uint64_t>(checked_sum(stay, checked_product({all - stay, p_.batch, times})));
  }

  // One block of filters on its way over an image, or over a strip of it.
  struct Sweep {
    std::int64_t filters = 0, weights_once = 0, weights_each_tile = 0, biases = 0;  // words; once: before the first tile
    std::int64_t pinned = 0, streamed = 0;                                          // channels whose fresh inputs come; whose inputs come all or fresh:
    bool streams_fresh = false;
    std::int64_t untouched = 0;  // words that come along with the first tile
  };
  void meter(StallMeter& meter, const Sweep& s, std::size_t first_row, std::size_t end_row) const {
    bool is_first = true;
    for (std::size_t r = first_row; r < end_row; ++r)
      for (const AxisBlock& column : columns_) {
        const AxisBlock& row = rows_[r];
        const std::int64_t fresh = row.fresh * column.fresh;
        std::int64_t words = s.pinned * fresh + s.streamed * (s.streams_fresh ? fresh : row.touched * column.touched) + s.weights_each_tile;
        if (is_first) words += s.weights_once + s.untouched;
        const std::int64_t biases = is_first ? s.biases : 0, outputs = s.filters * row.outputs * column.outputs;
        meter.add({static_cast<std::uint64_t>(K_), bits(words, a_.word_bits) + bits(biases, a_.accumulator.bits), bits(outputs, a_.output_bits)});
        is_first = false;
      }
  }

  // Images or strips outermost. The first weights of the layer that fit stay for good.
  Sweep sweep_of(std::int64_t group, std::int64_t m, bool is_first_image) const {
    Sweep s;
    s.filters = std::min(tile_.filters, M_ - m);
    const std::int64_t words = s.filters * K_, first = (group * M_ + m) * K_;
    const std::int64_t stay = std::clamp<std::int64_t>(weight_words_ - first, 0, words);
    s.weights_once = is_first_image ? stay : 0;
    (block_fits_ ? s.weights_once : s.weights_each_tile) += words - stay;
    s.biases = is_first_image && !p_.bias.empty() ? s.filters : 0;
    s.untouched = m == 0 ? untouched_ : 0;
    return s;
  }

  std::uint64_t stalls_with_images_outermost(Outermost outermost) const {
    StallMeter stalls(a_.dram_bits_per_cycle);
    for (std::int64_t image = 0; image < p_.batch; ++image)
      for (std::int64_t group = 0; group < l_.groups; ++group) {
        if (outermost == Outermost::images) {
          for (std::int64_t m = 0; m < M_; m += tile_.filters) {
            Sweep s = sweep_of(group, m, image == 0);
            s.pinned = m == 0 ? pinned_ : 0;
            s.streamed = C_ - pinned_, s.streams_fresh = window_fits_;
            meter(stalls, s, 0, rows_.size());
          }
          continue;
        }
        for (std::size_t row = 0; row < rows_.size(); ++row)
          for (std::int64_t m = 0; m < M_; m += tile_.filters) {
            Sweep s = sweep_of(group, m, image == 0 && row == 0);
            if (strip_fits_)
              s.pinned = m == 0 ? C_ : 0;
            else
              s.streamed = C_;
            if (row > 0) s.untouched = 0;
            meter(stalls, s, row, row + 1);
          }
      }
    return stalls.of_groups(1);
  }

  std::uint64_t stalls_with_filters_outermost() const {
    StallMeter stalls(a_.dram_bits_per_cycle);
    for (std::int64_t first = 0; first < M_; first += filters_on_chip_)
      for (std::int64_t image = 0; image < p_.batch; ++image)
        for (std::int64_t m = first; m < std::min(M_, first + filters_on_chip_); m += tile_.filters) {
          Sweep s;
          s.filters = std::min(tile_.filters, M_ - m);
          const std::int64_t words = s.filters * K_, stay = block_fits_ ? words : std::min(words, weight_words_);
          s.weights_once = image == 0 ? stay : 0;
          s.weights_each_tile = words - stay;
          s.pinned = m == first ? pinned_ : 0, s.streamed = C_ - pinned_, s.streams_fresh = window_fits_;
          s.untouched = m == 0 ? untouched_ : 0;
          s.biases = image == 0 && !p_.bias.empty() ? s.filters : 0;
          meter(stalls, s, 0, rows_.size());
        }
    return stalls.of_groups(l_.groups);
  }

  static std::uint64_t bits(std::int64_t words, int each) { return static_cast<std::uint64_t>(words) * static_cast<std::uint64_t>(each); }
  Access& at(Level level, Operand operand) { return o_.accesses.at(level, operand); }

  const Accelerator& a_;
  const ShiftingNeighbourArray& array_;
  const Problem& p_;
  const LayerSpec& l_;
  const ShiftingNeighbourTile tile_;
  const std::int64_t C_, K_, M_;  // channels, reduction length, filters of a group
  const std::int64_t blocks_;     // of filters
  const std::vector<AxisBlock> rows_, columns_;
  const std::int64_t tiles_;
  std::int64_t touched_rows_ = 0, fresh_rows_ = 0, touched_columns_ = 0, fresh_columns_ = 0;
  std::int64_t weight_words_ = 0, pinned_ = 0, filters_on_chip_ = 0, untouched_ = 0;
  bool window_fits_ = false, strip_fits_ = false, block_fits_ = false;
  Outcome o_;
};

}  // namespace

std::uint64_t shifting_neighbour_clocks(const Accelerator& a, const ShiftingNeighbourArray& array, const Problem& p) {
  const ShiftingNeighbourTile tile(a, array, p.layer);
  return product(
      {p.layer.groups, p.batch, ceil_div(p.m(), tile.filters), ceil_div(p.layer.out_height, tile.rows), ceil_div(p.layer.out_width, tile.columns), p.k()});
}

Outcome count(const Accelerator& a, const ShiftingNeighbourArray& array, const Problem& p, int /*threads*/) { return Counter(a, array, p).run(); }

void compute(const Accelerator& a, const ShiftingNeighbourArray&, const Problem& p, std::span<std::int64_t> output, int threads) {
  ordered_sums(p, a.accumulator, natural_reduction(p), output, threads);
}

}  // namespace convroof::spatial::fast
