// Broadcast chains: the stepping engine against the seven loops, the fast engine against the stepping engine in every field, and the laws.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/model/energy.h"
#include "backends/spatial/stepping/families.h"
#include "tests/backends/spatial/accelerator_message.h"
#include "tests/backends/spatial/engine_laws.h"
#include "tests/backends/spatial/random_layer.h"
#include "workloads/checked.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

using ::testing::HasSubstr;

BroadcastChainArray& array_of(Accelerator& a) { return std::get<BroadcastChainArray>(a.array); }

// Engines smaller and larger than the filters, of fixed and of free shape; buffers and bandwidths from starving to absent.
Accelerator random_array(RandomLayers& random) {
  Accelerator a;
  a.name = a.title = "random";
  a.dataflow = "broadcast-chain";
  a.clock_hz = 1e9;
  if (random.one_in(2)) {
    a.accumulator.bits = random.one_in(2) ? 16 : 24;
    a.accumulator.overflow = random.one_in(4) ? Overflow::wrap : Overflow::saturate;
    if (random.one_in(4)) a.accumulator.dropped_bits = static_cast<int>(random.between(1, 6));
    a.accumulator.rounding = random.one_in(2) ? Rounding::nearest : Rounding::truncate;
  }
  a.output_bits = random.one_in(2) ? 16 : a.accumulator.bits;
  BroadcastChainArray array;
  if (random.one_in(3))
    array.pes = random.between(1, 40);
  else
    array.engines = random.between(1, 5), array.rows = random.between(1, 5), array.columns = random.between(1, 5);
  array.chain = random.one_in(2) ? 1 : random.between(1, array.pes > 0 ? 4 : array.engines);
  array.images = random.one_in(2) ? 0 : random.between(1, 3);
  array.buffers.is_double = !random.one_in(4);
  const auto bytes = [&](std::int64_t words, int bits) -> std::optional<std::int64_t> {
    if (random.one_in(4)) return std::nullopt;
    return 2 * words * bits / 8 * random.between(1, random.one_in(2) ? 10 : 300);
  };
  array.buffers.input_bytes = bytes(array.chain, a.word_bits);
  array.buffers.output_bytes = bytes(std::max<std::int64_t>(1, array.engines), a.accumulator.bits);
  a.array = array;
  if (!random.one_in(5))
    a.dram_bits_per_cycle = random.one_in(2) ? static_cast<double>(random.between(1, 300)) : 0.7 * static_cast<double>(random.between(1, 99));
  return a;
}

std::string described(const Accelerator& a, const Sample& s) {
  const auto& array = std::get<BroadcastChainArray>(a.array);
  return fmt::format("{}, chain {}, images {}, buffers {} {} double {}, {} bit/clock, sums of {} bits, batch {}, {}", array.shape(), array.chain, array.images,
                     array.buffers.input_bytes.value_or(-1), array.buffers.output_bytes.value_or(-1), array.buffers.is_double,
                     a.dram_bits_per_cycle.value_or(-1), a.accumulator.bits, s.batch, canonical_shape(s.layer));
}

TEST(BroadcastChain, both_engines_agree_in_every_field_and_output) {
  RandomLayers random(21);
  NarrowSums sums;
  std::vector<std::int64_t> output;
  for (int i = 0; i < 4000; ++i) {
    const Sample sample = random.layer(i % 3 == 0 ? 32768 : 9);
    const Accelerator a = random_array(random);
    SCOPED_TRACE(described(a, sample));
    ASSERT_NO_FATAL_FAILURE(expect_engines_agree(a, sample, output));
    ASSERT_NO_FATAL_FAILURE(sums.expect_plain_where_wide(a, sample, i % 3 != 0, output));
  }
  EXPECT_GT(sums.saturated(), 200);  // the narrow machines were really put to it
}

TEST(BroadcastChain, laws_hold) {
  RandomLayers random(22);
  for (int i = 0; i < 4000; ++i) {
    const Sample sample = random.layer(9);
    Accelerator a = random_array(random);
    SCOPED_TRACE(described(a, sample));
    const Problem p = sample.problem();
    const Outcome o = fast::count(a, p);
    ASSERT_NO_FATAL_FAILURE(expect_common_laws(a, o, static_cast<std::uint64_t>(sample.batch * macs(sample.layer))));
    const Accesses& x = o.accesses;
    // Each product takes a pixel off a line; one taker of each pixel is counted at the edge, and a stride may leave pixels without one.
    ASSERT_LT(x.reads(Level::array, Operand::input), o.macs);
    ASSERT_GE(x.reads(Level::array, Operand::input) + x.reads(Level::global, Operand::input) + o.padding_words, o.macs);
    ASSERT_EQ(x.reads(Level::local, Operand::weight), o.macs);
    // A sum comes to a PE from its predecessor or, at the head of a chain, from the buffer or from nothing.
    ASSERT_EQ(x.reads(Level::array, Operand::psum) + x.reads(Level::global, Operand::psum) + sample.outputs(), o.macs);
    ASSERT_EQ(x.reads(Level::global, Operand::psum), x.writes(Level::global, Operand::psum));
    const BroadcastChainArray& array = array_of(a);
    const std::int64_t loads = array.images == 0 ? 1 : ceil_div(sample.batch, std::min(array.images, sample.batch));
    ASSERT_EQ(x.reads(Level::dram, Operand::psum), x.writes(Level::dram, Operand::psum) + static_cast<std::uint64_t>(loads) * sample.bias.size());
    ASSERT_LE(x.writes(Level::dram, Operand::psum), x.writes(Level::global, Operand::psum));
    ASSERT_EQ(x.reads(Level::local, Operand::psum), x.writes(Level::local, Operand::psum));
    ASSERT_EQ(x.writes(Level::global, Operand::output), sample.outputs());
    ASSERT_NO_FATAL_FAILURE(expect_compulsory_traffic(sample, x));
    ASSERT_EQ(x.reads(Level::dram, Operand::weight), static_cast<std::uint64_t>(loads * weight_count(sample.layer)));
  }
}

TEST(BroadcastChain, stalls_fall_with_bandwidth_and_traffic_with_buffers) {
  RandomLayers random(23);
  for (int i = 0; i < 1500; ++i) {
    const Sample sample = random.layer(9);
    Accelerator a = random_array(random);
    SCOPED_TRACE(described(a, sample));
    const Problem p = sample.problem();
    ASSERT_NO_FATAL_FAILURE(expect_stalls_fall_with_bandwidth(a, p));
    a.dram_bits_per_cycle = static_cast<double>(random.between(1, 100));
    const auto enlarge = [](Accelerator& larger, std::int64_t factor) {
      BroadcastChainArray& array = array_of(larger);
      array.buffers.input_bytes = factor * 8 * array.chain, array.buffers.output_bytes = factor * 64;
    };
    ASSERT_NO_FATAL_FAILURE(expect_larger_buffers_never_cost(a, p, enlarge));
  }
}

TEST(BroadcastChain, everything_is_fetched_once_where_everything_fits) {
  RandomLayers random(24);
  for (int i = 0; i < 500; ++i) {
    const Sample sample = random.layer(9);
    Accelerator a = random_array(random);
    array_of(a).buffers = {};
    SCOPED_TRACE(described(a, sample));
    const Outcome o = fast::count(a, sample.problem());
    EXPECT_EQ(o.accesses.reads(Level::dram, Operand::input), static_cast<std::uint64_t>(sample.batch * input_elements(sample.layer)));
    EXPECT_EQ(o.accesses.writes(Level::dram, Operand::psum), 0u);
  }
}

// By hand: 4 x 4 pixels, 3 x 3 taps, 2 x 2 outputs, two channels, one engine.
TEST(BroadcastChain, a_layer_counted_by_hand) {
  Sample s;
  s.layer.in_channels = 2, s.layer.in_height = s.layer.in_width = 4, s.layer.kernel_height = s.layer.kernel_width = 3;
  s.layer.out_height = s.layer.out_width = 2;
  s.input.assign(32, 1), s.weights.assign(18, 1);
  Accelerator a;
  a.array = BroadcastChainArray{.engines = 1, .rows = 10, .columns = 10, .buffers = {}};
  Outcome o = fast::count(a, s.problem());
  EXPECT_EQ(o.cycles, 2u * (9 + 16));  // for each channel: load 9 weights, call out 16 pixels
  EXPECT_EQ(o.pe_active, 9u);
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::input), 32u);
  EXPECT_EQ(o.accesses.reads(Level::array, Operand::input), 2u * (36 - 16));  // 36 products; the first taker of a pixel is counted at the edge
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::psum), 4u);              // the sums wait once
  EXPECT_EQ(o.accesses.reads(Level::array, Operand::psum), 2u * 4 * 8);       // 8 hops through 9 PEs
  EXPECT_EQ(o.accesses.reads(Level::local, Operand::psum), 2u * 4 * 2);       // two row changes
  // Two engines, one behind the other: one pass, whose second engine starts when the first sum arrives, 2 rows of 4 pixels and 2 pixels later.
  a.array = BroadcastChainArray{.engines = 2, .rows = 10, .columns = 10, .chain = 2, .buffers = {}};
  o = fast::count(a, s.problem());
  EXPECT_EQ(o.cycles, 9u + 16 + (2 * 4 + 2 + 1));
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::psum), 0u);
  EXPECT_EQ(o.accesses.reads(Level::array, Operand::psum), 4u * 17);
  // An engine of 2 x 2 takes the filter in 4 parts.
  a.array = BroadcastChainArray{.engines = 1, .rows = 2, .columns = 2, .buffers = {}};
  o = fast::count(a, s.problem());
  EXPECT_EQ(o.cycles, 2u * ((4 + 9) + (2 + 6) + (2 + 6) + (1 + 4)));
}

const std::string kStart = "dataflow = \"broadcast-chain\"\nclock_hz = 1e9\nengines = 8\nrows = 10\ncolumns = 10\n";

TEST(BroadcastChain, mistakes_in_files_are_named) {
  EXPECT_EQ(message_of(kStart), "no error");
  EXPECT_EQ(message_of("dataflow = \"broadcast-chain\"\nclock_hz = 1e9\npes = 256\n"), "no error");
  EXPECT_THAT(message_of("dataflow = \"broadcast-chain\"\nclock_hz = 1e9\n"), HasSubstr("`engines` is missing; give it, as engines = 8, or give `pes`"));
  EXPECT_THAT(message_of(kStart + "pes = 4\n"), HasSubstr("mine.toml:3:11: `pes` lets engines take the filter's shape, `engines` fixes it"));
  EXPECT_THAT(message_of(kStart + "chain = 9\n"), HasSubstr("mine.toml:6:9: `chain` must not exceed the 8 engines, got `9`"));
  EXPECT_THAT(message_of(kStart + "[buffer.weight]\nbytes = 100\n"), HasSubstr("weights go straight into the PEs"));
  EXPECT_THAT(message_of(kStart + "[buffer.output]\nbytes = 100\n"), HasSubstr("mine.toml:7:9: the output buffer is smaller than one tile"));
}

}  // namespace
}  // namespace convroof::spatial
