#include "backends/spatial/stepping/shifting_neighbour.h"

#include <algorithm>
#include <cassert>
#include <deque>
#include <vector>

#include "backends/spatial/stepping/bus.h"

namespace convroof::spatial::stepping {
namespace {

// Which words lie in the buffers, word by word, and what must be fetched from outer memory.
class NeighbourMemory {
 public:
  NeighbourMemory(const Accelerator& a, const ShiftingNeighbourArray& array, const Problem& p, const ShiftingNeighbourTile& tile, Outermost outermost,
                  Outcome& outcome)
      : a_(a), p_(p), l_(p.layer), outside_(array.has_outer_memory), outermost_(outermost), outcome_(outcome) {
    const std::int64_t inputs = array.buffers.words(array.buffers.input_bytes, a.word_bits);
    weights_ = array.buffers.words(array.buffers.weight_bytes, a.word_bits);
    block_words_ = tile.filters * p.k();
    plane_ = l_.in_height * l_.in_width;
    pinned_channels_ = std::min(l_.in_channels_per_group(), inputs / plane_);
    const std::int64_t window_rows =
        std::min(l_.in_height, (std::min(tile.rows, l_.out_height) - 1) * l_.stride_height + (l_.kernel_height - 1) * l_.dilation_height + 1);
    // In strips nothing is pinned: the rows under a strip stay, of all channels, while all filters go over it.
    if (outermost == Outermost::strips) pinned_channels_ = 0;
    window_fits_ = (l_.in_channels_per_group() - pinned_channels_) * window_rows * l_.in_width <= inputs;
    input_stays_.assign(p.input.size(), 0), input_in_sweep_ = input_in_pass_ = input_ever_ = input_stays_;
    weight_stays_.assign(p.weights.size(), 0), weight_in_block_ = weight_stays_;
  }

  // Inputs that stay are let go at the end of a scope: an image and group, and with filters outermost, the filters that are on the chip.
  void begin_scope() { std::ranges::fill(input_stays_, std::uint8_t{0}); }
  void begin_sweep() {
    std::ranges::fill(input_in_sweep_, std::uint8_t{0});
    std::ranges::fill(weight_in_block_, std::uint8_t{0});
  }
  void begin_filters() { std::ranges::fill(weight_stays_, std::uint8_t{0}); }
  void begin_pass() {
    std::ranges::fill(input_in_pass_, std::uint8_t{0});
    stages_.emplace_back();
  }

  // `channel` of the group.
  void input_used(std::int64_t index, std::int64_t channel) {
    const auto at = static_cast<std::size_t>(index);
    input_ever_[at] = 1;
    if (input_stays_[at] || input_in_sweep_[at] || input_in_pass_[at]) return;
    if (channel < pinned_channels_ || (outermost_ == Outermost::strips && window_fits_))
      input_stays_[at] = 1;
    else if (window_fits_)
      input_in_sweep_[at] = 1;
    else
      input_in_pass_[at] = 1;
    fetched(Operand::input, 1, a_.word_bits);
  }

  // `place`: within the layer, or with filters outermost within the filters that are on the chip.
  void weight_used(std::int64_t index, std::int64_t place) {
    const auto at = static_cast<std::size_t>(index);
    if (weight_stays_[at] || weight_in_block_[at]) return;
    const bool block_fits = block_words_ <= weights_;
    if (place < weights_ || (outermost_ == Outermost::filters && block_fits))
      weight_stays_[at] = 1;
    else if (block_fits)
      weight_in_block_[at] = 1;
    fetched(Operand::weight, 1, a_.word_bits);
  }

  void biases(std::int64_t words) { fetched(Operand::psum, static_cast<std::uint64_t>(words), a_.accumulator.bits); }
  void output_written() {
    if (!outside_) return;
    ++outcome_.accesses.at(Level::dram, Operand::output).writes;
    stages_.back().flow_bits += static_cast<std::uint64_t>(a_.output_bits);
  }
  void end_pass(std::uint64_t clocks) { stages_.back().clocks = clocks; }

  // Pixels of an image and group that no window touches come along with the first pass that works on it: rows arrive whole.
  void untouched(std::size_t first_stage, std::int64_t image, std::int64_t group) {
    const std::int64_t channels = l_.in_channels_per_group(), first = (image * l_.in_channels + group * channels) * plane_;
    for (std::int64_t i = first; i < first + channels * plane_; ++i)
      if (!input_ever_[static_cast<std::size_t>(i)]) fetched(Operand::input, 1, a_.word_bits, first_stage);
  }
  std::size_t stages() const { return stages_.size(); }
  std::uint64_t stalls() const { return outside_ ? bus_stalls(a_.dram_bits_per_cycle, stages_) : 0; }

 private:
  void fetched(Operand operand, std::uint64_t words, int bits) { fetched(operand, words, bits, stages_.size() - 1); }
  void fetched(Operand operand, std::uint64_t words, int bits, std::size_t stage) {
    if (!outside_) return;
    outcome_.accesses.at(Level::dram, operand).reads += words;
    stages_[stage].load_bits += words * static_cast<std::uint64_t>(bits);
  }

  const Accelerator& a_;
  const Problem& p_;
  const LayerSpec& l_;
  const bool outside_;
  const Outermost outermost_;
  Outcome& outcome_;
  std::int64_t weights_ = 0, block_words_ = 0, plane_ = 0, pinned_channels_ = 0;
  bool window_fits_ = false;
  std::vector<std::uint8_t> input_stays_, input_in_sweep_, input_in_pass_, input_ever_, weight_stays_, weight_in_block_;
  std::vector<Stage> stages_;
};

// What travels: a value and where in the input it lies (-1: padding).
struct Pixel {
  std::int64_t index = -1, value = 0;
};

class Array {
 public:
  Array(const Accelerator& a, const ShiftingNeighbourArray& array, const Problem& p, std::span<std::int64_t> output, Outermost outermost,
        const NeighbourObserver& observer)
      : a_(a),
        p_(p),
        l_(p.layer),
        output_(output),
        observer_(observer),
        tile_(a, array, p.layer),
        outermost_(outermost),
        right_distance_(neighbour_distance(l_.stride_width, l_.dilation_width, l_.kernel_width)),
        below_distance_(neighbour_distance(l_.stride_height, l_.dilation_height, l_.kernel_height)),
        memory_(a, array, p, tile_, outermost, outcome_) {
    const auto pes = static_cast<std::size_t>(tile_.rows * tile_.columns);
    pixel_.resize(pes), from_.resize(pes), to_left_.resize(pes), to_above_.resize(pes);
    sums_.resize(pes * static_cast<std::size_t>(tile_.filters));
    const std::int64_t words = array.buffers.words(array.buffers.weight_bytes, a.word_bits);
    filters_on_chip_ = std::max<std::int64_t>(1, words / p.k() / tile_.filters) * tile_.filters;
  }

  Outcome run() {
    if (outermost_ == Outermost::filters)
      filters_outermost();
    else
      images_outermost();
    outcome_.stall_cycles = memory_.stalls();
    return outcome_;
  }

 private:
  void images_outermost() {
    for (image_ = 0; image_ < p_.batch; ++image_)
      for (group_ = 0; group_ < l_.groups; ++group_) {
        memory_.begin_scope();
        const std::size_t first = memory_.stages();
        if (outermost_ == Outermost::strips) {
          for (y_ = 0; y_ < l_.out_height; y_ += tile_.rows)
            for (filter_ = 0; filter_ < p_.m(); filter_ += tile_.filters) {
              begin_sweep(0);
              strip();
            }
        } else {
          for (filter_ = 0; filter_ < p_.m(); filter_ += tile_.filters) sweep(0);
        }
        memory_.untouched(first, image_, group_);
      }
  }

  void filters_outermost() {
    for (group_ = 0; group_ < l_.groups; ++group_)
      for (std::int64_t first_filter = 0; first_filter < p_.m(); first_filter += filters_on_chip_) {
        memory_.begin_filters();
        for (image_ = 0; image_ < p_.batch; ++image_) {
          memory_.begin_scope();
          const std::size_t first = memory_.stages();
          const std::int64_t end = first_filter + std::min(filters_on_chip_, p_.m() - first_filter);
          for (filter_ = first_filter; filter_ < end; filter_ += tile_.filters) sweep(first_filter);
          if (first_filter == 0) memory_.untouched(first, image_, group_);
        }
      }
  }

  // One block of filters over one image. `first_filter` of those on the chip.
  void sweep(std::int64_t first_filter) {
    begin_sweep(first_filter);
    for (y_ = 0; y_ < l_.out_height; y_ += tile_.rows) strip();
  }
  void begin_sweep(std::int64_t first_filter) {
    memory_.begin_sweep();
    first_filter_ = first_filter;
    filters_ = std::min(tile_.filters, p_.m() - filter_);
  }
  void strip() {
    for (x_ = 0; x_ < l_.out_width; x_ += tile_.columns) pass();
  }

  void pass() {
    memory_.begin_pass();
    if (image_ == 0 && y_ == 0 && x_ == 0 && !p_.bias.empty()) memory_.biases(filters_);
    rows_ = std::min(tile_.rows, l_.out_height - y_), columns_ = std::min(tile_.columns, l_.out_width - x_);
    outcome_.pe_active = std::max(outcome_.pe_active, static_cast<std::uint64_t>(filters_ * rows_ * columns_));
    std::ranges::fill(sums_, 0);
    const std::uint64_t before = outcome_.cycles;
    k_ = 0;
    for (channel_ = 0; channel_ < l_.in_channels_per_group(); ++channel_) {
      for (auto& queue : to_above_) queue.clear();
      for (tap_row_ = 0; tap_row_ < l_.kernel_height; ++tap_row_) {
        for (auto& queue : to_left_) queue.clear();
        for (tap_column_ = 0; tap_column_ < l_.kernel_width; ++tap_column_, ++k_) clock();
      }
    }
    memory_.end_pass(outcome_.cycles - before);
  }

  void clock() {
    // Left to right and top to bottom, so that a PE takes from its neighbour's queue before the neighbour puts this clock's input there.
    for (std::int64_t r = 0; r < rows_; ++r)
      for (std::int64_t c = 0; c < columns_; ++c) take_input(r, c);
    for (std::int64_t f = 0; f < filters_; ++f) multiply(f);
    finished_.clear();
    if (k_ == p_.k() - 1) finish();
    ++outcome_.cycles;
    if (observer_) observer_({outcome_.cycles, [this](std::int64_t f, std::int64_t r, std::int64_t c) { return cell(f, r, c); }, finished_});
  }

  void take_input(std::int64_t r, std::int64_t c) {
    const std::size_t at = pe(r, c);
    bool from_edge = false;
    if (tap_row_ >= below_distance_ && r + 1 < rows_) {
      from_[at] = InputFrom::below;
      pixel_[at] = pop(to_above_[pe(r + 1, c)]);
    } else if (tap_column_ >= right_distance_ && c + 1 < columns_) {
      from_[at] = InputFrom::right;
      pixel_[at] = pop(to_left_[pe(r, c + 1)]);
    } else {
      const std::int64_t index = p_.input_index(group_, pixel_number(r, c), k_);
      from_[at] = index < 0 ? InputFrom::padding : InputFrom::buffer;
      pixel_[at] = {index, index < 0 ? 0 : p_.input[static_cast<std::size_t>(index)]};
      if (index < 0) {
        ++outcome_.padding_words;
      } else {
        ++count(Level::global, Operand::input).reads;
        memory_.input_used(index, channel_);
      }
      from_edge = true;
    }
    // The same input goes to this PE's fellow in each block of filters. What comes from the edge is counted there for the first of them.
    count(Level::array, Operand::input).reads += static_cast<std::uint64_t>(filters_ - (from_edge ? 1 : 0));
    assert(pixel_[at].index == p_.input_index(group_, pixel_number(r, c), k_));  // the wiring delivers what the convolution wants
    to_left_[at].push_back(pixel_[at]), to_above_[at].push_back(pixel_[at]);
  }

  static Pixel pop(std::deque<Pixel>& queue) {
    const Pixel pixel = queue.front();
    queue.pop_front();
    return pixel;
  }

  // A weight reaches all PEs of its block; the inputs reach all blocks.
  void multiply(std::int64_t f) {
    const std::int64_t index = p_.weight_index(group_, k_, filter_ + f);
    ++count(Level::global, Operand::weight).reads;
    memory_.weight_used(index, outermost_ == Outermost::filters ? (filter_ + f - first_filter_) * p_.k() + k_ : index);
    const std::int64_t weight = p_.weights[static_cast<std::size_t>(index)];
    count(Level::array, Operand::weight).reads += static_cast<std::uint64_t>(rows_ * columns_ - 1);  // beyond the first taker
    for (std::int64_t r = 0; r < rows_; ++r)
      for (std::int64_t c = 0; c < columns_; ++c) {
        std::int64_t& sum = sums_[sum_at(f, r, c)];
        sum = a_.accumulator.add(sum, pixel_[pe(r, c)].value, weight);
        ++outcome_.macs;
        ++count(Level::local, Operand::psum).reads, ++count(Level::local, Operand::psum).writes;
      }
  }

  void finish() {
    for (std::int64_t f = 0; f < filters_; ++f)
      for (std::int64_t r = 0; r < rows_; ++r)
        for (std::int64_t c = 0; c < columns_; ++c) {
          const std::int64_t index = p_.output_index(group_, pixel_number(r, c), filter_ + f);
          output_[static_cast<std::size_t>(index)] = a_.accumulator.fit(p_.finished(group_, filter_ + f, sums_[sum_at(f, r, c)]));
          ++count(Level::global, Operand::output).writes;
          memory_.output_written();
          finished_.push_back(index);
        }
  }

  NeighbourCell cell(std::int64_t f, std::int64_t r, std::int64_t c) const {
    if (f >= filters_ || r >= rows_ || c >= columns_) return {};
    const std::int64_t weight = p_.weights[static_cast<std::size_t>(p_.weight_index(group_, k_, filter_ + f))];
    return {true, from_[pe(r, c)], p_.output_index(group_, pixel_number(r, c), filter_ + f), k_, pixel_[pe(r, c)].value, weight, sums_[sum_at(f, r, c)]};
  }

  Access& count(Level level, Operand operand) { return outcome_.accesses.at(level, operand); }
  std::size_t pe(std::int64_t r, std::int64_t c) const { return static_cast<std::size_t>(r * tile_.columns + c); }
  std::size_t sum_at(std::int64_t f, std::int64_t r, std::int64_t c) const {
    return static_cast<std::size_t>(f * tile_.rows * tile_.columns + r * tile_.columns + c);
  }
  std::int64_t pixel_number(std::int64_t r, std::int64_t c) const { return image_ * p_.pixels() + (y_ + r) * l_.out_width + x_ + c; }

  const Accelerator& a_;
  const Problem& p_;
  const LayerSpec& l_;
  std::span<std::int64_t> output_;
  const NeighbourObserver& observer_;
  const ShiftingNeighbourTile tile_;
  const Outermost outermost_;
  const std::int64_t right_distance_, below_distance_;
  Outcome outcome_;
  NeighbourMemory memory_;
  std::int64_t filters_on_chip_ = 0;

  std::vector<Pixel> pixel_;
  std::vector<InputFrom> from_;
  std::vector<std::deque<Pixel>> to_left_, to_above_;  // what a PE has seen and its left (upper) neighbour has not taken yet
  std::vector<std::int64_t> sums_;
  std::vector<std::int64_t> finished_;
  std::int64_t image_ = 0, group_ = 0, filter_ = 0, first_filter_ = 0, y_ = 0, x_ = 0;  // of the pass
  std::int64_t filters_ = 0, rows_ = 0, columns_ = 0;
  std::int64_t channel_ = 0, tap_row_ = 0, tap_column_ = 0, k_ = 0;
};

}  // namespace

Outcome run(const Accelerator& a, const ShiftingNeighbourArray& array, const Problem& p, std::span<std::int64_t> output, const NeighbourObserver& observer) {
  const auto once = [&](Outermost outermost, const NeighbourObserver& watching) { return Array(a, array, p, output, outermost, watching).run(); };
  if (array.outermost != Outermost::least) return once(array.outermost, observer);
  // All orders are tried.
  Outermost best = Outermost::images;
  std::uint64_t least = once(best, {}).accesses.total(Level::dram);
  for (const Outermost outermost : {Outermost::strips, Outermost::filters})
    if (const std::uint64_t words = once(outermost, {}).accesses.total(Level::dram); words < least) best = outermost, least = words;
  return once(best, observer);
}

}  // namespace convroof::spatial::stepping
