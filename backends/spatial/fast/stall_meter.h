// Memory stalls from stages, in a few operations each.
#pragma once

#include <cstdint>
#include <optional>

#include "backends/spatial/model/stage.h"

namespace convroof::spatial::fast {

// Clocks that the array waits for memory, from the stages of one group in order; the groups follow each other and are alike. With one group: all stages.
class StallMeter {
 public:
  explicit StallMeter(std::optional<double> bits_per_cycle) : rate_(bits_per_cycle) {}

  // `times` equal stages in a row.
  void add(const Stage& stage, std::int64_t times = 1) {
    if (!rate_) return;
    if (begun_)
      inside_ += beyond(last_, stage.load_bits);
    else
      first_load_ = stage.load_bits, begun_ = true;
    if (times > 1) inside_ += static_cast<std::uint64_t>(times - 1) * beyond(stage, stage.load_bits);
    last_ = stage;
  }
  // What was added since `mark()` again so many times. The stage before the mark equals the last one since.
  std::uint64_t mark() const { return inside_; }
  void repeat_since(std::uint64_t mark, std::int64_t times) { inside_ += static_cast<std::uint64_t>(times) * (inside_ - mark); }
  std::uint64_t of_groups(std::int64_t groups) const {
    if (!begun_) return 0;
    const auto count = static_cast<std::uint64_t>(groups);
    return clocks_for(first_load_) + count * inside_ + (count - 1) * beyond(last_, first_load_) + beyond(last_, 0);
  }

 private:
  // Clocks by which the bus outlasts the pass; it moves the pass's own results and the next pass's operands.
  std::uint64_t beyond(const Stage& stage, std::uint64_t next_load) const {
    const std::uint64_t bits = stage.flow_bits + next_load;
    if (static_cast<double>(stage.clocks) * *rate_ >= static_cast<double>(bits)) return 0;  // most: no division
    const std::uint64_t bus = clocks_for(bits);
    return bus > stage.clocks ? bus - stage.clocks : 0;
  }
  // The smallest number of clocks that moves so many bits. The division may be off by one unit in the last place; the product decides.
  std::uint64_t clocks_for(std::uint64_t bits) const {
    const auto wanted = static_cast<double>(bits);
    auto clocks = static_cast<std::uint64_t>(wanted / *rate_);
    while (clocks > 0 && static_cast<double>(clocks - 1) * *rate_ >= wanted) --clocks;
    while (static_cast<double>(clocks) * *rate_ < wanted) ++clocks;
    return clocks;
  }

  std::optional<double> rate_;
  bool begun_ = false;
  std::uint64_t first_load_ = 0, inside_ = 0;
  Stage last_;
};

}  // namespace convroof::spatial::fast
