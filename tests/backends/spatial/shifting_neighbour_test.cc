// Arrays of shifting neighbours: the stepping engine against the seven loops, the fast engine against the stepping engine in every field, and the laws.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/fast/shifting_neighbour.h"
#include "backends/spatial/model/energy.h"
#include "backends/spatial/stepping/families.h"
#include "tests/backends/spatial/accelerator_message.h"
#include "tests/backends/spatial/engine_laws.h"
#include "tests/backends/spatial/random_layer.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

using ::testing::HasSubstr;

ShiftingNeighbourArray& array_of(Accelerator& a) { return std::get<ShiftingNeighbourArray>(a.array); }

Accumulator random_accumulator(RandomLayers& random) {
  if (random.one_in(2)) return {};
  Accumulator sum;
  sum.bits = random.one_in(2) ? 16 : 24;
  sum.overflow = random.one_in(4) ? Overflow::wrap : Overflow::saturate;
  if (random.one_in(4)) sum.dropped_bits = static_cast<int>(random.between(1, 6));
  sum.rounding = random.one_in(2) ? Rounding::nearest : Rounding::truncate;
  return sum;
}

// Buffers from the smallest to larger than the layer, and absent; bandwidths that starve the array and that do not.
Accelerator random_array(RandomLayers& random) {
  Accelerator a;
  a.name = a.title = "random";
  a.dataflow = "shifting-neighbour";
  a.clock_hz = 1e9;
  a.accumulator = random_accumulator(random);
  a.output_bits = random.one_in(2) ? 16 : a.accumulator.bits;
  ShiftingNeighbourArray array;
  array.filters = random.one_in(2) ? 1 : random.between(1, 4);
  array.rows = random.between(1, 5), array.columns = random.between(1, 5);
  array.has_outer_memory = !random.one_in(6);
  array.outermost = static_cast<Outermost>(random.between(0, 3));
  array.keeps_weights = random.one_in(3);
  array.buffers.is_double = array.has_outer_memory && !random.one_in(4);
  const auto bytes = [&](std::int64_t words, int bits) -> std::optional<std::int64_t> {
    if (random.one_in(4)) return std::nullopt;
    return 2 * words * bits / 8 * random.between(1, random.one_in(2) ? 4 : 60);
  };
  array.buffers.input_bytes = bytes(array.rows * array.columns, a.word_bits);
  array.buffers.weight_bytes = bytes(array.filters, a.word_bits);
  array.buffers.output_bytes = bytes(array.multipliers(), a.output_bits);
  if (!array.has_outer_memory) array.buffers.input_bytes = array.buffers.weight_bytes = array.buffers.output_bytes = 1 << 20;
  a.array = array;
  if (array.has_outer_memory && !random.one_in(5))
    a.dram_bits_per_cycle = random.one_in(2) ? static_cast<double>(random.between(1, 300)) : 0.7 * static_cast<double>(random.between(1, 99));
  return a;
}

std::string described(const Accelerator& a, const Sample& s) {
  const auto& array = std::get<ShiftingNeighbourArray>(a.array);
  return fmt::format("{}, keeps weights {}, outermost {}, outer memory {}, buffers {} {} {} double {}, {} bit/clock, sums of {} bits, batch {}, {}",
                     array.shape(), array.keeps_weights, name_of(array.outermost), array.has_outer_memory, array.buffers.input_bytes.value_or(-1),
                     array.buffers.weight_bytes.value_or(-1), array.buffers.output_bytes.value_or(-1), array.buffers.is_double,
                     a.dram_bits_per_cycle.value_or(-1), a.accumulator.bits, s.batch, canonical_shape(s.layer));
}

TEST(ShiftingNeighbour, both_engines_agree_in_every_field_and_output) {
  RandomLayers random(11);
  NarrowSums sums;
  std::vector<std::int64_t> output;
  for (int i = 0; i < 6000; ++i) {
    const Sample sample = random.layer(i % 3 == 0 ? 32768 : 9);
    const Accelerator a = random_array(random);
    SCOPED_TRACE(described(a, sample));
    ASSERT_NO_FATAL_FAILURE(expect_engines_agree(a, sample, output));
    ASSERT_NO_FATAL_FAILURE(sums.expect_plain_where_wide(a, sample, i % 3 != 0, output));
  }
  EXPECT_GT(sums.saturated(), 300);  // the narrow machines were really put to it
}

TEST(ShiftingNeighbour, laws_hold) {
  RandomLayers random(12);
  for (int i = 0; i < 4000; ++i) {
    const Sample sample = random.layer(9);
    const Accelerator a = random_array(random);
    const auto& array = std::get<ShiftingNeighbourArray>(a.array);
    SCOPED_TRACE(described(a, sample));
    const Problem p = sample.problem();
    const Outcome o = fast::count(a, p);
    ASSERT_NO_FATAL_FAILURE(expect_common_laws(a, o, static_cast<std::uint64_t>(sample.batch * macs(sample.layer))));
    ASSERT_EQ(o.cycles, fast::shifting_neighbour_clocks(a, array, p));
    const Accesses& x = o.accesses;
    // An operand comes fresh for each product: from the edge (a buffer, or a padding zero), or from a neighbour or a line that others listen to.
    ASSERT_EQ(x.reads(Level::global, Operand::input) + o.padding_words + x.reads(Level::array, Operand::input), o.macs);
    ASSERT_EQ(x.reads(Level::global, Operand::weight) + x.reads(Level::array, Operand::weight), o.macs);
    ASSERT_EQ(x.reads(Level::local, Operand::psum), o.macs);
    // No block of filters reads an input from the buffer more often than its products need one, padding never.
    ASSERT_LE(x.reads(Level::global, Operand::input), static_cast<std::uint64_t>(sample.batch * macs_valid(sample.layer)));
    ASSERT_EQ(x.writes(Level::global, Operand::output), sample.outputs());
    ASSERT_EQ(x.writes(Level::global, Operand::psum) + x.writes(Level::dram, Operand::psum), 0u);  // sums stay
    if (!array.has_outer_memory) {
      ASSERT_EQ(x.total(Level::dram), 0u);
      ASSERT_EQ(o.stall_cycles, 0u);
      continue;
    }
    ASSERT_NO_FATAL_FAILURE(expect_compulsory_traffic(sample, x));
    ASSERT_EQ(x.reads(Level::dram, Operand::psum), sample.bias.size());
  }
}

TEST(ShiftingNeighbour, stalls_fall_with_bandwidth_and_traffic_with_buffers) {
  RandomLayers random(13);
  for (int i = 0; i < 1500; ++i) {
    const Sample sample = random.layer(9);
    Accelerator a = random_array(random);
    ShiftingNeighbourArray& array = array_of(a);
    array.has_outer_memory = true;
    SCOPED_TRACE(described(a, sample));
    const Problem p = sample.problem();
    ASSERT_NO_FATAL_FAILURE(expect_stalls_fall_with_bandwidth(a, p));
    // At a fixed mapping.
    if (array.outermost == Outermost::least) array.outermost = Outermost::images;
    array.keeps_weights = false;
    a.dram_bits_per_cycle = static_cast<double>(random.between(1, 100));
    const auto enlarge = [](Accelerator& larger, std::int64_t factor) {
      ShiftingNeighbourArray& same = array_of(larger);
      same.buffers.input_bytes = factor * 2 * same.rows * same.columns * 2, same.buffers.weight_bytes = factor * 2 * same.filters * 2;
    };
    ASSERT_NO_FATAL_FAILURE(expect_larger_buffers_never_cost(a, p, enlarge));
  }
}

TEST(ShiftingNeighbour, everything_is_fetched_once_where_everything_fits) {
  RandomLayers random(14);
  for (int i = 0; i < 500; ++i) {
    const Sample sample = random.layer(9);
    Accelerator a = random_array(random);
    array_of(a).buffers = {};
    array_of(a).has_outer_memory = true;
    SCOPED_TRACE(described(a, sample));
    const Outcome o = fast::count(a, sample.problem());
    EXPECT_EQ(o.accesses.reads(Level::dram, Operand::input), static_cast<std::uint64_t>(sample.batch * input_elements(sample.layer)));
    EXPECT_EQ(o.accesses.reads(Level::dram, Operand::weight), static_cast<std::uint64_t>(weight_count(sample.layer)));
  }
}

TEST(ShiftingNeighbour, the_better_order_is_taken) {
  RandomLayers random(15);
  int differ = 0;
  for (int i = 0; i < 1000; ++i) {
    const Sample sample = random.layer(9);
    Accelerator a = random_array(random);
    ShiftingNeighbourArray& array = array_of(a);
    array.has_outer_memory = true;
    SCOPED_TRACE(described(a, sample));
    const auto words = [&](Outermost outermost) {
      array.outermost = outermost;
      return fast::count(a, sample.problem()).accesses.total(Level::dram);
    };
    const std::uint64_t images = words(Outermost::images), strips = words(Outermost::strips), filters = words(Outermost::filters);
    ASSERT_EQ(words(Outermost::least), std::min({images, strips, filters}));
    differ += images != filters && images != strips ? 1 : 0;
  }
  EXPECT_GT(differ, 50);
}

// By hand: one channel of 4 x 4, 3 x 3 taps, 2 x 2 PEs: each input is read from the buffer once, 16 for 36 products.
TEST(ShiftingNeighbour, neighbours_hand_on_what_they_had) {
  Sample s;
  s.layer.in_height = s.layer.in_width = 4, s.layer.kernel_height = s.layer.kernel_width = 3, s.layer.out_height = s.layer.out_width = 2;
  s.input.assign(16, 1), s.weights.assign(9, 1);
  Accelerator a;
  a.array = ShiftingNeighbourArray{.rows = 2, .columns = 2, .buffers = {}};
  Outcome o = fast::count(a, s.problem());
  EXPECT_EQ(o.cycles, 9u);
  EXPECT_EQ(o.macs, 36u);
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::input), 16u);
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::weight), 9u);
  // A stride of 2 leaves only every other tap to a neighbour: outputs at 0 and 2 share one column of 5.
  s.layer.in_height = s.layer.in_width = 5, s.layer.stride_height = s.layer.stride_width = 2;
  s.input.assign(25, 1);
  o = fast::count(a, s.problem());
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::input), 25u);
  // A dilation of 2 at stride 1: the neighbour never had it.
  s.layer.in_height = s.layer.in_width = 6, s.layer.stride_height = s.layer.stride_width = 1, s.layer.dilation_height = s.layer.dilation_width = 2;
  s.input.assign(36, 1);
  o = fast::count(a, s.problem());
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::input), 36u);
}

// A fully connected layer: each PE has a filter of its own, the inputs are read once for all of them.
TEST(ShiftingNeighbour, one_output_pixel_spreads_filters_over_the_pes) {
  Sample s;
  s.layer.op = Op::fc, s.layer.in_channels = 30, s.layer.out_channels = 10;
  Accelerator a;
  a.array = ShiftingNeighbourArray{.rows = 2, .columns = 4, .buffers = {}};
  const Outcome o = fast::count(a, s.problem());
  EXPECT_EQ(o.cycles, 2u * 30u);
  EXPECT_EQ(o.pe_active, 8u);
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::input), 60u);
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::weight), 300u);
}

// Three products of 105 x 105 leave 16 bits by little: the vectorised exact sums must not be taken for them.
TEST(ShiftingNeighbour, sums_just_beyond_the_accumulator_saturate) {
  Sample s;
  s.layer.in_channels = 3;
  s.input.assign(3, 105), s.weights.assign(3, 105);
  Accelerator a;
  a.accumulator.bits = 16;
  a.array = ShiftingNeighbourArray{.rows = 1, .columns = 1, .buffers = {}};
  std::vector<std::int64_t> stepped(1), computed(1);
  stepping::run(a, s.problem(), stepped);
  fast::compute(a, s.problem(), computed, 1);
  EXPECT_EQ(stepped[0], 32767);
  EXPECT_EQ(computed[0], 32767);
  s.input.assign(3, 104);  // 32,760
  stepping::run(a, s.problem(), stepped);
  fast::compute(a, s.problem(), computed, 1);
  EXPECT_EQ(stepped[0], 32760);
  EXPECT_EQ(computed[0], 32760);
}

const std::string kStart = "dataflow = \"shifting-neighbour\"\nrows = 8\ncolumns = 8\nclock_hz = 1e9\n";

// 4 filters of 9 weights each do not fit 20 words: with keep_weights a pass takes 2 of them.
TEST(ShiftingNeighbour, kept_weights_limit_the_filters_of_a_pass) {
  Sample s;
  s.layer.out_channels = 4, s.layer.in_height = s.layer.in_width = 4, s.layer.kernel_height = s.layer.kernel_width = 3;
  s.layer.out_height = s.layer.out_width = 2;
  Accelerator a;
  ShiftingNeighbourArray array{.filters = 4, .rows = 1, .columns = 1, .outermost = Outermost::filters, .buffers = {}};
  array.buffers.weight_bytes = 40, array.buffers.is_double = false;
  a.array = array;
  Outcome o = fast::count(a, s.problem());
  EXPECT_EQ(o.cycles, 4u * 9u);
  EXPECT_EQ(o.accesses.reads(Level::dram, Operand::weight), 20u + 4u * 16u);  // 16 of 36 words come for each of 4 pixels
  array.keeps_weights = true;
  a.array = array;
  o = fast::count(a, s.problem());
  EXPECT_EQ(o.cycles, 2u * 4u * 9u);
  EXPECT_EQ(o.accesses.reads(Level::dram, Operand::weight), 36u);
}

TEST(ShiftingNeighbour, mistakes_in_files_are_named) {
  EXPECT_EQ(message_of(kStart), "no error");
  EXPECT_THAT(message_of("dataflow = \"shifting-neighbour\"\nclock_hz = 1\nrows = 8\n"), HasSubstr("`columns` is missing; give it, as columns = 8"));
  EXPECT_THAT(message_of("dataflow = \"shifting-neighbour\"\nclock_hz = 1\nrows = 0\n"), HasSubstr("mine.toml:3:8: `rows` must lie between 1 and 4096"));
  EXPECT_THAT(message_of(kStart + "outermost = \"filter\"\n"), HasSubstr("mine.toml:5:13: unknown loop `filter`; did you mean `filters`?"));
  EXPECT_THAT(message_of(kStart + "chain = 2\n"), HasSubstr("mine.toml:5:1"));
  EXPECT_THAT(message_of(kStart + "outer_memory = false\n"), HasSubstr("mine.toml:5:16: without outer memory all three buffers need a size"));
  EXPECT_THAT(message_of(kStart + "outer_memory = false\n[dram]\nbits_per_cycle = 8\n"), HasSubstr("contradict each other"));
  EXPECT_THAT(message_of(kStart + "[buffer.input]\nbytes = 255\n"),
              HasSubstr("mine.toml:6:9: the input buffer is smaller than one tile: both halves of 64 words of 16 bits need `256` bytes, got `255`"));
}

TEST(ShiftingNeighbour, layers_that_do_not_fit_are_refused_with_numbers) {
  const Accelerator a = parse_accelerator(
      kStart + "outer_memory = false\noutput_bits = 16\nbuffer = {input = {bytes = 1000}, weight = {bytes = 1000}, output = {bytes = 1000}}\n", "own.toml");
  LayerSpec l;
  l.in_height = l.in_width = l.out_height = l.out_width = 22;
  EXPECT_EQ(why_not(a, l, 1), "");
  EXPECT_EQ(why_not(a, l, 2),
            "own has no outer memory and the layer does not fit its buffers: inputs need 1936 bytes of 1000, outputs need 1936 bytes of 1000");
  const Accelerator outer = parse_accelerator(kStart + "[buffer.input]\nbytes = 256\n", "own.toml");
  l.kernel_height = l.kernel_width = 3, l.out_height = l.out_width = 20;
  EXPECT_THAT(why_not(outer, l, 1), HasSubstr("under one tile of a channel are 100 words, the working part of own's input buffer holds 64"));
}

}  // namespace
}  // namespace convroof::spatial
