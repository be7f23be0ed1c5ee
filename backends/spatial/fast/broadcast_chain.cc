#include "backends/spatial/fast/broadcast_chain.h"

#include <algorithm>
#include <vector>

#include "backends/spatial/fast/axis_blocks.h"
#include "backends/spatial/fast/ordered_sums.h"
#include "backends/spatial/fast/stall_meter.h"
#include "workloads/checked.h"

namespace convroof::spatial::fast {
namespace {

std::uint64_t product(std::initializer_list<std::int64_t> factors) { return static_cast<std::uint64_t>(checked_product(factors)); }

// Of an axis of `extent` coordinates: those in [first, first + count).
std::int64_t inside(std::int64_t first, std::int64_t count, std::int64_t extent) {
  return std::max<std::int64_t>(0, std::min(extent, first + count) - std::max<std::int64_t>(0, first));
}

// How many coordinates of each interval no earlier one covers. The intervals begin in ascending order.
class Cover {
 public:
  explicit Cover(std::int64_t extent) : seen_(static_cast<std::size_t>(extent), 0) {}
  std::int64_t add(std::int64_t first, std::int64_t count) {
    std::int64_t fresh = 0;
    const auto extent = static_cast<std::int64_t>(seen_.size());
    for (std::int64_t i = std::max<std::int64_t>(0, first); i < std::min(extent, first + count); ++i) {
      fresh += seen_[static_cast<std::size_t>(i)] == 0 ? 1 : 0;
      seen_[static_cast<std::size_t>(i)] = 1;
    }
    total_ += fresh;
    return fresh;
  }
  std::int64_t total() const { return total_; }

 private:
  std::vector<std::uint8_t> seen_;
  std::int64_t total_ = 0;
};

// Of an axis: distinct places of the taps of all outputs.
std::int64_t positions(std::int64_t outputs, std::int64_t step, std::int64_t taps, std::int64_t tap_step, std::int64_t extent) {
  const std::vector<AxisBlock> block = axis_blocks(outputs, outputs, step, taps, tap_step, 0, extent);
  return block.front().touched;
}

// A part of the filter with what follows from its stream.
struct Part {
  BroadcastChainPart shape;
  std::int64_t pixels = 0;  // called out of one channel of an image
  std::int64_t fresh = 0;   // of them, not called out for an earlier part
  std::int64_t taken = 0;   // positions of its stream, padding included, at which some PE multiplies
};

class Counter {
 public:
  Counter(const Accelerator& a, const BroadcastChainArray& array, const Problem& p)
      : a_(a), p_(p), l_(p.layer), mapping_(array, p.layer), C_(l_.in_channels_per_group()) {
    const std::int64_t words = array.buffers.words(array.buffers.input_bytes, a.word_bits), plane = l_.in_height * l_.in_width;
    sums_inside_ = array.buffers.words(array.buffers.output_bytes, a.accumulator.bits);
    images_in_a_pass_ = array.images > 0 ? std::min(array.images, p.batch) : p.batch;
    pinned_ = std::min(C_, words / checked_product(images_in_a_pass_, plane));
    const std::int64_t part_rows = ceil_div(l_.kernel_height, mapping_.rows), part_columns = ceil_div(l_.kernel_width, mapping_.columns);
    Cover rows(l_.in_height), columns(l_.in_width);
    std::vector<std::int64_t> fresh_columns;
    for (std::int64_t column = 0; column < part_columns; ++column) {
      const BroadcastChainPart part = part_of(l_, mapping_, 0, column);
      fresh_columns.push_back(columns.add(part.x, part.width));
    }
    for (std::int64_t row = 0; row < part_rows; ++row) {
      const BroadcastChainPart first = part_of(l_, mapping_, row, 0);
      const std::int64_t fresh_rows = rows.add(first.y, first.height);
      for (std::int64_t column = 0; column < part_columns; ++column) {
        const BroadcastChainPart s = part_of(l_, mapping_, row, column);
        const std::int64_t pixels = inside(s.y, s.height, l_.in_height) * inside(s.x, s.width, l_.in_width);
        const std::int64_t taken = positions(l_.out_height, l_.stride_height, s.rows, l_.dilation_height, s.height) *
                                   positions(l_.out_width, l_.stride_width, s.columns, l_.dilation_width, s.width);
        parts_.push_back({s, pixels, fresh_rows * fresh_columns[static_cast<std::size_t>(column)], taken});
      }
    }
    untouched_ = C_ * (plane - rows.total() * columns.total());
  }

  Outcome run() {
    const std::int64_t g = l_.groups, N = p_.n(), M = p_.m();
    const std::int64_t filter_blocks = ceil_div(M, mapping_.filters), channel_blocks = ceil_div(C_, mapping_.channels);
    o_.macs = product({g, N, M, p_.k()});
    at(Level::local, Operand::weight).reads = o_.macs;
    at(Level::array, Operand::input).reads = o_.macs;
    const std::int64_t loads = ceil_div(p_.batch, images_in_a_pass_);
    const std::uint64_t weights = product({g, loads, M, p_.k()});
    at(Level::dram, Operand::weight).reads = at(Level::global, Operand::weight).reads = at(Level::local, Operand::weight).writes = weights;
    at(Level::global, Operand::output).writes = at(Level::dram, Operand::output).writes = product({g, N, M});
    if (!p_.bias.empty()) at(Level::dram, Operand::psum).reads = product({g, loads, M});
    // A sum waits after every pass but its last; in a pass it hops from PE to PE.
    const std::int64_t passes = checked_product(channel_blocks, static_cast<std::int64_t>(parts_.size()));
    at(Level::global, Operand::psum) = {product({g, N, M, passes - 1}), product({g, N, M, passes - 1})};
    at(Level::array, Operand::psum).reads = product({g, N, M, p_.k() - passes});
    std::int64_t row_changes = 0;  // of a sum, over all passes
    for (const Part& part : parts_) row_changes += C_ * (part.shape.rows - 1);
    at(Level::local, Operand::psum) = {product({g, N, M, row_changes}), product({g, N, M, row_changes})};
    for (const Part& part : parts_) {
      at(Level::global, Operand::input).reads += product({g, p_.batch, filter_blocks, C_, part.pixels});
      // A pixel counts once at the edge, and in the array for each PE beyond the first that takes it.
      at(Level::array, Operand::input).reads -= product({g, p_.batch, filter_blocks, C_, part.taken});
      o_.padding_words += product({g, p_.batch, filter_blocks, C_, part.shape.pixels() - part.pixels});
      o_.pe_active = std::max(o_.pe_active, product({mapping_.filters, mapping_.channels, part.shape.rows, part.shape.columns}));
    }
    StallMeter meter(a_.dram_bits_per_cycle);
    for (std::int64_t image = 0; image < p_.batch; image += images_in_a_pass_)
      for (std::int64_t m = 0; m < M; m += mapping_.filters) block_of_filters(std::min(images_in_a_pass_, p_.batch - image), m, meter);
    o_.cycles *= static_cast<std::uint64_t>(g);
    at(Level::dram, Operand::input).reads = product({g, checked_sum(inputs_, checked_product(p_.batch, untouched_))});
    at(Level::dram, Operand::psum).reads += product({g, spilled_});
    at(Level::dram, Operand::psum).writes += product({g, spilled_});
    o_.stall_cycles = meter.of_groups(g);
    return o_;
  }

 private:
  void block_of_filters(std::int64_t images, std::int64_t m, StallMeter& meter) {
    const std::int64_t filters = std::min(mapping_.filters, p_.m() - m), sums = checked_product({images, p_.pixels(), filters});
    const std::int64_t outside = std::max<std::int64_t>(0, sums - sums_inside_);
    for (std::int64_t c = 0; c < C_; c += mapping_.channels) {
      const std::int64_t channels = std::min(mapping_.channels, C_ - c), staying = std::clamp<std::int64_t>(pinned_ - c, 0, channels);
      for (std::size_t i = 0; i < parts_.size(); ++i) {
        const Part& part = parts_[i];
        const bool is_first = c == 0 && i == 0, is_last = c + channels == C_ && i + 1 == parts_.size();
        const std::int64_t taps = part.shape.rows * part.shape.columns;
        const std::int64_t clocks = taps + checked_sum(checked_product(images, part.shape.pixels()), (channels - 1) * part.shape.latency(l_));
        std::int64_t words = images * (channels - staying) * part.pixels;
        if (m == 0) words += images * staying * part.fresh;
        inputs_ = checked_sum(inputs_, words);
        if (!is_last) spilled_ = checked_sum(spilled_, outside);
        o_.cycles += static_cast<std::uint64_t>(clocks);
        if (is_first && m == 0) words += images * untouched_;
        const std::int64_t biases = is_first && !p_.bias.empty() ? filters : 0;
        const std::uint64_t moved =
            (is_first ? 0 : bits(outside, a_.accumulator.bits)) + (is_last ? bits(sums, a_.output_bits) : bits(outside, a_.accumulator.bits));
        meter.add({static_cast<std::uint64_t>(clocks), bits(words + filters * channels * taps, a_.word_bits) + bits(biases, a_.accumulator.bits), moved});
      }
    }
  }

  static std::uint64_t bits(std::int64_t words, int each) { return static_cast<std::uint64_t>(words) * static_cast<std::uint64_t>(each); }
  Access& at(Level level, Operand operand) { return o_.accesses.at(level, operand); }

  const Accelerator& a_;
  const Problem& p_;
  const LayerSpec& l_;
  const BroadcastChainMapping mapping_;
  const std::int64_t C_;  // channels of a group
  std::vector<Part> parts_;
  std::int64_t images_in_a_pass_ = 0, sums_inside_ = 0, pinned_ = 0, untouched_ = 0, inputs_ = 0, spilled_ = 0;
  Outcome o_;
};

}  // namespace

Outcome count(const Accelerator& a, const BroadcastChainArray& array, const Problem& p, int /*threads*/) { return Counter(a, array, p).run(); }

void compute(const Accelerator& a, const BroadcastChainArray& array, const Problem& p, std::span<std::int64_t> output, int threads) {
  const BroadcastChainMapping mapping(array, p.layer);
  const LayerSpec& l = p.layer;
  std::vector<std::int64_t> order;
  for (std::int64_t c = 0; c < l.in_channels_per_group(); c += mapping.channels)
    for (std::int64_t row = 0; row < l.kernel_height; row += mapping.rows)
      for (std::int64_t column = 0; column < l.kernel_width; column += mapping.columns)
        for (std::int64_t q = c; q < std::min(l.in_channels_per_group(), c + mapping.channels); ++q)
          for (std::int64_t r = row; r < std::min(l.kernel_height, row + mapping.rows); ++r)
            for (std::int64_t s = column; s < std::min(l.kernel_width, column + mapping.columns); ++s)
              order.push_back((q * l.kernel_height + r) * l.kernel_width + s);
  ordered_sums(p, a.accumulator, order, output, threads);
}

}  // namespace convroof::spatial::fast
