#include "backends/spatial/stepping/no_local_reuse.h"

#include <algorithm>
#include <deque>
#include <vector>

#include "backends/spatial/stepping/bus.h"

namespace convroof::spatial::stepping {
namespace {

// Counts that both kinds of window share, and the outer memory's books.
class Machine {
 public:
  Machine(const Accelerator& shared, const NoLocalReuse& a, const Problem& p, std::span<std::int64_t> output, const NlrObserver& observer)
      : shared_(shared), a_(a), p_(p), loops_(a, p, shared.word_bits), skips_(a.skips(p.layer)), output_(output), observer_(observer) {
    lanes_.resize(static_cast<std::size_t>(a.lanes));
    if (skips_) o_.counts = {{"inputs_skipped", 0}, {"lane_wait_clocks", 0}, {"empty_brick_clocks", 0}};
  }

  Outcome run() {
    touched_.assign(p_.input.size(), 0);
    in_stage_.assign(p_.input.size(), 0);
    for (group_ = 0; group_ < p_.layer.groups; ++group_) {
      const std::size_t first_stage = stages_.size();
      for (first_filter_ = 0; first_filter_ < p_.m(); first_filter_ += a_.filters_at_once()) {
        active_ = std::min(a_.filters_at_once(), p_.m() - first_filter_);
        for (std::int64_t n = 0; n < p_.n(); n += loops_.tile) tile(n, std::min(p_.n(), n + loops_.tile));
      }
      end_group(first_stage);
    }
    o_.stall_cycles = bus_stalls(shared_.dram_bits_per_cycle, stages_);
    return o_;
  }

 private:
  void tile(std::int64_t n0, std::int64_t n1) {
    stages_.emplace_back();
    const std::uint64_t before = o_.cycles;
    distinct_ = uses_ = 0;
    o_.pe_active = std::max(o_.pe_active, static_cast<std::uint64_t>((skips_ ? used_lanes() : std::min(loops_.channels, a_.lanes)) * active_));
    waiting_.assign(static_cast<std::size_t>((n1 - n0) * active_), 0);
    if (n0 == 0 && !p_.bias.empty()) load(Operand::psum, active_, shared_.accumulator.bits);
    for (std::int64_t chunk = 0; chunk < loops_.chunks; ++chunk) {
      const std::int64_t first = chunk * loops_.steps_per_chunk, last = std::min(first + loops_.steps_per_chunk, loops_.taps * loops_.channel_steps);
      if (n0 == 0 || loops_.chunks > 1) load_weights(first, last);
      for (std::int64_t n = n0; n < n1; ++n) {
        sums_ = std::span(waiting_).subspan(static_cast<std::size_t>((n - n0) * active_), static_cast<std::size_t>(active_));
        n_ = n;
        if (chunk > 0) count(Level::global, Operand::psum).reads += sums_.size();
        if (skips_)
          skipping_window();
        else
          for (std::int64_t step = first; step < last; ++step) dense_step(step);
        if (chunk + 1 < loops_.chunks)
          count(Level::global, Operand::psum).writes += sums_.size();
        else
          finish();
      }
    }
    end_stage(o_.cycles - before);
  }

  void dense_step(std::int64_t step) {
    const std::int64_t tap = step / loops_.channel_steps, first_channel = step % loops_.channel_steps * a_.lanes;
    if (!a_.streams_padding && index_of(0, tap) < 0) return;
    for (std::int64_t lane = 0; lane < a_.lanes; ++lane) {
      NlrLane& l = lanes_[static_cast<std::size_t>(lane)];
      l = {};
      const std::int64_t channel = first_channel + lane;
      if (channel >= loops_.channels) continue;
      l.state = NlrLane::State::multiplies, l.k = channel * loops_.taps + tap;
      const std::int64_t index = index_of(channel, tap);
      if (index < 0) {
        ++o_.padding_words;
        continue;
      }
      take(index);
      ++count(Level::global, Operand::input).reads;
      l.input = p_.input[static_cast<std::size_t>(index)];
    }
    clock();
  }

  // A lane's way through one window.
  struct Walk {
    std::int64_t brick = 0;  // next one
    std::deque<NlrLane> pairs;
    bool done = false;
  };

  void skipping_window() {
    std::vector<Walk> walks(static_cast<std::size_t>(a_.lanes));
    for (;;) {
      bool all_done = true;
      for (std::int64_t lane = 0; lane < a_.lanes; ++lane) {
        NlrLane& l = lanes_[static_cast<std::size_t>(lane)];
        l = next_pair(lane, walks[static_cast<std::size_t>(lane)]);
        if (l.state != NlrLane::State::idle) all_done = false;
      }
      if (all_done) return;
      for (const NlrLane& l : lanes_) {
        if (l.state == NlrLane::State::idle) ++o_.counts["lane_wait_clocks"];
        if (l.state == NlrLane::State::empty_brick) ++o_.counts["empty_brick_clocks"];
        if (l.state == NlrLane::State::multiplies) ++count(Level::global, Operand::input).reads;
      }
      clock();
    }
  }

  NlrLane next_pair(std::int64_t lane, Walk& walk) {
    while (walk.pairs.empty()) {
      if (walk.done) return {};
      // Bricks run through the taps; a tap of more than a brick's channels takes several.
      const std::int64_t tap_group = walk.brick / loops_.bricks_per_tap, piece = walk.brick % loops_.bricks_per_tap;
      const std::int64_t first_tap = tap_group * loops_.taps_per_brick;
      if (first_tap >= loops_.taps) {
        walk.done = true;
        continue;
      }
      ++walk.brick;
      const std::int64_t first = lane * loops_.lane_channels + piece * a_.brick;
      const std::int64_t last = std::min({first + a_.brick, (lane + 1) * loops_.lane_channels, loops_.channels});
      std::int64_t places = 0;
      for (std::int64_t tap = first_tap; tap < std::min(first_tap + loops_.taps_per_brick, loops_.taps); ++tap)
        for (std::int64_t channel = first; channel < last; ++channel) {
          const std::int64_t index = index_of(channel, tap);
          if (index < 0) continue;
          ++places;
          take(index);
          const std::int16_t value = p_.input[static_cast<std::size_t>(index)];
          if (value == 0)
            ++o_.counts["inputs_skipped"];
          else
            walk.pairs.push_back({NlrLane::State::multiplies, channel * loops_.taps + tap, value});
        }
      if (places > 0 && walk.pairs.empty() && a_.empty_brick_clocks == 1) return {NlrLane::State::empty_brick, -1, 0};
    }
    const NlrLane pair = walk.pairs.front();
    walk.pairs.pop_front();
    return pair;
  }

  // All filters' trees add what their lanes multiply.
  void clock() {
    std::uint64_t multiplying = 0;
    for (const NlrLane& l : lanes_) multiplying += l.state == NlrLane::State::multiplies ? 1 : 0;
    for (std::int64_t f = 0; f < active_; ++f) {
      std::int64_t tree = 0;
      for (const NlrLane& l : lanes_) {
        if (l.state != NlrLane::State::multiplies) continue;
        ++count(Level::global, Operand::weight).reads;
        ++o_.macs;
        tree += shared_.accumulator.product(l.input, p_.weights[static_cast<std::size_t>(p_.weight_index(group_, l.k, first_filter_ + f))]);
      }
      std::int64_t& sum = sums_[static_cast<std::size_t>(f)];
      ++count(Level::local, Operand::psum).reads;
      sum = shared_.accumulator.fit(sum + tree);
      ++count(Level::local, Operand::psum).writes;
    }
    ++o_.cycles;
    if (observer_) observer_({o_.cycles, group_, n_, first_filter_, lanes_, sums_, finished_});
    finished_.clear();
  }

  void finish() {
    for (std::int64_t f = 0; f < active_; ++f) {
      const std::int64_t index = p_.output_index(group_, n_, first_filter_ + f);
      output_[static_cast<std::size_t>(index)] = p_.finished(group_, first_filter_ + f, sums_[static_cast<std::size_t>(f)]);
      ++count(Level::global, Operand::output).writes;
      ++count(Level::dram, Operand::output).writes;
      stages_.back().flow_bits += static_cast<std::uint64_t>(shared_.output_bits);
      finished_.push_back(index);
    }
  }

  std::int64_t used_lanes() const {
    std::int64_t used = 0;
    for (std::int64_t lane = 0; lane < a_.lanes; ++lane) used += lane * loops_.lane_channels < loops_.channels ? 1 : 0;
    return used;
  }
  std::int64_t index_of(std::int64_t channel, std::int64_t tap) const { return p_.input_index(group_, n_, channel * loops_.taps + tap); }
  Access& count(Level level, Operand operand) { return o_.accesses.at(level, operand); }

  void load(Operand operand, std::int64_t words, int bits) {
    count(Level::dram, operand).reads += static_cast<std::uint64_t>(words);
    stages_.back().load_bits += static_cast<std::uint64_t>(words) * static_cast<std::uint64_t>(bits);
  }
  void load_weights(std::int64_t first_step, std::int64_t last_step) {
    for (std::int64_t step = first_step; step < last_step; ++step)
      load(Operand::weight, std::min(a_.lanes, loops_.channels - step % loops_.channel_steps * a_.lanes) * active_, shared_.word_bits);
  }
  // An input goes from its buffer to the multipliers, or is looked at there.
  void take(std::int64_t index) {
    const auto at = static_cast<std::size_t>(index);
    touched_[at] = 1;
    ++uses_;
    if (in_stage_[at] != stages_.size()) {
      in_stage_[at] = stages_.size();
      ++distinct_;
    }
  }
  bool group_fits() const { return p_.batch * loops_.channels * p_.layer.in_height * p_.layer.in_width <= loops_.input_half_words; }
  void end_stage(std::uint64_t clocks) {
    stages_.back().clocks = clocks;
    if (!group_fits()) load(Operand::input, distinct_ <= loops_.input_half_words ? distinct_ : uses_, shared_.word_bits);
  }
  // What the buffer holds as a whole comes with the group's first stage; so do pixels that no window touches, since rows arrive whole.
  void end_group(std::size_t first_stage) {
    const std::int64_t plane = p_.layer.in_height * p_.layer.in_width;
    std::int64_t words = 0;
    for (std::size_t i = 0; i < touched_.size(); ++i)
      if (static_cast<std::int64_t>(i) / plane % p_.layer.in_channels / loops_.channels == group_ && (group_fits() || touched_[i] == 0)) ++words;
    count(Level::dram, Operand::input).reads += static_cast<std::uint64_t>(words);
    stages_[first_stage].load_bits += static_cast<std::uint64_t>(words) * static_cast<std::uint64_t>(shared_.word_bits);
  }

  const Accelerator& shared_;
  const NoLocalReuse& a_;
  const Problem& p_;
  const NlrLoops loops_;
  const bool skips_;
  std::span<std::int64_t> output_;
  const NlrObserver& observer_;
  Outcome o_;
  std::vector<Stage> stages_;
  std::vector<NlrLane> lanes_;
  std::vector<std::int64_t> waiting_;  // sums of the tile, by window and filter
  std::span<std::int64_t> sums_;       // of the window at work
  std::vector<std::int64_t> finished_;
  std::int64_t group_ = 0, first_filter_ = 0, active_ = 0, n_ = 0;
  std::vector<std::uint8_t> touched_;  // ever
  std::vector<std::size_t> in_stage_;  // number of the last stage that touched it
  std::int64_t distinct_ = 0, uses_ = 0;
};

}  // namespace

Outcome run(const Accelerator& shared, const NoLocalReuse& array, const Problem& problem, std::span<std::int64_t> output, const NlrObserver& observer) {
  return Machine(shared, array, problem, output, observer).run();
}

}  // namespace convroof::spatial::stepping
