#include "backends/spatial/stepping/broadcast_chain.h"

#include <algorithm>
#include <cassert>
#include <deque>
#include <vector>

#include "backends/spatial/stepping/bus.h"

namespace convroof::spatial::stepping {
namespace {

constexpr std::int64_t kNone = -1;

// The sums of all filters of a block for one output pixel, on their way through the chain.
struct Token {
  std::int64_t n = kNone;  // pixel of the batch
  std::vector<std::int64_t> sums;
};

class Array {
 public:
  Array(const Accelerator& a, const BroadcastChainArray& array, const Problem& p, std::span<std::int64_t> output, const ChainObserver& observer)
      : a_(a), p_(p), l_(p.layer), output_(output), observer_(observer), mapping_(array, p.layer) {
    const std::int64_t words = array.buffers.words(array.buffers.input_bytes, a.word_bits);
    sums_that_wait_inside_ = array.buffers.words(array.buffers.output_bytes, a.accumulator.bits);
    images_in_a_pass_ = array.images > 0 ? std::min(array.images, p.batch) : p.batch;
    pinned_channels_ = std::min(l_.in_channels_per_group(), words / (images_in_a_pass_ * l_.in_height * l_.in_width));
    loaded_.assign(p.input.size(), 0), ever_ = loaded_;
    waiting_.assign(static_cast<std::size_t>(images_in_a_pass_ * p.pixels() * mapping_.filters), 0);
  }

  Outcome run() {
    for (group_ = 0; group_ < l_.groups; ++group_) {
      for (first_image_ = 0; first_image_ < p_.batch; first_image_ += images_in_a_pass_) group_of_images();
    }
    outcome_.stall_cycles = bus_stalls(a_.dram_bits_per_cycle, stages_);
    return outcome_;
  }

 private:
  void group_of_images() {
    images_ = std::min(images_in_a_pass_, p_.batch - first_image_);
    const std::size_t first = stages_.size();
    for (filter_ = 0; filter_ < p_.m(); filter_ += mapping_.filters) {
      filters_ = std::min(mapping_.filters, p_.m() - filter_);
      is_first_ = true;
      for (channel_ = 0; channel_ < l_.in_channels_per_group(); channel_ += mapping_.channels) {
        channels_ = std::min(mapping_.channels, l_.in_channels_per_group() - channel_);
        for (std::int64_t row = 0; row * mapping_.rows < l_.kernel_height; ++row)
          for (std::int64_t column = 0; column * mapping_.columns < l_.kernel_width; ++column) pass(part_of(l_, mapping_, row, column));
      }
    }
    untouched(first);
  }

  void pass(const BroadcastChainPart& part) {
    part_ = part;
    is_last_ = channel_ + channels_ == l_.in_channels_per_group() && part.first_row + part.rows == l_.kernel_height &&
               part.first_column + part.columns == l_.kernel_width;
    stages_.emplace_back();
    outcome_.pe_active = std::max(outcome_.pe_active, static_cast<std::uint64_t>(filters_ * channels_ * part.rows * part.columns));
    if (is_first_ && !p_.bias.empty()) fetched(Operand::psum, filters_, a_.accumulator.bits);
    const std::uint64_t before = outcome_.cycles;
    load_weights();
    lay_chain();
    // The engines of a chain work one after another on a pixel: each begins its stream when the first sum of the one before reaches it.
    const std::int64_t clocks = images_ * part.pixels() + (channels_ - 1) * part.latency(l_);
    for (clock_ = 0; clock_ < clocks; ++clock_) step();
    stages_.back().clocks = outcome_.cycles - before;
    is_first_ = false;
  }

  // One weight a clock into each engine, all engines at once.
  void load_weights() {
    const std::int64_t words = filters_ * channels_ * part_.rows * part_.columns;
    fetched(Operand::weight, words, a_.word_bits);
    count(Level::global, Operand::weight).reads += static_cast<std::uint64_t>(words);
    count(Level::local, Operand::weight).writes += static_cast<std::uint64_t>(words);
    for (std::int64_t clock = 0; clock < part_.rows * part_.columns; ++clock) tick(true);
  }

  // PEs in the order that a sum passes them, each with the line behind it.
  void lay_chain() {
    lines_.clear(), tokens_.clear();
    for (std::int64_t q = 0; q < channels_; ++q)
      for (std::int64_t r = 0; r < part_.rows; ++r)
        for (std::int64_t s = 0; s < part_.columns; ++s) {
          std::int64_t registers = l_.dilation_width;
          if (s + 1 == part_.columns) registers = l_.dilation_height * part_.width - (part_.columns - 1) * l_.dilation_width;  // a row's delay line
          if (s + 1 == part_.columns && r + 1 == part_.rows) registers = 1;                                                    // to the next engine
          lines_.emplace_back(static_cast<std::size_t>(registers));
        }
    tokens_.resize(lines_.size());
  }

  void step() {
    called_.clear();
    takers_.assign(static_cast<std::size_t>(channels_), 0);
    for (std::int64_t q = 0; q < channels_; ++q) called_.push_back(call_pixel(q));
    // From the last PE to the first: a PE takes the sum that its predecessor finished a line's length of clocks ago.
    finished_.clear();
    for (std::size_t i = lines_.size(); i-- > 0;) {
      Token token = i == 0 ? begin_sum() : take(i);
      if (token.n != kNone) add(i, token);
      tokens_[i] = std::move(token);
    }
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (i + 1 < lines_.size())
        lines_[i].push_back(tokens_[i]);
      else if (tokens_[i].n != kNone)
        leave(tokens_[i]);
    }
    // A pixel counts once at the edge, and in the array for each PE beyond the first that takes it off the line.
    for (const std::uint64_t takers : takers_) count(Level::array, Operand::input).reads += takers > 0 ? takers - 1 : 0;
    tick(false);
  }

  // The pixel that the engines on channel q of the chain hear in this clock.
  std::int64_t call_pixel(std::int64_t q) {
    const std::int64_t at = clock_ - q * part_.latency(l_);
    if (at < 0 || at >= images_ * part_.pixels()) return kNone;
    const std::int64_t image = first_image_ + at / part_.pixels(), y = part_.y + at % part_.pixels() / part_.width, x = part_.x + at % part_.width;
    if (y < 0 || y >= l_.in_height || x < 0 || x >= l_.in_width) {
      ++outcome_.padding_words;
      return kNone;
    }
    const std::int64_t channel = channel_ + q;
    const std::int64_t index = ((image * l_.in_channels + group_ * l_.in_channels_per_group() + channel) * l_.in_height + y) * l_.in_width + x;
    ++count(Level::global, Operand::input).reads;
    ever_[static_cast<std::size_t>(index)] = 1;
    if (loaded_[static_cast<std::size_t>(index)] == 0) fetched(Operand::input, 1, a_.word_bits);
    loaded_[static_cast<std::size_t>(index)] = channel < pinned_channels_ ? 1 : 0;
    return index;
  }

  // A sum begins with each pixel that is the upper left corner of an output's window.
  Token begin_sum() {
    if (clock_ >= images_ * part_.pixels()) return {};
    const std::int64_t image = first_image_ + clock_ / part_.pixels(), y = clock_ % part_.pixels() / part_.width, x = clock_ % part_.width;
    if (y % l_.stride_height != 0 || x % l_.stride_width != 0) return {};
    if (y / l_.stride_height >= l_.out_height || x / l_.stride_width >= l_.out_width) return {};
    Token token{image * p_.pixels() + y / l_.stride_height * l_.out_width + x / l_.stride_width, {}};
    for (std::int64_t f = 0; f < filters_; ++f) token.sums.push_back(is_first_ ? 0 : read_back(token.n, f));
    return token;
  }

  Token take(std::size_t i) {
    Token token = std::move(lines_[i - 1].front());
    lines_[i - 1].pop_front();
    if (token.n == kNone) return token;
    count(Level::array, Operand::psum).reads += static_cast<std::uint64_t>(filters_);
    // Between the rows of an engine it came out of a delay line: a memory, written and read.
    const std::int64_t place = static_cast<std::int64_t>(i) % (part_.rows * part_.columns);
    if (place % part_.columns == 0 && place > 0) {
      count(Level::local, Operand::psum).writes += static_cast<std::uint64_t>(filters_);
      count(Level::local, Operand::psum).reads += static_cast<std::uint64_t>(filters_);
    }
    return token;
  }

  void add(std::size_t i, Token& token) {
    const std::int64_t taps = part_.rows * part_.columns, q = static_cast<std::int64_t>(i) / taps, k = reduction_index(static_cast<std::int64_t>(i));
    const std::int64_t index = called_[static_cast<std::size_t>(q)];
    assert(index == p_.input_index(group_, token.n, k));  // a sum meets its own pixel
    const std::int64_t pixel = index == kNone ? 0 : p_.input[static_cast<std::size_t>(index)];
    for (std::int64_t f = 0; f < filters_; ++f) {
      const std::int64_t weight = p_.weights[static_cast<std::size_t>(p_.weight_index(group_, k, filter_ + f))];
      token.sums[static_cast<std::size_t>(f)] = a_.accumulator.add(token.sums[static_cast<std::size_t>(f)], pixel, weight);
      ++outcome_.macs;
      ++takers_[static_cast<std::size_t>(q)];
      ++count(Level::local, Operand::weight).reads;
    }
  }

  // Of the i-th PE of the chain.
  std::int64_t reduction_index(std::int64_t i) const {
    const std::int64_t taps = part_.rows * part_.columns, row = part_.first_row + i % taps / part_.columns, column = part_.first_column + i % part_.columns;
    return ((channel_ + i / taps) * l_.kernel_height + row) * l_.kernel_width + column;
  }

  void leave(const Token& token) {
    for (std::int64_t f = 0; f < filters_; ++f) {
      const std::int64_t sum = token.sums[static_cast<std::size_t>(f)];
      if (!is_last_) {
        put_by(token.n, f, sum);
        continue;
      }
      const std::int64_t index = p_.output_index(group_, token.n, filter_ + f);
      output_[static_cast<std::size_t>(index)] = a_.accumulator.fit(p_.finished(group_, filter_ + f, sum));
      ++count(Level::global, Operand::output).writes;
      ++count(Level::dram, Operand::output).writes;
      stages_.back().flow_bits += static_cast<std::uint64_t>(a_.output_bits);
      finished_.push_back(index);
    }
  }

  // Sums wait in the output buffer from one pass to the next; those that find no place there wait outside.
  void put_by(std::int64_t of_batch, std::int64_t f, std::int64_t sum) {
    const std::int64_t n = of_batch - first_image_ * p_.pixels();
    ++count(Level::global, Operand::psum).writes;
    if (n * filters_ + f >= sums_that_wait_inside_) {
      ++count(Level::dram, Operand::psum).writes;
      stages_.back().flow_bits += static_cast<std::uint64_t>(a_.accumulator.bits);
    }
    waiting_[static_cast<std::size_t>(n * mapping_.filters + f)] = sum;
  }
  std::int64_t read_back(std::int64_t of_batch, std::int64_t f) {
    const std::int64_t n = of_batch - first_image_ * p_.pixels();
    ++count(Level::global, Operand::psum).reads;
    if (n * filters_ + f >= sums_that_wait_inside_) {
      ++count(Level::dram, Operand::psum).reads;
      stages_.back().flow_bits += static_cast<std::uint64_t>(a_.accumulator.bits);
    }
    return waiting_[static_cast<std::size_t>(n * mapping_.filters + f)];
  }

  // Pixels of these images that are never called out come along with their first pass: rows arrive whole.
  void untouched(std::size_t first_stage) {
    const std::int64_t plane = l_.in_height * l_.in_width, channels = l_.in_channels_per_group();
    for (std::size_t i = 0; i < ever_.size(); ++i) {
      const std::int64_t channel = static_cast<std::int64_t>(i) / plane % l_.in_channels - group_ * channels;
      const std::int64_t image = static_cast<std::int64_t>(i) / plane / l_.in_channels - first_image_;
      if (channel < 0 || channel >= channels || image < 0 || image >= images_ || ever_[i] != 0) continue;
      ++count(Level::dram, Operand::input).reads;
      stages_[first_stage].load_bits += static_cast<std::uint64_t>(a_.word_bits);
    }
  }

  void fetched(Operand operand, std::int64_t words, int bits) {
    count(Level::dram, operand).reads += static_cast<std::uint64_t>(words);
    stages_.back().load_bits += static_cast<std::uint64_t>(words) * static_cast<std::uint64_t>(bits);
  }

  void tick(bool loading) {
    ++outcome_.cycles;
    if (!observer_) return;
    observer_({outcome_.cycles, loading, [&](std::int64_t f, std::int64_t q, std::int64_t r, std::int64_t s) { return cell(loading, f, q, r, s); },
               loading ? std::span<const std::int64_t>() : finished_});
  }

  ChainCell cell(bool loading, std::int64_t f, std::int64_t q, std::int64_t r, std::int64_t s) const {
    if (loading || f >= filters_ || q >= channels_ || r >= part_.rows || s >= part_.columns) return {};
    const std::int64_t i = (q * part_.rows + r) * part_.columns + s, k = reduction_index(i);
    const Token& token = tokens_[static_cast<std::size_t>(i)];
    if (token.n == kNone) return {};
    const std::int64_t index = p_.input_index(group_, token.n, k);
    return {true,
            p_.output_index(group_, token.n, filter_ + f),
            k,
            index < 0 ? 0 : p_.input[static_cast<std::size_t>(index)],
            p_.weights[static_cast<std::size_t>(p_.weight_index(group_, k, filter_ + f))],
            token.sums[static_cast<std::size_t>(f)]};
  }

  Access& count(Level level, Operand operand) { return outcome_.accesses.at(level, operand); }

  const Accelerator& a_;
  const Problem& p_;
  const LayerSpec& l_;
  std::span<std::int64_t> output_;
  const ChainObserver& observer_;
  const BroadcastChainMapping mapping_;
  Outcome outcome_;
  std::vector<Stage> stages_;
  std::int64_t sums_that_wait_inside_ = 0, pinned_channels_ = 0, images_in_a_pass_ = 0;
  std::vector<std::uint8_t> loaded_, ever_;
  std::vector<std::int64_t> waiting_;

  std::vector<std::deque<Token>> lines_;  // behind each PE
  std::vector<Token> tokens_;             // in each PE
  std::vector<std::int64_t> called_;      // by channel of the chain
  std::vector<std::uint64_t> takers_;     // of them, in this clock
  std::vector<std::int64_t> finished_;
  BroadcastChainPart part_{};
  std::int64_t group_ = 0, first_image_ = 0, images_ = 0, filter_ = 0, filters_ = 0, channel_ = 0, channels_ = 0, clock_ = 0;
  bool is_first_ = false, is_last_ = false;
};

}  // namespace

Outcome run(const Accelerator& a, const BroadcastChainArray& array, const Problem& p, std::span<std::int64_t> output, const ChainObserver& observer) {
  return Array(a, array, p, output, observer).run();
}

}  // namespace convroof::spatial::stepping
