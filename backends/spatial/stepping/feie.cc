#include "backends/spatial/stepping/feie.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <set>
#include <vector>

#include "backends/spatial/stepping/bus.h"

namespace convroof::spatial::stepping {
namespace {

// An output of one filter, as a place in the map.
struct Place {
  std::int64_t image, y, x;
};

// Outputs of one row under which pixels stream without a cut; `first` counts within the segment.
struct Run {
  std::int64_t first, count;
};

// The sums of a segment, and what it streams.
struct Segment {
  std::vector<Place> places;
  std::vector<Run> runs;
};

// One pixel of a pass.
struct Pixel {
  std::int64_t index;   // into the input; -1: padding
  std::int64_t run;     // of the segment
  std::int64_t offset;  // from the first pixel of the run
  std::int16_t value;
  bool is_placeholder = false;  // a zero that is streamed only because an offset cannot reach further
};

// Hands out segments: outputs in raster order until the stores are full.
class Cutter {
 public:
  Cutter(const FeieArray& array, const FeieLayer& layer, std::int64_t batch, std::int64_t room) : array_(array), l_(layer), batch_(batch), room_(room) {}

  std::optional<Segment> next() {
    if (image_ == batch_) return std::nullopt;
    Segment s;
    while (image_ < batch_ && fits(s)) {
      const bool continues = !s.places.empty() && x_ > 0;
      if (!continues) s.runs.push_back({static_cast<std::int64_t>(s.places.size()), 0});
      ++s.runs.back().count;
      s.places.push_back({image_, y_, x_});
      if (++x_ == l_.out_width) x_ = 0, ++y_;
      if (y_ == l_.out_height) y_ = 0, ++image_;
    }
    return s;
  }

 private:
  bool fits(const Segment& s) const {
    const auto held = static_cast<std::int64_t>(s.places.size());
    if (array_.segments == Segments::unlimited) return true;
    if (held == room_) return false;
    if (array_.segments == Segments::raster || held == 0) return true;
    // A piece of a row begins at the row's start and after each full share; it goes in whole or not at all.
    const bool begins = x_ % room_ == 0;
    return !begins || held + std::min(room_, l_.out_width - x_) <= room_;
  }

  const FeieArray& array_;
  const FeieLayer& l_;
  const std::int64_t batch_, room_;
  std::int64_t image_ = 0, y_ = 0, x_ = 0;
};

// The PEs of some filters that take the same pixels: registers, accumulators, stores.
class Share {
 public:
  Share(const Accelerator& a, const FeieArray& array, const FeieLayer& layer, const FeieMode& mode, const Problem& p, Segment segment, std::int64_t group,
        std::int64_t first_filter, std::int64_t filters)
      : acc_(a.accumulator),
        array_(array),
        l_(layer),
        mode_(mode),
        p_(p),
        segment_(std::move(segment)),
        group_(group),
        first_filter_(first_filter),
        filters_(filters),
        ring_length_(mode.pes * layer.stride_x),
        ring_(static_cast<std::size_t>(ring_length_ * filters)),
        ring_offset_(static_cast<std::size_t>(ring_length_)),
        holds_(static_cast<std::size_t>(mode.pes), -1),
        sums_(static_cast<std::size_t>(mode.pes * filters)) {
    for (std::int64_t f = 0; f < filters_; ++f)
      for (std::size_t i = 0; i < segment_.places.size(); ++i) {
        const std::int64_t bias = p_.bias.empty() ? 0 : p_.bias[static_cast<std::size_t>(group_ * l_.filters + first_filter_ + f)];
        store_.push_back(acc_.fit(bias));
      }
  }

  const Segment& segment() const { return segment_; }
  std::int64_t first_filter() const { return first_filter_; }
  std::int64_t filters() const { return filters_; }
  std::int64_t sums_held() const { return static_cast<std::int64_t>(segment_.places.size()) * filters_; }

  // Loads the weights of a filter row and lines up the pixels under the segment.
  void begin_pass(std::int64_t channel, std::int64_t row) {
    channel_ = channel, row_ = row;
    for (std::int64_t place = 0; place < ring_length_; ++place) load_register(place, (ring_length_ - place) % ring_length_);
    stream_.clear(), next_ = 0;
    std::vector<Pixel> gap;  // zeros since the last pixel that is streamed
    for (std::size_t run = 0; run < segment_.runs.size(); ++run) {
      const Place& place = segment_.places[static_cast<std::size_t>(segment_.runs[run].first)];
      const std::int64_t y = place.y * l_.stride_y + row * l_.dilation_y - l_.pad_top;
      const std::int64_t span = (segment_.runs[run].count - 1) * l_.stride_x + l_.reach();
      for (std::int64_t offset = 0; offset < span; ++offset) {
        if (offset % l_.stride_x >= l_.reach() && !array_.streams_unused_pixels) continue;  // between windows
        const std::int64_t x = place.x * l_.stride_x + offset - l_.pad_left;
        const bool inside = y >= 0 && y < l_.in_height && x >= 0 && x < l_.in_width;
        const std::int64_t index =
            inside ? ((place.image * l_.groups * l_.channels + group_ * l_.channels + channel) * l_.in_height + y) * l_.in_width + x : -1;
        Pixel pixel{index, static_cast<std::int64_t>(run), offset, inside ? p_.input[static_cast<std::size_t>(index)] : std::int16_t{0}};
        if (!array_.skips_zeros) {
          stream_.push_back(pixel);
        } else if (pixel.value == 0) {
          gap.push_back(pixel);
        } else {
          const std::size_t reached = std::size_t{1} << array_.index_bits;
          for (std::size_t i = reached - 1; array_.index_bits > 0 && i < gap.size(); i += reached) {
            gap[i].is_placeholder = true;
            stream_.push_back(gap[i]);
          }
          gap.clear();
          stream_.push_back(pixel);
        }
      }
    }
    if (array_.pads_last_segment && !array_.skips_zeros && array_.segments != Segments::unlimited) {
      const std::int64_t empty = mode_.sums - static_cast<std::int64_t>(segment_.places.size());
      const std::int64_t step = array_.streams_unused_pixels ? l_.stride_x : std::min(l_.stride_x, l_.reach());
      for (std::int64_t i = 0; i < empty * step; ++i) stream_.push_back({-1, -1, 0, 0});
    }
  }

  bool has_pixels() const { return next_ < stream_.size(); }
  const Pixel& last_pixel() const { return stream_[next_ - 1]; }

  // One clock: the next pixel meets the weights. Returns the multiplications done.
  std::uint64_t step() {
    const Pixel& pixel = stream_[next_++];
    active_.assign(static_cast<std::size_t>(mode_.pes), false);
    if (pixel.run < 0 || pixel.is_placeholder) return 0;
    rotate_to(pixel.offset);
    const Run& run = segment_.runs[static_cast<std::size_t>(pixel.run)];
    std::uint64_t macs = 0;
    for (std::int64_t k = 0; k < mode_.pes; ++k) {
      const std::int64_t since = pixel.offset - k * l_.stride_x;  // pixels since PE k met its first
      if (since < 0) continue;
      const std::int64_t output = k + since / ring_length_ * mode_.pes;
      const std::int64_t within = ring_offset_[static_cast<std::size_t>(k * l_.stride_x)];
      assert(within == since % ring_length_);  // the register at this PE holds what its output waits for
      if (output >= run.count || within >= l_.reach() || within % l_.dilation_x != 0) continue;
      hold(k, run.first + output);
      const std::int16_t* weights = ring_.data() + k * l_.stride_x * filters_;
      std::int64_t* sums = sums_.data() + k * filters_;
      for (std::int64_t f = 0; f < filters_; ++f) sums[f] = acc_.add(sums[f], pixel.value, weights[f]);
      active_[static_cast<std::size_t>(k)] = true;
      macs += static_cast<std::uint64_t>(filters_);
    }
    return macs;
  }

  void end_pass() {
    for (std::int64_t k = 0; k < mode_.pes; ++k) hold(k, -1);
  }

  std::int64_t output_index(std::int64_t f, std::int64_t slot) const {
    const Place& place = segment_.places[static_cast<std::size_t>(slot)];
    return ((place.image * l_.groups * l_.filters + group_ * l_.filters + first_filter_ + f) * l_.out_height + place.y) * l_.out_width + place.x;
  }
  std::int64_t finished_value(std::int64_t sum) const { return p_.relu && sum < 0 ? 0 : sum; }
  void write_outputs(std::span<std::int64_t> output) const {
    for (std::int64_t f = 0; f < filters_; ++f)
      for (std::size_t i = 0; i < segment_.places.size(); ++i)
        output[static_cast<std::size_t>(output_index(f, static_cast<std::int64_t>(i)))] =
            finished_value(store_[static_cast<std::size_t>(f) * segment_.places.size() + i]);
  }

  FeieCell cell(std::int64_t f, std::int64_t k) const {
    if (!active_[static_cast<std::size_t>(k)]) return {};
    const std::int64_t tap = ring_offset_[static_cast<std::size_t>(k * l_.stride_x)] / l_.dilation_x;
    return {true,
            output_index(f, holds_[static_cast<std::size_t>(k)]),
            (channel_ * l_.rows + row_) * l_.taps + tap,
            last_pixel().value,
            ring_[static_cast<std::size_t>(k * l_.stride_x * filters_ + f)],
            sums_[static_cast<std::size_t>(k * filters_ + f)]};
  }

  // Outputs whose last pixel was this clock's. Looks ahead in the stream; for observers only.
  std::vector<FeieFinished> finished() const {
    std::vector<FeieFinished> list;
    for (std::int64_t k = 0; k < mode_.pes; ++k) {
      if (!active_[static_cast<std::size_t>(k)]) continue;
      const std::int64_t slot = holds_[static_cast<std::size_t>(k)], first = segment_.runs[static_cast<std::size_t>(last_pixel().run)].first;
      const std::int64_t begin = (slot - first) * l_.stride_x, end = begin + l_.reach();
      bool more = false;
      for (std::size_t i = next_; i < stream_.size() && stream_[i].run == last_pixel().run && stream_[i].offset < end; ++i)
        more = more || (!stream_[i].is_placeholder && (stream_[i].offset - begin) % l_.dilation_x == 0);
      if (more) continue;
      for (std::int64_t f = 0; f < filters_; ++f)
        list.push_back({output_index(f, slot), finished_value(sums_[static_cast<std::size_t>(k * filters_ + f)]), last_pixel().offset != end - 1});
    }
    return list;
  }

 private:
  void load_register(std::int64_t place, std::int64_t offset) {
    ring_offset_[static_cast<std::size_t>(place)] = offset;
    const bool has_weight = offset < l_.reach() && offset % l_.dilation_x == 0;
    for (std::int64_t f = 0; f < filters_; ++f) {
      const std::int64_t filter = group_ * l_.filters + first_filter_ + f;
      ring_[static_cast<std::size_t>(place * filters_ + f)] =
          has_weight ? p_.weights[static_cast<std::size_t>(((filter * l_.channels + channel_) * l_.rows + row_) * l_.taps + offset / l_.dilation_x)]
                     : std::int16_t{0};
    }
  }

  // The registers shift until the first PE sees the weight of this offset.
  void rotate_to(std::int64_t offset) {
    const std::int64_t distance = ((offset - ring_offset_[0]) % ring_length_ + ring_length_) % ring_length_;
    std::rotate(ring_.begin(), ring_.end() - distance * filters_, ring_.end());
    std::rotate(ring_offset_.begin(), ring_offset_.end() - distance, ring_offset_.end());
  }

  // PE k turns to another sum of its store (-1: none).
  void hold(std::int64_t k, std::int64_t slot) {
    std::int64_t& held = holds_[static_cast<std::size_t>(k)];
    if (held == slot) return;
    const auto outputs = static_cast<std::int64_t>(segment_.places.size());
    for (std::int64_t f = 0; f < filters_; ++f) {
      std::int64_t& sum = sums_[static_cast<std::size_t>(k * filters_ + f)];
      if (held >= 0) store_[static_cast<std::size_t>(f * outputs + held)] = sum;
      if (slot >= 0) sum = store_[static_cast<std::size_t>(f * outputs + slot)];
    }
    held = slot;
  }

  const Accumulator acc_;
  const FeieArray& array_;
  const FeieLayer& l_;
  const FeieMode& mode_;
  const Problem& p_;
  const Segment segment_;
  const std::int64_t group_, first_filter_, filters_;
  const std::int64_t ring_length_;
  std::vector<std::int16_t> ring_;         // [place][filter]; PE k looks at place k * stride
  std::vector<std::int64_t> ring_offset_;  // which pixel of a window the weight at this place belongs to
  std::vector<std::int64_t> holds_;        // [PE]: the sum it works on
  std::vector<std::int64_t> sums_;         // [PE][filter]: accumulators
  std::vector<std::int64_t> store_;        // [filter][sum]
  std::vector<bool> active_;
  std::vector<Pixel> stream_;
  std::size_t next_ = 0;
  std::int64_t channel_ = 0, row_ = 0;
};

class Machine {
 public:
  Machine(const Accelerator& a, const FeieArray& array, const Problem& p, std::span<std::int64_t> output, const FeieObserver& observer)
      : a_(a), array_(array), p_(p), l_(p.layer), mode_(array, l_), output_(output), observer_(observer) {}

  Outcome run() {
    outcome_.counts = {{"passes", 0}, {"segments", 0}, {"pe_clocks_mapped", 0}, {"pe_clocks_waiting", 0}};
    if (array_.index_bits > 0) outcome_.counts["index_bits"] = outcome_.counts["placeholders"] = 0;
    for (std::int64_t group = 0; group < l_.groups; ++group)
      for (std::int64_t f = 0; f < l_.filters; f += mode_.filters) block(group, f, std::min(mode_.filters, l_.filters - f));
    if (leaving_bits_ > 0) stages_.push_back({0, 0, leaving_bits_});
    outcome_.stall_cycles = bus_stalls(a_.dram_bits_per_cycle, stages_);
    if (array_.skips_zeros) outcome_.counts["macs_skipped"] = outputs_ * static_cast<std::uint64_t>(p_.k()) - outcome_.macs;
    return outcome_;
  }

 private:
  void block(std::int64_t group, std::int64_t first, std::int64_t filters) {
    new_biases_ = p_.bias.empty() ? 0 : static_cast<std::uint64_t>(filters);
    Cutter cutter(array_, l_, p_.batch, mode_.sums);
    // Packed: one filter of one segment after another until all PEs have work.
    const bool packed = array_.packs_ragged_filters && filters < mode_.filters;
    std::vector<Share> shares;
    std::int64_t taken = 0;
    while (auto segment = cutter.next()) {
      ++outcome_.counts["segments"];
      for (std::int64_t f = 0; f < filters;) {
        const std::int64_t count = packed ? std::min(filters - f, mode_.filters - taken) : filters;
        shares.emplace_back(a_, array_, l_, mode_, p_, *segment, group, first + f, count);
        f += count, taken += count;
        if (packed && taken < mode_.filters) continue;
        round(shares);
        shares.clear(), taken = 0;
      }
    }
    if (!shares.empty()) round(shares);
  }

  void round(std::vector<Share>& shares) {
    std::set<std::int64_t> filters;
    std::uint64_t pes = 0;
    for (const Share& share : shares) {
      for (std::int64_t f = 0; f < share.filters(); ++f) filters.insert(share.first_filter() + f);
      pes += static_cast<std::uint64_t>(share.filters() * mode_.pes);
    }
    outcome_.pe_active = std::max(outcome_.pe_active, pes);
    pes_in_use_ = pes;
    const std::uint64_t passes = static_cast<std::uint64_t>(l_.channels * l_.rows), leaving = leaving_bits_;
    std::uint64_t pass_number = 0;
    for (std::int64_t c = 0; c < l_.channels; ++c)
      for (std::int64_t r = 0; r < l_.rows; ++r, ++pass_number) {
        stages_.emplace_back();
        // The last round's results leave evenly while this one runs.
        stages_.back().flow_bits = leaving * (pass_number + 1) / passes - leaving * pass_number / passes;
        is_last_pass_ = pass_number + 1 == passes;
        pass(shares, filters.size(), c, r);
      }
    leaving_bits_ = 0;
    for (const Share& share : shares) {
      share.write_outputs(output_);
      const auto outputs = static_cast<std::uint64_t>(share.sums_held());
      count(Level::dram, Operand::output).writes += outputs;
      leaving_bits_ += outputs * static_cast<std::uint64_t>(a_.output_bits);
      outputs_ += outputs;
    }
  }

  void pass(std::vector<Share>& shares, std::size_t filters, std::int64_t channel, std::int64_t row) {
    const std::uint64_t weights = filters * static_cast<std::uint64_t>(l_.taps), before = outcome_.cycles;
    ++outcome_.counts["passes"];
    count(Level::dram, Operand::weight).reads += weights;
    stages_.back().load_bits += weights * static_cast<std::uint64_t>(a_.word_bits);
    count(Level::dram, Operand::psum).reads += new_biases_;
    stages_.back().load_bits += new_biases_ * static_cast<std::uint64_t>(a_.accumulator.bits);
    new_biases_ = 0;
    for (Share& share : shares) share.begin_pass(channel, row);
    const auto have_pixels = [&] { return std::ranges::any_of(shares, [](const Share& share) { return share.has_pixels(); }); };
    while (have_pixels()) {
      for (Share& share : shares) {
        if (!share.has_pixels()) {
          outcome_.counts["pe_clocks_waiting"] += static_cast<std::uint64_t>(share.filters() * mode_.pes);
          continue;
        }
        multiplied(share.step());
        took(share.last_pixel());
      }
      tick(shares.front(), true);
    }
    for (Share& share : shares) share.end_pass();
    // Words of weights come in one clock after the other; the registers are double, so only what outlasts the pass is waited for.
    if (array_.weight_words_per_clock > 0)
      while ((outcome_.cycles - before) * static_cast<std::uint64_t>(array_.weight_words_per_clock) < weights) tick(shares.front(), false);
    for (std::int64_t i = 0; i < array_.pass_overhead; ++i) tick(shares.front(), false);
    stages_.back().clocks = outcome_.cycles - before;
  }

  void took(const Pixel& pixel) {
    if (pixel.index < 0 && !array_.skips_zeros) {
      ++outcome_.padding_words;
      return;
    }
    ++count(Level::dram, Operand::input).reads;
    stages_.back().flow_bits += static_cast<std::uint64_t>(a_.word_bits + array_.index_bits);
    if (array_.index_bits > 0) outcome_.counts["index_bits"] += static_cast<std::uint64_t>(array_.index_bits);
    if (pixel.is_placeholder) ++outcome_.counts["placeholders"];
  }

  void multiplied(std::uint64_t macs) {
    outcome_.macs += macs;
    count(Level::array, Operand::weight).reads += macs;  // each weight has just come from a neighbouring register
    count(Level::local, Operand::input).reads += macs;
    count(Level::local, Operand::weight).reads += macs;
    count(Level::local, Operand::psum).reads += macs;
    count(Level::local, Operand::psum).writes += macs;
  }

  void tick(const Share& share, bool streaming) {
    ++outcome_.cycles;
    outcome_.counts["pe_clocks_mapped"] += pes_in_use_;
    if (!observer_) return;
    FeieClock clock;
    clock.number = outcome_.cycles;
    clock.filters = share.filters(), clock.pes = mode_.pes;
    std::vector<FeieFinished> finished;
    if (streaming) {
      const Pixel& pixel = share.last_pixel();
      clock.is_streaming = true;
      clock.pixel = pixel.index;
      clock.is_bubble = pixel.run > 0 && pixel.offset < l_.reach() - l_.stride_x;
      clock.cell = [&](std::int64_t f, std::int64_t k) { return share.cell(f, k); };
      if (is_last_pass_) finished = share.finished();
    } else {
      clock.cell = [](std::int64_t, std::int64_t) { return FeieCell{}; };
    }
    clock.finished = finished;
    observer_(clock);
  }
  Access& count(Level level, Operand operand) { return outcome_.accesses.at(level, operand); }

  const Accelerator& a_;
  const FeieArray& array_;
  const Problem& p_;
  const FeieLayer l_;
  const FeieMode mode_;
  std::span<std::int64_t> output_;
  const FeieObserver& observer_;
  Outcome outcome_;
  std::vector<Stage> stages_;
  std::uint64_t leaving_bits_ = 0, new_biases_ = 0, outputs_ = 0, pes_in_use_ = 0;
  bool is_last_pass_ = false;
};

}  // namespace

Outcome run(const Accelerator& accelerator, const FeieArray& array, const Problem& problem, std::span<std::int64_t> output, const FeieObserver& observer) {
  return Machine(accelerator, array, problem, output, observer).run();
}

}  // namespace convroof::spatial::stepping
