// Machines without local reuse, dense and skipping zeros: the stepping engine against the seven loops, the fast engine against the stepping engine in every
// field, and the laws.
#include "backends/spatial/fast/no_local_reuse.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backends/spatial/model/energy.h"
#include "backends/spatial/stepping/no_local_reuse.h"
#include "tests/backends/spatial/random_layer.h"

namespace convroof::spatial {
namespace {

struct Machine {
  Accelerator shared;
  NoLocalReuse array;
};

Machine random_machine(RandomLayers& random) {
  Machine m;
  NoLocalReuse& a = m.array;
  a.lanes = random.between(1, 5), a.filters_per_unit = random.between(1, 3), a.units = random.between(1, 2);
  a.skips_zeros = !random.one_in(3);
  a.streams_padding = random.one_in(3);
  a.dense_below_channels = random.one_in(4) ? 3 : 0;
  a.brick = random.between(1, 6);
  a.empty_brick_clocks = random.between(0, 1);
  a.pixels_at_once = random.one_in(3) ? 0 : random.between(1, 20);
  if (!random.one_in(3)) a.input_buffer_bytes = 4 * a.lanes * random.between(1, random.one_in(2) ? 4 : 60);
  if (!random.one_in(3)) a.weight_buffer_bytes = 4 * a.multipliers() * random.between(1, 9);
  m.shared.name = "random", m.shared.clock_hz = 1e9;
  if (random.one_in(3)) m.shared.accumulator.bits = m.shared.output_bits = 16;
  if (random.one_in(6)) m.shared.accumulator.overflow = Overflow::wrap;
  if (random.one_in(6)) m.shared.accumulator.dropped_bits = static_cast<int>(random.between(1, 3)), m.shared.accumulator.rounding = Rounding::nearest;
  if (!random.one_in(4)) m.shared.dram_bits_per_cycle = 0.7 * static_cast<double>(random.between(1, 400));
  return m;
}

std::string described(const Machine& m, const Sample& s) {
  const NoLocalReuse& a = m.array;
  return fmt::format("{}, skips {}, streams {}, dense below {}, brick {}, empty {}, pixels {}, buffers {} {}, {} bit/clock, {}-bit sums; batch {}, {}",
                     a.shape(), a.skips_zeros, a.streams_padding, a.dense_below_channels, a.brick, a.empty_brick_clocks, a.pixels_at_once,
                     a.input_buffer_bytes.value_or(-1), a.weight_buffer_bytes.value_or(-1), m.shared.dram_bits_per_cycle.value_or(-1),
                     m.shared.accumulator.bits, s.batch, canonical_shape(s.layer));
}

// Any share of zeros, from none to all.
Sample random_sample(RandomLayers& random, std::int64_t reach) {
  Sample s = random.layer(reach);
  const std::int64_t kept = random.between(0, 10);
  for (auto& x : s.input) x = random.between(1, 10) <= kept ? (x == 0 ? std::int16_t{1} : x) : std::int16_t{0};
  return s;
}

std::uint64_t pairs_with_non_zero_input(const Problem& p) {
  std::uint64_t pairs = 0;
  for (std::int64_t g = 0; g < p.layer.groups; ++g)
    for (std::int64_t n = 0; n < p.n(); ++n)
      for (std::int64_t k = 0; k < p.k(); ++k)
        if (const std::int64_t i = p.input_index(g, n, k); i >= 0 && p.input[static_cast<std::size_t>(i)] != 0) pairs += static_cast<std::uint64_t>(p.m());
  return pairs;
}

TEST(NoLocalReuse, both_engines_agree_in_every_field_and_output) {
  RandomLayers random(11);
  for (int i = 0; i < 6000; ++i) {
    const Sample sample = random_sample(random, i % 3 == 0 ? 32768 : 9);
    const Machine m = random_machine(random);
    SCOPED_TRACE(described(m, sample));
    const Problem p = sample.problem();
    std::vector<std::int64_t> stepped(sample.outputs(), 77), computed(sample.outputs(), 78);
    const Outcome step = stepping::run(m.shared, m.array, p, stepped);
    const Outcome fast = fast::count(m.shared, m.array, p, i % 50 == 0 ? 2 : 1);
    fast::compute(m.shared, m.array, p, computed, 1);
    ASSERT_EQ(differences(step, fast), "");
    ASSERT_TRUE(step == fast);
    ASSERT_EQ(computed, stepped);
    if (m.shared.accumulator.is_exact()) {
      ASSERT_EQ(stepped, plain_convolution(p));
    }
  }
}

TEST(NoLocalReuse, laws_hold) {
  RandomLayers random(12);
  for (int i = 0; i < 3000; ++i) {
    const Sample sample = random_sample(random, 9);
    const Machine m = random_machine(random);
    SCOPED_TRACE(described(m, sample));
    const Problem p = sample.problem();
    const Outcome o = fast::count(m.shared, m.array, p, 1);
    const auto valid = static_cast<std::uint64_t>(sample.batch * macs_valid(sample.layer));
    // Each multiplication once.
    if (m.array.skips(sample.layer)) {
      ASSERT_EQ(o.macs, pairs_with_non_zero_input(p));
      ASSERT_LE(o.macs, valid);
      ASSERT_EQ(o.accesses.reads(Level::global, Operand::input) + o.counts.at("empty_brick_clocks") + o.counts.at("lane_wait_clocks"),
                o.cycles * static_cast<std::uint64_t>(m.array.lanes));
    } else {
      ASSERT_EQ(o.macs, m.array.streams_padding ? static_cast<std::uint64_t>(sample.batch * macs(sample.layer)) : valid);
    }
    ASSERT_GE(o.cycles * static_cast<std::uint64_t>(m.array.multipliers()), o.macs);
    ASSERT_LE(o.pe_active, static_cast<std::uint64_t>(m.array.multipliers()));
    const Accesses& x = o.accesses;
    ASSERT_GE(x.reads(Level::dram, Operand::input), static_cast<std::uint64_t>(sample.batch * input_elements(sample.layer)));
    ASSERT_GE(x.reads(Level::dram, Operand::weight), static_cast<std::uint64_t>(weight_count(sample.layer)));
    ASSERT_EQ(x.writes(Level::dram, Operand::output), sample.outputs());
    ASSERT_EQ(x.reads(Level::global, Operand::weight), o.macs);  // nothing is kept at a multiplier
    if (!m.shared.dram_bits_per_cycle) {
      ASSERT_EQ(o.stall_cycles, 0u);
    }
  }
}

TEST(NoLocalReuse, without_zeros_a_skipping_machine_takes_the_dense_ones_clocks) {
  RandomLayers random(13);
  for (int i = 0; i < 1500; ++i) {
    Sample sample = random.layer(9);
    for (auto& x : sample.input) x = x == 0 ? std::int16_t{1} : x;
    Machine m = random_machine(random);
    m.array.streams_padding = false, m.array.weight_buffer_bytes = std::nullopt;
    SCOPED_TRACE(described(m, sample));
    m.array.skips_zeros = true;
    const Outcome skipping = fast::count(m.shared, m.array, sample.problem(), 1);
    m.array.skips_zeros = false;
    const Outcome dense = fast::count(m.shared, m.array, sample.problem(), 1);
    ASSERT_EQ(skipping.cycles, dense.cycles);
    ASSERT_EQ(skipping.stall_cycles, dense.stall_cycles);
    ASSERT_EQ(skipping.macs, dense.macs);
    ASSERT_TRUE(skipping.accesses == dense.accesses);
  }
}

TEST(NoLocalReuse, a_zero_never_raises_clocks_and_bandwidth_never_costs) {
  RandomLayers random(14);
  for (int i = 0; i < 800; ++i) {
    Sample sample = random_sample(random, 9);
    Machine m = random_machine(random);
    SCOPED_TRACE(described(m, sample));
    Outcome before = fast::count(m.shared, m.array, sample.problem(), 1);
    for (int zeros = 0; zeros < 8; ++zeros) {
      sample.input[static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(sample.input.size()) - 1))] = 0;
      const Outcome after = fast::count(m.shared, m.array, sample.problem(), 1);
      ASSERT_LE(after.cycles, before.cycles);
      ASSERT_LE(after.cycles + after.stall_cycles, before.cycles + before.stall_cycles);
      ASSERT_LE(after.macs, before.macs);
      before = after;
    }
    std::uint64_t stalls = ~0ull;
    for (const double bits : {0.5, 3.3, 17.0, 64.0, 1e4, 1e9}) {
      m.shared.dram_bits_per_cycle = bits;
      const Outcome o = fast::count(m.shared, m.array, sample.problem(), 1);
      ASSERT_LE(o.stall_cycles, stalls);
      stalls = o.stall_cycles;
      // Nothing is faster than its bus.
      const Accesses& x = o.accesses;
      const double moved = static_cast<double>(x.reads(Level::dram, Operand::input) + x.reads(Level::dram, Operand::weight)) * m.shared.word_bits +
                           static_cast<double>(x.writes(Level::dram, Operand::output)) * m.shared.output_bits;
      ASSERT_GE(static_cast<double>(o.cycles + o.stall_cycles) * bits, moved * 0.999999);
    }
    std::uint64_t words = ~0ull;
    for (const std::int64_t factor : {1, 2, 5, 20, 100, 1000}) {
      m.array.input_buffer_bytes = 4 * m.array.lanes * factor, m.array.weight_buffer_bytes = 4 * m.array.multipliers() * factor;
      const Outcome o = fast::count(m.shared, m.array, sample.problem(), 1);
      ASSERT_LE(o.accesses.total(Level::dram), words);
      words = o.accesses.total(Level::dram);
    }
  }
}

// Two windows of two taps and three channels; two lanes of two and one channel; one filter.
TEST(NoLocalReuse, a_layer_counted_by_hand) {
  Sample s;
  s.layer.in_channels = 3, s.layer.in_width = 3, s.layer.kernel_width = 2, s.layer.out_width = 2;
  s.input = {1, 0, 2, 0, 0, 3, 4, 5, 0}, s.weights = {1, 10, 1, 10, 1, 10};
  Accelerator shared;
  shared.clock_hz = 1;
  NoLocalReuse a;
  a.lanes = 2, a.filters_per_unit = 1;
  EXPECT_EQ(fast::count(shared, a, s.problem(), 1).cycles, 2u * 2u * 2u);  // windows x taps x ceil(3 / 2)
  a.skips_zeros = true, a.brick = 4;
  // Window 0: lane 0 has {1, 0, 0, 0} in one brick, lane 1 has {4, 5}: 2 clocks. Window 1: {0, 0, 2, 3} and {5, 0}: 2 clocks.
  Outcome o = fast::count(shared, a, s.problem(), 1);
  EXPECT_EQ(o.cycles, 4u);
  EXPECT_EQ(o.macs, 6u);
  EXPECT_EQ(o.counts.at("lane_wait_clocks"), 2u);
  a.brick = 2;  // a brick a tap: one empty in lane 0 of window 0, one in each lane of window 1
  o = fast::count(shared, a, s.problem(), 1);
  EXPECT_EQ(o.cycles, 2u + 3u);
  EXPECT_EQ(o.counts.at("empty_brick_clocks"), 3u);
  std::vector<std::int64_t> output(2);
  fast::compute(shared, a, s.problem(), output, 1);
  EXPECT_EQ(output, (std::vector<std::int64_t>{1 + 4 + 50, 20 + 30 + 5}));
}

}  // namespace
}  // namespace convroof::spatial
