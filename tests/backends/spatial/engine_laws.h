// What every family's tests ask of its two engines: that they agree, and the laws that hold whatever the dataflow. Each check fails the test that calls it;
// call it within ASSERT_NO_FATAL_FAILURE, after SCOPED_TRACE has named the case.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/model/energy.h"
#include "backends/spatial/stepping/families.h"
#include "tests/backends/spatial/random_layer.h"

namespace convroof::spatial {

// Both engines on one case: equal in every field, and in every output, of which `output` receives the stepping engine's.
inline void expect_engines_agree(const Accelerator& a, const Sample& sample, std::vector<std::int64_t>& output, int counting_threads = 1) {
  const Problem p = sample.problem();
  output.assign(sample.outputs(), 77);
  std::vector<std::int64_t> computed(sample.outputs(), 78);
  const Outcome step = stepping::run(a, p, output);
  const Outcome fast = fast::count(a, p, counting_threads);
  fast::compute(a, p, computed, 1);
  ASSERT_EQ(differences(step, fast), "");
  ASSERT_TRUE(step == fast);
  ASSERT_EQ(computed, output);
}

// Outputs of machines with narrow sums: the plain ones where the sums are exact, or wide enough for small numbers. Counts the cases that came out otherwise.
class NarrowSums {
 public:
  void expect_plain_where_wide(const Accelerator& a, const Sample& sample, bool small_numbers, const std::vector<std::int64_t>& output) {
    const std::vector<std::int64_t> exact = plain_convolution(sample.problem());
    if (a.accumulator.is_exact() || (small_numbers && a.accumulator.bits == 24 && a.accumulator.dropped_bits == 0)) {
      ASSERT_EQ(output, exact);
    } else {
      saturated_ += output != exact ? 1 : 0;
    }
  }
  int saturated() const { return saturated_; }

 private:
  int saturated_ = 0;
};

// So many multiplications, each once; no PE busier than always; and no stall without a bandwidth.
inline void expect_common_laws(const Accelerator& a, const Outcome& o, std::uint64_t expected_macs) {
  ASSERT_EQ(o.macs, expected_macs);
  ASSERT_GE(o.cycles * static_cast<std::uint64_t>(a.multipliers()), o.macs);
  ASSERT_LE(utilization(a, o), 1.0);
  ASSERT_LE(o.pe_active, static_cast<std::uint64_t>(a.multipliers()));
  if (!a.dram_bits_per_cycle) {
    ASSERT_EQ(o.stall_cycles, 0u);
  }
}

// Traffic of the outermost memory that no schedule avoids.
inline void expect_compulsory_traffic(const Sample& sample, const Accesses& x) {
  ASSERT_GE(x.reads(Level::dram, Operand::input), static_cast<std::uint64_t>(sample.batch * input_elements(sample.layer)));
  ASSERT_GE(x.reads(Level::dram, Operand::weight), static_cast<std::uint64_t>(weight_count(sample.layer)));
  ASSERT_EQ(x.writes(Level::dram, Operand::output), sample.outputs());
}

// Nothing is faster than its bus: the wider it is, the fewer the stalls, the array's own clocks stay, and all that is moved takes its time. `index_bits`:
// beside each input word. Returns the stalls at the widest, 1e9 bits a clock, in `last`.
inline void expect_stalls_fall_with_bandwidth(Accelerator a, const Problem& p, std::uint64_t* last = nullptr, int index_bits = 0) {
  const std::uint64_t cycles = fast::count(a, p).cycles;
  std::uint64_t before = ~0ull;
  for (const double bits : {0.5, 1.0, 3.3, 17.0, 64.0, 1e4, 1e9}) {
    a.dram_bits_per_cycle = bits;
    const Outcome o = fast::count(a, p);
    ASSERT_EQ(o.cycles, cycles);
    ASSERT_LE(o.stall_cycles, before);
    before = o.stall_cycles;
    const Accesses& x = o.accesses;
    const double moved = static_cast<double>(x.reads(Level::dram, Operand::input)) * (a.word_bits + index_bits) +
                         static_cast<double>(x.reads(Level::dram, Operand::weight)) * a.word_bits +
                         static_cast<double>(x.reads(Level::dram, Operand::psum) + x.writes(Level::dram, Operand::psum)) * a.accumulator.bits +
                         static_cast<double>(x.writes(Level::dram, Operand::output)) * a.output_bits;
    ASSERT_GE(static_cast<double>(o.cycles + o.stall_cycles) * bits, moved);
  }
  if (last != nullptr) *last = before;
}

// Larger buffers, never more words of the outermost memory nor more clocks. `enlarge(a, factor)` sets buffers of so many times their smallest.
inline void expect_larger_buffers_never_cost(Accelerator a, const Problem& p, const std::function<void(Accelerator&, std::int64_t)>& enlarge) {
  std::uint64_t words = ~0ull, clocks = ~0ull;
  for (const std::int64_t factor : {1, 2, 3, 5, 8, 20, 100, 1000}) {
    enlarge(a, factor);
    const Outcome o = fast::count(a, p);
    ASSERT_LE(o.accesses.total(Level::dram), words);
    ASSERT_LE(o.cycles + o.stall_cycles, clocks);
    words = o.accesses.total(Level::dram), clocks = o.cycles + o.stall_cycles;
  }
}

}  // namespace convroof::spatial
