#include "backends/spatial/stepping/memory.h"

#include <set>

#include "backends/spatial/stepping/bus.h"

namespace convroof::spatial::stepping {

Memory::Memory(const Accelerator& accelerator, const SystolicArray& array, const Problem& problem, std::int64_t pixels, bool sweeps, Outcome& outcome)
    : a_(accelerator), p_(problem), policy_(accelerator, array, problem, pixels), sweeps_(sweeps), outcome_(outcome) {
  for (auto* marks : {&loaded_, &in_sweep_, &touched_, &in_window_}) marks->assign(p_.input.size(), 0);
}

void Memory::begin_group(std::int64_t group) {
  group_ = group;
  group_first_stage_ = stages_.size();
}

void Memory::begin_sweep() { std::ranges::fill(in_sweep_, std::uint8_t{0}); }

void Memory::begin_window() {
  window_first_stage_ = stages_.size();
  uses_ = 0;
  window_rows_.clear();
}

void Memory::begin_pass(std::int64_t rows) {
  stages_.emplace_back();
  window_rows_.push_back(static_cast<std::uint64_t>(rows));
}

void Memory::input_used(std::int64_t index) {
  const auto at = static_cast<std::size_t>(index);
  ++outcome_.accesses.at(Level::global, Operand::input).reads;
  touched_[at] = 1;
  if (channel_of(index) >= policy_.pinned_channels) ++uses_;
  if (in_window_[at] == 0) {
    in_window_[at] = 1;
    window_words_.push_back(index);
  }
}

void Memory::weights_loaded(std::uint64_t words) {
  outcome_.accesses.at(Level::dram, Operand::weight).reads += words;
  stages_.back().load_bits += words * static_cast<std::uint64_t>(a_.word_bits);
}

void Memory::biases_loaded(std::uint64_t words) {
  outcome_.accesses.at(Level::dram, Operand::psum).reads += words;
  stages_.back().load_bits += words * static_cast<std::uint64_t>(a_.accumulator.bits);
}

void Memory::psum_written_out() {
  ++outcome_.accesses.at(Level::dram, Operand::psum).writes;
  stages_.back().flow_bits += static_cast<std::uint64_t>(a_.accumulator.bits);
}

void Memory::psum_read_in() {
  ++outcome_.accesses.at(Level::dram, Operand::psum).reads;
  stages_.back().flow_bits += static_cast<std::uint64_t>(a_.accumulator.bits);
}

void Memory::output_written() {
  ++outcome_.accesses.at(Level::dram, Operand::output).writes;
  stages_.back().flow_bits += static_cast<std::uint64_t>(a_.accumulator.bits);
}

void Memory::end_pass(std::uint64_t clocks) { stages_.back().clocks = clocks; }

void Memory::end_window() {
  std::set<std::int64_t> channels;  // not pinned, in this window
  std::uint64_t pinned = 0, others = 0, others_new = 0;
  for (const std::int64_t index : window_words_) {
    const auto at = static_cast<std::size_t>(index);
    in_window_[at] = 0;
    const std::int64_t channel = channel_of(index);
    if (channel < policy_.pinned_channels) {
      if (loaded_[at] == 0) ++pinned;
      loaded_[at] = 1;
      continue;
    }
    channels.insert(channel);
    ++others;
    if (in_sweep_[at] == 0) ++others_new;
    in_sweep_[at] = 1;
  }
  window_words_.clear();
  std::uint64_t words = pinned;
  if (sweeps_ && policy_.window_fits(policy_.channels - policy_.pinned_channels))
    words += others_new;
  else if (sweeps_ ? static_cast<std::int64_t>(others) <= policy_.half_words : policy_.window_fits(static_cast<std::int64_t>(channels.size())))
    words += others;
  else
    words += uses_;
  outcome_.accesses.at(Level::dram, Operand::input).reads += words;
  // Evenly over the passes of the window, by the rows that each of them uses; a bit that is cut counts as a whole one.
  std::uint64_t rows = 0;
  for (const std::uint64_t r : window_rows_) rows += r;
  for (std::size_t pass = 0; pass < window_rows_.size(); ++pass)
    stages_[window_first_stage_ + pass].load_bits += (words * static_cast<std::uint64_t>(a_.word_bits) * window_rows_[pass] + rows - 1) / rows;
}

void Memory::end_group() {
  // Pixels that no window touches come along with the first fetch: rows arrive whole.
  std::uint64_t untouched = 0;
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    const std::int64_t channel = channel_of(static_cast<std::int64_t>(i));
    if (channel >= 0 && channel < policy_.channels && touched_[i] == 0) ++untouched;
  }
  outcome_.accesses.at(Level::dram, Operand::input).reads += untouched;
  stages_[group_first_stage_].load_bits += untouched * static_cast<std::uint64_t>(a_.word_bits);
}

std::uint64_t Memory::stall_clocks() const { return bus_stalls(a_.dram_bits_per_cycle, stages_); }

// Within the group; outside of it the number lies outside of 0 ... channels - 1.
std::int64_t Memory::channel_of(std::int64_t index) const {
  const std::int64_t plane = p_.layer.in_height * p_.layer.in_width;
  return index / plane % p_.layer.in_channels - group_ * policy_.channels;
}

}  // namespace convroof::spatial::stepping
