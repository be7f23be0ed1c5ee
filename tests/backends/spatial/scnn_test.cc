// SCNN and its dense counterpart: the stepping engines against the seven loops, the fast engines against the stepping ones in every field, and the laws.
#include "backends/spatial/fast/scnn.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backends/spatial/fast/bank_conflicts.h"
#include "backends/spatial/fast/dcnn.h"
#include "backends/spatial/model/energy.h"
#include "backends/spatial/stepping/dcnn.h"
#include "backends/spatial/stepping/scnn.h"
#include "tests/backends/spatial/random_layer.h"

namespace convroof::spatial {
namespace {

// Bandwidth, sums that saturate, wrap or lose bits.
Accelerator random_shared(RandomLayers& random) {
  Accelerator a;
  a.name = "random", a.clock_hz = 1e9;
  if (random.one_in(3)) a.accumulator.bits = a.output_bits = 16;
  if (random.one_in(6)) a.accumulator.overflow = Overflow::wrap;
  if (random.one_in(6)) a.accumulator.dropped_bits = static_cast<int>(random.between(1, 3));
  if (!random.one_in(4)) a.dram_bits_per_cycle = 0.7 * static_cast<double>(random.between(1, 400));
  return a;
}

Scnn random_scnn(RandomLayers& random) {
  Scnn a;
  a.pe_rows = random.between(1, 4), a.pe_columns = random.between(1, 4);
  a.weights = random.between(1, 4), a.inputs = random.between(1, 4);
  a.banks = random.one_in(2) ? 32 : random.between(1, 9), a.bank_entries = random.between(1, 64);
  a.index_bits = static_cast<int>(random.between(1, 4));
  a.contention = !random.one_in(3);
  a.neighbours = random.one_in(2) ? Neighbours::filters : Neighbours::taps;
  if (random.one_in(2)) a.input_ram_bytes = random.between(1, 60);
  if (random.one_in(2)) a.weight_fifo_vectors = random.between(1, 6);
  return a;
}

Dcnn random_dcnn(RandomLayers& random) {
  Dcnn a;
  a.pe_rows = random.between(1, 4), a.pe_columns = random.between(1, 4), a.lanes = random.between(1, 9);
  a.gates_zeros = random.one_in(2);
  return a;
}

// Any share of zeros in both operands, from none to all.
Sample random_sample(RandomLayers& random, std::int64_t reach) {
  Sample s = random.layer(reach);
  const auto thin = [&](std::vector<std::int16_t>& values) {
    const std::int64_t kept = random.between(0, 10);
    for (auto& x : values) x = random.between(1, 10) <= kept ? (x == 0 ? std::int16_t{1} : x) : std::int16_t{0};
  };
  thin(s.input), thin(s.weights);
  return s;
}

std::string described(const Scnn& a, const Accelerator& shared, const Sample& s) {
  return fmt::format("{}, {} banks of {}, {} index bits, contention {}, taps side by side {}, RAM {}, FIFO {}, {} bit/clock, {}-bit sums; batch {}, {}",
                     a.shape(), a.banks, a.bank_entries, a.index_bits, a.contention, a.neighbours == Neighbours::taps, a.input_ram_bytes.value_or(-1),
                     a.weight_fifo_vectors.value_or(-1), shared.dram_bits_per_cycle.value_or(-1), shared.accumulator.bits, s.batch, canonical_shape(s.layer));
}

std::uint64_t pairs_of_non_zeros(const Problem& p) {
  std::uint64_t pairs = 0;
  for (std::int64_t g = 0; g < p.layer.groups; ++g)
    for (std::int64_t n = 0; n < p.n(); ++n)
      for (std::int64_t k = 0; k < p.k(); ++k) {
        const std::int64_t i = p.input_index(g, n, k);
        if (i < 0 || p.input[static_cast<std::size_t>(i)] == 0) continue;
        for (std::int64_t m = 0; m < p.m(); ++m) pairs += p.weights[static_cast<std::size_t>(p.weight_index(g, k, m))] != 0 ? 1 : 0;
      }
  return pairs;
}

TEST(Scnn, both_engines_agree_in_every_field_and_output) {
  RandomLayers random(21);
  int flat = 0, strided = 0;
  for (int i = 0; i < 5000; ++i) {
    const Sample sample = random_sample(random, i % 3 == 0 ? 32768 : 9);
    const Accelerator shared = random_shared(random);
    const Scnn array = random_scnn(random);
    SCOPED_TRACE(described(array, shared, sample));
    if (!why_not(shared, array, sample.layer, sample.batch).empty()) continue;
    flat += ScnnPlan::is_flat(sample.layer) ? 1 : 0, strided += sample.layer.stride_height > 1 ? 1 : 0;
    const Problem p = sample.problem();
    std::vector<std::int64_t> stepped(sample.outputs(), 77), computed(sample.outputs(), 78);
    const Outcome step = stepping::run(shared, array, p, stepped);
    const Outcome fast = fast::count(shared, array, p, i % 50 == 0 ? 2 : 1);
    fast::compute(shared, array, p, computed, 1);
    ASSERT_EQ(differences(step, fast), "");
    ASSERT_TRUE(step == fast);
    ASSERT_EQ(computed, stepped);
    if (shared.accumulator.is_exact()) {
      ASSERT_EQ(stepped, plain_convolution(p));
    }
  }
  EXPECT_GT(flat, 300);
  EXPECT_GT(strided, 1000);
}

// Products as large as the sums may be, so that nearly every addition saturates or nearly does.
TEST(Scnn, sums_saturate_in_the_machines_order) {
  RandomLayers random(27);
  for (int i = 0; i < 2500; ++i) {
    Sample sample = random.layer(181, 2);
    Accelerator shared;
    shared.clock_hz = 1, shared.accumulator.bits = shared.output_bits = 16;
    Scnn array = random_scnn(random);
    array.index_bits = 1, array.bank_entries = 4096;
    array.pe_rows = array.pe_columns = 1;
    SCOPED_TRACE(described(array, shared, sample));
    const Problem p = sample.problem();
    std::vector<std::int64_t> stepped(sample.outputs(), 77), computed(sample.outputs(), 78);
    stepping::run(shared, array, p, stepped);
    fast::compute(shared, array, p, computed, 1);
    ASSERT_EQ(computed, stepped);
  }
}

TEST(Scnn, laws_hold) {
  RandomLayers random(22);
  for (int i = 0; i < 3000; ++i) {
    const Sample sample = random_sample(random, 9);
    const Accelerator shared = random_shared(random);
    const Scnn array = random_scnn(random);
    SCOPED_TRACE(described(array, shared, sample));
    if (!why_not(shared, array, sample.layer, sample.batch).empty()) continue;
    const Problem p = sample.problem();
    const Outcome o = fast::count(shared, array, p, 1);
    // Each product of two non-zeros that belongs to an output once, and nothing multiplied that is zero.
    ASSERT_EQ(o.counts.at("macs_useful"), pairs_of_non_zeros(p));
    ASSERT_GE(o.macs, o.counts.at("macs_useful"));
    ASSERT_LE(o.macs, o.cycles * static_cast<std::uint64_t>(array.multipliers()));
    ASSERT_LE(o.pe_active, static_cast<std::uint64_t>(array.multipliers()));
    ASSERT_EQ(o.accesses.writes(Level::dram, Operand::output), sample.outputs());
    // A sum that leaves its PE is read there; every sum is added to at least as often as it is sent.
    ASSERT_GE(o.accesses.reads(Level::local, Operand::psum), o.accesses.writes(Level::local, Operand::psum));
    if (!shared.dram_bits_per_cycle) {
      ASSERT_EQ(o.stall_cycles, 0u);
    }
    Scnn free = array;
    free.contention = false;
    const Outcome uncontended = fast::count(shared, free, p, 1);
    ASSERT_LE(uncontended.cycles, o.cycles);
    ASSERT_EQ(uncontended.counts.at("contention_clocks"), 0u);
  }
}

TEST(Scnn, without_contention_a_zero_never_raises_clocks) {
  RandomLayers random(23);
  for (int i = 0; i < 1500; ++i) {
    Sample sample = random_sample(random, 9);
    Accelerator shared = random_shared(random);
    Scnn array = random_scnn(random);
    array.contention = false;
    SCOPED_TRACE(described(array, shared, sample));
    if (!why_not(shared, array, sample.layer, sample.batch).empty()) continue;
    Outcome before = fast::count(shared, array, sample.problem(), 1);
    for (int zeros = 0; zeros < 8; ++zeros) {
      std::vector<std::int16_t>& values = random.one_in(2) ? sample.input : sample.weights;
      values[static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(values.size()) - 1))] = 0;
      const Outcome after = fast::count(shared, array, sample.problem(), 1);
      ASSERT_LE(after.cycles, before.cycles);
      ASSERT_LE(after.cycles + after.stall_cycles, before.cycles + before.stall_cycles);
      before = after;
    }
  }
}

TEST(Scnn, bandwidth_and_storage_never_cost) {
  RandomLayers random(24);
  for (int i = 0; i < 600; ++i) {
    const Sample sample = random_sample(random, 9);
    Accelerator shared = random_shared(random);
    Scnn array = random_scnn(random);
    SCOPED_TRACE(described(array, shared, sample));
    if (!why_not(shared, array, sample.layer, sample.batch).empty()) continue;
    std::uint64_t before = ~0ull;
    for (const double bits : {0.5, 3.3, 17.0, 64.0, 1e4, 1e9}) {
      shared.dram_bits_per_cycle = bits;
      const Outcome o = fast::count(shared, array, sample.problem(), 1);
      ASSERT_LE(o.stall_cycles, before);
      before = o.stall_cycles;
      const Accesses& x = o.accesses;
      const double moved =
          static_cast<double>(x.reads(Level::dram, Operand::input) + x.reads(Level::dram, Operand::weight)) * (shared.word_bits + array.index_bits) +
          static_cast<double>(x.writes(Level::dram, Operand::output)) * shared.output_bits;
      ASSERT_GE(static_cast<double>(o.cycles + o.stall_cycles) * bits, moved * 0.999999);
    }
    std::uint64_t words = ~0ull;
    for (const std::int64_t factor : {1, 2, 5, 20, 100, 1000}) {
      array.input_ram_bytes = 3 * factor, array.weight_fifo_vectors = factor;
      const Outcome o = fast::count(shared, array, sample.problem(), 1);
      ASSERT_LE(o.accesses.total(Level::dram), words);
      words = o.accesses.total(Level::dram);
    }
  }
}

// The paper's figure for fully connected layers: a quarter of the multipliers.
TEST(Scnn, a_dense_fully_connected_layer_runs_at_a_quarter_of_the_peak) {
  Sample s;
  s.layer.op = Op::fc, s.layer.in_channels = 32, s.layer.out_channels = 256;
  s.input.assign(32, 1), s.weights.assign(32 * 256, 1);
  Accelerator shared;
  shared.clock_hz = 1;
  const Outcome o = fast::count(shared, Scnn{}, s.problem(), 1);
  EXPECT_EQ(o.cycles, 32u);  // 4 filters a PE
  EXPECT_EQ(o.macs * 4, o.cycles * 1024);
}

// One PE of 2 x 2 multipliers, one channel of 1 x 3 pixels, two filters of 1 x 2.
TEST(Scnn, a_layer_counted_by_hand) {
  Sample s;
  s.layer.in_width = 3, s.layer.kernel_width = 2, s.layer.out_width = 2, s.layer.out_channels = 2;
  s.input = {1, 2, 3}, s.weights = {1, 10, 0, 100};
  Accelerator shared;
  shared.clock_hz = 1;
  Scnn a;
  a.pe_rows = a.pe_columns = 1, a.weights = a.inputs = 2, a.banks = 8;
  // Stored weights, filters side by side: (tap 0, filter 0), (tap 1, filters 0 and 1): 2 vectors. Inputs: 2 vectors. Sums: places 0..3 a filter (x - tap).
  // Banks of places x - tap + 2 x filter: {1, 2} x {tap 0 f0, tap 1 f0}: places 1, 0, 2, 1: one bank twice. The other pairs have one product a bank.
  const Outcome o = fast::count(shared, a, s.problem(), 1);
  EXPECT_EQ(o.cycles, 4u + 1u);
  EXPECT_EQ(o.counts.at("contention_clocks"), 1u);
  EXPECT_EQ(o.macs, 9u);
  EXPECT_EQ(o.counts.at("macs_useful"), 6u);
  std::vector<std::int64_t> output(4);
  fast::compute(shared, a, s.problem(), output, 1);
  EXPECT_EQ(output, (std::vector<std::int64_t>{21, 32, 200, 300}));
}

// Counted directly, for a number of banks that the compiler knows and one that it does not.
TEST(BankConflicts, equal_the_plain_count) {
  RandomLayers random(25);
  for (int i = 0; i < 400; ++i) {
    const std::int64_t banks = random.one_in(2) ? 32 : random.between(1, 256);
    std::vector<std::vector<std::int64_t>> weights, inputs;
    std::vector<fast::BankPattern> weight_patterns, input_patterns;
    for (auto [vectors, patterns] : {std::pair{&weights, &weight_patterns}, std::pair{&inputs, &input_patterns}}) {
      for (std::int64_t v = random.between(0, 9); v > 0; --v) {
        vectors->emplace_back();
        for (std::int64_t e = random.between(0, 15); e > 0; --e) vectors->back().push_back(random.between(-500, 500));
        patterns->emplace_back(vectors->back(), banks);
      }
      fast::merge(*patterns);
    }
    std::uint64_t expected = 0;
    for (const auto& w : weights)
      for (const auto& x : inputs) {
        std::vector<std::uint64_t> bank(static_cast<std::size_t>(banks), 0);
        for (const std::int64_t b : w)
          for (const std::int64_t c : x) ++bank[static_cast<std::size_t>(((b + c) % banks + banks) % banks)];
        expected += std::max<std::uint64_t>(1, *std::ranges::max_element(bank));
      }
    ASSERT_EQ(fast::crossbar_clocks(weight_patterns, input_patterns, banks), expected) << banks;
  }
}

TEST(Dcnn, both_engines_agree_and_laws_hold) {
  RandomLayers random(26);
  for (int i = 0; i < 4000; ++i) {
    const Sample sample = random_sample(random, i % 3 == 0 ? 32768 : 9);
    const Accelerator shared = random_shared(random);
    const Dcnn array = random_dcnn(random);
    SCOPED_TRACE(fmt::format("{}, gates {}; batch {}, {}", array.shape(), array.gates_zeros, sample.batch, canonical_shape(sample.layer)));
    const Problem p = sample.problem();
    std::vector<std::int64_t> stepped(sample.outputs(), 77), computed(sample.outputs(), 78);
    const Outcome step = stepping::run(shared, array, p, stepped);
    const Outcome fast = fast::count(shared, array, p, 1);
    fast::compute(shared, array, p, computed, 1);
    ASSERT_EQ(differences(step, fast), "");
    ASSERT_TRUE(step == fast);
    ASSERT_EQ(computed, stepped);
    if (shared.accumulator.is_exact()) {
      ASSERT_EQ(stepped, plain_convolution(p));
    }
    ASSERT_EQ(fast.macs, static_cast<std::uint64_t>(sample.batch * macs(sample.layer)));
    ASSERT_GE(fast.cycles * static_cast<std::uint64_t>(array.multipliers()), fast.macs);
    if (array.gates_zeros) {
      ASSERT_EQ(fast.macs - fast.macs_gated, pairs_of_non_zeros(p));
    }
  }
}

}  // namespace
}  // namespace convroof::spatial
