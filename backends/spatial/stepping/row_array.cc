#include "backends/spatial/stepping/row_array.h"

#include <algorithm>
#include <cassert>
#include <set>

namespace convroof::spatial::stepping {

RowArray::RowArray(const RowStationaryArray& array, const LayerSpec& layer, const RowMapping& mapping, const Problem& problem, Outcome& outcome,
                   const RowObserver& observer)
    : array_(array), l_(layer), map_(mapping), p_(problem), o_(outcome), observer_(observer) {
  std::set<std::int64_t> columns;
  for (std::int64_t x = 0; x < l_.out_width; ++x)
    for (std::int64_t s = 0; s < l_.kernel_width; ++s) columns.insert(x * l_.stride_width + s * l_.dilation_width - l_.pad_left);
  columns_.assign(columns.begin(), columns.end());
}

std::uint64_t RowArray::run(const RowWork& work, BufferedSums& sums) {
  begin(work);
  const std::uint64_t before = o_.cycles;
  const std::int64_t windows = work.images.count * l_.out_width;
  while (window_ < windows) clock(&sums);
  // Nobody reads these sums before they have left.
  for (const Sum& sum : leaving_) sums.at(sum.image, sum.filter, sum.y, sum.x) = sum.value;
  climb_ = l_.kernel_height * channel_sets_.sets - 1;
  draining_ = std::ssize(leaving_), draining_as_ = work.last_channels ? Operand::output : Operand::psum;
  return o_.cycles - before;
}

void RowArray::finish() {
  while (climb_ > 0 || draining_ > 0) clock(nullptr);
}

std::int64_t RowArray::place(std::int64_t filter_set, std::int64_t channel_set, std::int64_t row, std::int64_t column) const {
  return ((filter_set * channel_sets_.sets + channel_set) * l_.kernel_height + row) * work_.out_rows.count + column;
}
std::int64_t RowArray::filters_of(std::int64_t set) const { return std::min(filter_sets_.each, work_.filters.count - set * filter_sets_.each); }
std::int64_t RowArray::channels_of(std::int64_t set) const { return std::min(channel_sets_.each, work_.channels.count - set * channel_sets_.each); }

void RowArray::begin(const RowWork& work) {
  work_ = work;
  filter_sets_ = Split(work.filters.count, map_.t), channel_sets_ = Split(work.channels.count, map_.r);
  std::set<std::int64_t> rows;
  for (std::int64_t j = 0; j < work.out_rows.count; ++j)
    for (std::int64_t i = 0; i < l_.kernel_height; ++i) rows.insert((work.out_rows.first + j) * l_.stride_height + i * l_.dilation_height - l_.pad_top);
  rows_.assign(rows.begin(), rows.end());
  slots_ = array_.input_words / channel_sets_.each + 1;  // one in the FIFO before the scratchpad
  const std::int64_t pes = filter_sets_.sets * channel_sets_.sets * l_.kernel_height * work.out_rows.count;
  o_.pe_active = std::max(o_.pe_active, static_cast<std::uint64_t>(pes));
  const auto pe_words = [&](std::int64_t words) { return static_cast<std::size_t>(pes * words); };
  weights_.assign(pe_words(filter_sets_.each * channel_sets_.each * l_.kernel_width), 0);
  inputs_.assign(pe_words(slots_ * channel_sets_.each), 0);
  sums_.assign(pe_words(filter_sets_.each), 0);
  weight_words_ = weights_left_ = l_.kernel_height * l_.kernel_width * work.channels.count * work.filters.count;
  entered_ = word_in_column_ = gone_ = window_ = slot_ = sums_to_fetch_ = 0;
  multiplying_ = false;
  fetched_.clear(), leaving_.clear();
  left_ = 0;
}

void RowArray::clock(BufferedSums* sums) {
  ++o_.cycles;
  o_.counts["pe_clocks_mapped"] += static_cast<std::uint64_t>(filter_sets_.sets * channel_sets_.sets * l_.kernel_height * work_.out_rows.count);
  now_ = {};
  now_.number = o_.cycles, now_.pass = work_.number;
  const bool drained = climb_ == 0 && draining_ == 0;
  drain();
  bool multiplies = false;
  if (sums != nullptr) {
    // A window begins when the weights and its last column have arrived, and the sums of the pass before have left, in the clocks before.
    if (!multiplying_ && drained && weights_left_ == 0 && column_of(l_.kernel_width - 1) < entered_) {
      multiplying_ = true, slot_ = 0;
      sums_to_fetch_ = work_.first_channels ? 0 : work_.filters.count * work_.out_rows.count;
      fetched_.clear();
    }
    load_weights();
    load_inputs();
    if (multiplying_) exchange(*sums);
    multiplies = multiplying_ && slot_ < slots_of_window();
    if (multiplies) multiply();
  }
  if (observer_) {
    now_.cell = [&](std::int64_t t, std::int64_t r, std::int64_t i, std::int64_t j) { return multiplies ? cell(t, r, i, j) : RowCell{}; };
    observer_(now_);
  }
  if (multiplies) end_slot();
  if (multiplying_ && slot_ == slots_of_window() && sums_to_fetch_ == 0 && left_ == std::ssize(leaving_)) end_window();
}

void RowArray::drain() {
  if (climb_ > 0) {
    --climb_;
    return;
  }
  for (std::int64_t word = 0; word < array_.psum_bus_words && draining_ > 0; ++word, --draining_) {
    ++o_.accesses.at(Level::global, draining_as_).writes;
    ++now_.sums_out;
  }
}

std::int64_t RowArray::slots_of_window() const { return filter_sets_.each * channel_sets_.each * l_.kernel_width; }

RowArray::Slot RowArray::slot() const {
  const std::int64_t of_tap = filter_sets_.each * channel_sets_.each;
  return {slot_ % filter_sets_.each, slot_ / filter_sets_.each % channel_sets_.each, slot_ / of_tap};
}

// Place of a tap's column in the stream, for the window that is next or being multiplied.
std::int64_t RowArray::column_of(std::int64_t tap) const {
  const std::int64_t x = window_ % l_.out_width * l_.stride_width + tap * l_.dilation_width - l_.pad_left;
  return window_ / l_.out_width * std::ssize(columns_) + (std::ranges::lower_bound(columns_, x) - columns_.begin());
}

// The first column that the window after this one needs.
std::int64_t RowArray::next_left() const {
  const std::int64_t next = window_ + 1, x = next % l_.out_width;
  const auto column = x == 0 ? columns_.begin() : std::ranges::lower_bound(columns_, x * l_.stride_width - l_.pad_left);
  return next / l_.out_width * std::ssize(columns_) + (column - columns_.begin());
}

// A column that no later window needs leaves when its tap has been multiplied for all filters and channels.
void RowArray::end_slot() {
  const std::int64_t tap = slot().tap;
  ++slot_;
  if (slot().tap != tap) gone_ = std::max(gone_, std::min(next_left(), column_of(tap) + 1));
}

void RowArray::load_weights() {
  for (std::int64_t word = 0; word < array_.weight_bus_words && weights_left_ > 0; ++word, --weights_left_) {
    const std::int64_t at = weight_words_ - weights_left_, taps = l_.kernel_height * l_.kernel_width;
    const std::int64_t filter = at / (work_.channels.count * taps), channel = at / taps % work_.channels.count, i = at / l_.kernel_width % l_.kernel_height,
                       s = at % l_.kernel_width;
    const std::int16_t value = p_.weights[static_cast<std::size_t>(
        p_.weight_index(work_.group, (work_.channels.first + channel) * taps + i * l_.kernel_width + s, work_.filters.first + filter))];
    ++o_.accesses.at(Level::global, Operand::weight).reads;
    ++now_.weights_in;
    for (std::int64_t j = 0; j < work_.out_rows.count; ++j) {
      const std::int64_t pe = place(filter / filter_sets_.each, channel / channel_sets_.each, i, j);
      const std::int64_t word_of_pe = (filter % filter_sets_.each * channel_sets_.each + channel % channel_sets_.each) * l_.kernel_width + s;
      weights_[static_cast<std::size_t>(pe * filter_sets_.each * channel_sets_.each * l_.kernel_width + word_of_pe)] = value;
      if (j > 0) ++o_.accesses.at(Level::array, Operand::weight).reads;
    }
  }
}

void RowArray::load_inputs() {
  const std::int64_t of_images = work_.images.count * std::ssize(columns_), in_column = std::ssize(rows_) * work_.channels.count;
  if (entered_ == of_images || entered_ >= gone_ + slots_) return;  // all are in, or no room
  for (std::int64_t word = 0; word < array_.input_bus_words && word_in_column_ < in_column; ++word, ++word_in_column_) {
    const std::int64_t channel = word_in_column_ / std::ssize(rows_), y = rows_[static_cast<std::size_t>(word_in_column_ % std::ssize(rows_))];
    const std::int64_t image = work_.images.first + entered_ / std::ssize(columns_), x = columns_[static_cast<std::size_t>(entered_ % std::ssize(columns_))];
    const std::int64_t plane = image * l_.in_channels + work_.group * l_.in_channels_per_group() + work_.channels.first + channel;
    std::int16_t value = 0;
    if (y < 0 || y >= l_.in_height || x < 0 || x >= l_.in_width) {
      ++o_.padding_words;
    } else {
      ++o_.accesses.at(Level::global, Operand::input).reads;
      value = p_.input[static_cast<std::size_t>((plane * l_.in_height + y) * l_.in_width + x)];
    }
    ++now_.inputs_in;
    std::uint64_t taken = 0;
    for (std::int64_t j = 0; j < work_.out_rows.count; ++j)
      for (std::int64_t i = 0; i < l_.kernel_height; ++i) {
        if ((work_.out_rows.first + j) * l_.stride_height + i * l_.dilation_height - l_.pad_top != y) continue;
        for (std::int64_t t = 0; t < filter_sets_.sets; ++t, ++taken) {
          const std::int64_t pe = place(t, channel / channel_sets_.each, i, j);
          inputs_[static_cast<std::size_t>((pe * slots_ + entered_ % slots_) * channel_sets_.each + channel % channel_sets_.each)] = value;
        }
      }
    assert(taken > 0);
    o_.accesses.at(Level::array, Operand::input).reads += taken - 1;
  }
  if (word_in_column_ == in_column) ++entered_, word_in_column_ = 0;
}

// Sums of the window before leave, earlier sums of this one come in.
void RowArray::exchange(BufferedSums& sums) {
  for (std::int64_t word = 0; word < array_.psum_bus_words && left_ < std::ssize(leaving_); ++word, ++left_) {
    const Sum& sum = leaving_[static_cast<std::size_t>(left_)];
    sums.at(sum.image, sum.filter, sum.y, sum.x) = sum.value;
    ++o_.accesses.at(Level::global, work_.last_channels ? Operand::output : Operand::psum).writes;
    ++now_.sums_out;
  }
  const std::int64_t all = work_.filters.count * work_.out_rows.count;
  for (std::int64_t word = 0; word < array_.psum_bus_words && sums_to_fetch_ > 0; ++word, --sums_to_fetch_) {
    const std::int64_t at = all - sums_to_fetch_;
    Sum sum{work_.images.first + window_ / l_.out_width, work_.filters.first + at / work_.out_rows.count, work_.out_rows.first + at % work_.out_rows.count,
            window_ % l_.out_width, 0};
    sum.value = sums.at(sum.image, sum.filter, sum.y, sum.x);
    fetched_.push_back(sum);
    ++o_.accesses.at(Level::global, Operand::psum).reads;
    ++now_.sums_in;
  }
}

// Every PE multiplies the same filter, channel and tap of its own; a set that has fewer filters or channels idles.
void RowArray::multiply() {
  const auto [filter, channel, s] = slot();
  const std::int64_t column = column_of(s);
  assert(column >= gone_ && column < entered_);
  const std::int64_t pe_weights = filter_sets_.each * channel_sets_.each * l_.kernel_width, pe_inputs = slots_ * channel_sets_.each;
  const std::int64_t weight_at = (filter * channel_sets_.each + channel) * l_.kernel_width + s, input_at = column % slots_ * channel_sets_.each + channel;
  std::uint64_t macs = 0, zeros = 0;
  for (std::int64_t t = 0; t < filter_sets_.sets; ++t) {
    if (filter >= filters_of(t)) continue;
    for (std::int64_t r = 0; r < channel_sets_.sets; ++r) {
      if (channel >= channels_of(r)) continue;
      const std::int64_t first = place(t, r, 0, 0), last = first + l_.kernel_height * work_.out_rows.count;
      for (std::int64_t pe = first; pe < last; ++pe) {
        const std::int64_t input = inputs_[static_cast<std::size_t>(pe * pe_inputs + input_at)];
        zeros += input == 0 ? 1 : 0;
        sums_[static_cast<std::size_t>(pe * filter_sets_.each + filter)] += input * weights_[static_cast<std::size_t>(pe * pe_weights + weight_at)];
      }
      macs += static_cast<std::uint64_t>(last - first);
    }
  }
  o_.macs += macs;
  if (array_.gates_zeros) o_.macs_gated += zeros;
  o_.accesses.at(Level::local, Operand::input).reads += macs;
  o_.accesses.at(Level::local, Operand::weight).reads += macs;
  o_.accesses.at(Level::local, Operand::psum).reads += macs;
  o_.accesses.at(Level::local, Operand::psum).writes += macs;
}

// The PEs of each column add up, from one to the next, on top of what the buffer had.
void RowArray::end_window() {
  leaving_.clear(), left_ = 0;
  for (std::int64_t f = 0; f < work_.filters.count; ++f)
    for (std::int64_t j = 0; j < work_.out_rows.count; ++j) {
      Sum sum{work_.images.first + window_ / l_.out_width, work_.filters.first + f, work_.out_rows.first + j, window_ % l_.out_width, 0};
      if (!work_.first_channels) sum.value = fetched_[leaving_.size()].value;
      for (std::int64_t r = 0; r < channel_sets_.sets; ++r)
        for (std::int64_t i = 0; i < l_.kernel_height; ++i) {
          std::int64_t& own = sums_[static_cast<std::size_t>(place(f / filter_sets_.each, r, i, j) * filter_sets_.each + f % filter_sets_.each)];
          sum.value += own;
          own = 0;
          if (r > 0 || i > 0) ++o_.accesses.at(Level::array, Operand::psum).reads;
        }
      leaving_.push_back(sum);
    }
  ++window_;
  multiplying_ = false;
}

RowCell RowArray::cell(std::int64_t t, std::int64_t r, std::int64_t i, std::int64_t j) const {
  RowCell c;
  const auto [filter, channel, s] = slot();
  if (t >= filter_sets_.sets || r >= channel_sets_.sets || i >= l_.kernel_height || j >= work_.out_rows.count) return c;
  if (filter >= filters_of(t) || channel >= channels_of(r)) return c;
  c.multiplies = true;
  c.image = work_.images.first + window_ / l_.out_width;
  c.filter = work_.group * l_.out_channels_per_group() + work_.filters.first + t * filter_sets_.each + filter;
  c.channel = work_.group * l_.in_channels_per_group() + work_.channels.first + r * channel_sets_.each + channel;
  c.y = work_.out_rows.first + j, c.x = window_ % l_.out_width, c.tap = s;
  const std::int64_t pe = place(t, r, i, j), column = column_of(s);
  c.input = inputs_[static_cast<std::size_t>((pe * slots_ + column % slots_) * channel_sets_.each + channel)];
  c.weight = weights_[static_cast<std::size_t>(((pe * filter_sets_.each + filter) * channel_sets_.each + channel) * l_.kernel_width + s)];
  c.sum = sums_[static_cast<std::size_t>(pe * filter_sets_.each + filter)];
  return c;
}

}  // namespace convroof::spatial::stepping
