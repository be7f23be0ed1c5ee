// Systolic arrays: the stepping engine against the seven loops, the fast engine against the stepping engine in every field, and the laws.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/families.h"
#include "backends/spatial/model/energy.h"
#include "backends/spatial/stepping/families.h"
#include "tests/backends/spatial/engine_laws.h"
#include "tests/backends/spatial/random_layer.h"

namespace convroof::spatial {
namespace {

constexpr Stationary kStationary[] = {Stationary::weight, Stationary::output, Stationary::input};

// Buffers from too small for a window to larger than the layer, and absent; bandwidths that starve the array and that do not.
Accelerator random_array(RandomLayers& random) {
  Accelerator a;
  a.name = a.title = "random";
  SystolicArray array;
  array.stationary = kStationary[random.between(0, 2)];
  array.rows = random.between(1, 6), array.columns = random.between(1, 6);
  a.clock_hz = 1e9;
  const auto bytes = [&](int bits) -> std::optional<std::int64_t> {
    if (random.one_in(4)) return std::nullopt;
    return 2 * array.rows * array.columns * bits / 8 * random.between(1, random.one_in(2) ? 4 : 40);
  };
  array.input_buffer_bytes = bytes(a.word_bits), array.weight_buffer_bytes = bytes(a.word_bits), array.output_buffer_bytes = bytes(a.accumulator.bits);
  a.array = array;
  if (!random.one_in(5))
    a.dram_bits_per_cycle = random.one_in(2) ? static_cast<double>(random.between(1, 300)) : 0.7 * static_cast<double>(random.between(1, 99));
  return a;
}

std::string described(const Accelerator& a, const Sample& s) {
  const SystolicArray& array = std::get<SystolicArray>(a.array);
  return fmt::format("stationary {} {}, buffers {} {} {}, {} bit/clock, batch {}, {}", static_cast<int>(array.stationary), array.shape(),
                     array.input_buffer_bytes.value_or(-1), array.weight_buffer_bytes.value_or(-1), array.output_buffer_bytes.value_or(-1),
                     a.dram_bits_per_cycle.value_or(-1), s.batch, canonical_shape(s.layer));
}

TEST(Systolic, both_engines_agree_in_every_field_and_output) {
  RandomLayers random(1);
  std::vector<std::int64_t> output;
  for (int i = 0; i < 6000; ++i) {
    const Sample sample = random.layer(i % 3 == 0 ? 32768 : 9);
    const Accelerator a = random_array(random);
    SCOPED_TRACE(described(a, sample));
    ASSERT_NO_FATAL_FAILURE(expect_engines_agree(a, sample, output));
    ASSERT_EQ(output, plain_convolution(sample.problem()));
  }
}

TEST(Systolic, laws_hold) {
  RandomLayers random(2);
  for (int i = 0; i < 4000; ++i) {
    const Sample sample = random.layer(9);
    const Accelerator a = random_array(random);
    SCOPED_TRACE(described(a, sample));
    const Problem p = sample.problem();
    const Outcome o = fast::count(a, p);
    const auto macs_inside = static_cast<std::uint64_t>(sample.batch * macs_valid(sample.layer));
    ASSERT_NO_FATAL_FAILURE(expect_common_laws(a, o, static_cast<std::uint64_t>(sample.batch * macs(sample.layer))));
    // Compulsory traffic, and nothing read inside that was not brought in.
    const Accesses& x = o.accesses;
    ASSERT_NO_FATAL_FAILURE(expect_compulsory_traffic(sample, x));
    ASSERT_EQ(x.writes(Level::global, Operand::output), sample.outputs());
    ASSERT_EQ(x.reads(Level::dram, Operand::psum), x.writes(Level::dram, Operand::psum) + sample.bias.size());
    ASSERT_EQ(x.reads(Level::global, Operand::psum), x.writes(Level::global, Operand::psum));
    ASSERT_EQ(x.reads(Level::local, Operand::weight), o.macs);
    // A streamed operand comes fresh for each product: from the edge (a buffer, or a padding zero) or from a neighbour.
    if (std::get<SystolicArray>(a.array).stationary != Stationary::input) {
      ASSERT_EQ(x.reads(Level::global, Operand::input) + o.padding_words + x.reads(Level::array, Operand::input), o.macs);
    }
    if (std::get<SystolicArray>(a.array).stationary != Stationary::weight) {
      ASSERT_EQ(x.reads(Level::global, Operand::weight) + x.reads(Level::array, Operand::weight), o.macs);
    }
    ASSERT_LE(x.reads(Level::global, Operand::input), macs_inside);  // padding is never fetched
  }
}

TEST(Systolic, stalls_fall_with_bandwidth_and_traffic_with_buffers) {
  RandomLayers random(3);
  for (int i = 0; i < 1500; ++i) {
    const Sample sample = random.layer(9);
    Accelerator a = random_array(random);
    SCOPED_TRACE(described(a, sample));
    const Problem p = sample.problem();
    ASSERT_NO_FATAL_FAILURE(expect_stalls_fall_with_bandwidth(a, p));
    a.dram_bits_per_cycle = static_cast<double>(random.between(1, 100));
    const auto enlarge = [](Accelerator& larger, std::int64_t factor) {
      SystolicArray& array = std::get<SystolicArray>(larger.array);
      array.input_buffer_bytes = array.weight_buffer_bytes = factor * 2 * array.rows * array.columns * 2,
      array.output_buffer_bytes = factor * 2 * array.columns * 8;
    };
    ASSERT_NO_FATAL_FAILURE(expect_larger_buffers_never_cost(a, p, enlarge));
  }
}

TEST(Systolic, everything_is_fetched_once_where_everything_fits) {
  RandomLayers random(4);
  for (int i = 0; i < 500; ++i) {
    const Sample sample = random.layer(9);
    Accelerator a = random_array(random);
    SystolicArray& array = std::get<SystolicArray>(a.array);
    array.input_buffer_bytes = array.weight_buffer_bytes = array.output_buffer_bytes = std::nullopt;
    SCOPED_TRACE(described(a, sample));
    const Outcome o = fast::count(a, sample.problem());
    EXPECT_EQ(o.accesses.reads(Level::dram, Operand::input), static_cast<std::uint64_t>(sample.batch * input_elements(sample.layer)));
    EXPECT_EQ(o.accesses.reads(Level::dram, Operand::weight), static_cast<std::uint64_t>(weight_count(sample.layer)));
    EXPECT_EQ(o.accesses.writes(Level::dram, Operand::psum), 0u);
  }
}

// By hand: 2 x 2 array, K = 3, M = 3, N = 4.
TEST(Systolic, a_layer_counted_by_hand) {
  Sample s;
  s.layer.in_channels = 3, s.layer.in_height = 1, s.layer.in_width = 4, s.layer.out_channels = 3, s.layer.out_height = 1, s.layer.out_width = 4;
  s.input = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, s.weights = {1, 0, 2, 0, 1, 0, 3, 3, 3};
  Accelerator a;
  a.clock_hz = 1;
  SystolicArray& array = std::get<SystolicArray>(a.array);
  array.rows = array.columns = 2;
  array.stationary = Stationary::weight;
  Outcome o = fast::count(a, s.problem());
  EXPECT_EQ(o.cycles, 2u * 2u * (4 + 2 * 2 + 2 - 2));
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::input), 3u * 4u * 2u);  // each of 12 inputs for each of 2 blocks of filters
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::weight), 9u);
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::psum), 12u);  // 4 pixels x 3 filters wait once
  EXPECT_EQ(o.accesses.reads(Level::array, Operand::input), 12u);  // only the full block of filters has a second column
  array.stationary = Stationary::output;
  o = fast::count(a, s.problem());
  EXPECT_EQ(o.cycles, 2u * 2u * (3 + 2 + 2 - 2));
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::weight), 9u * 2u);
  array.stationary = Stationary::input;
  o = fast::count(a, s.problem());
  EXPECT_EQ(o.cycles, 2u * 2u * (3 + 2 * 2 + 2 - 2));
  EXPECT_EQ(o.accesses.reads(Level::global, Operand::input), 12u);
  std::vector<std::int64_t> output(12);
  fast::exact_convolution(s.problem(), output, 1);
  EXPECT_EQ(output, (std::vector<std::int64_t>{19, 22, 25, 28, 5, 6, 7, 8, 45, 54, 63, 72}));
}

TEST(ExactConvolution, sums_that_leave_32_bits_stay_exact) {
  RandomLayers random(5);
  for (int i = 0; i < 40; ++i) {
    Sample s = random.layer(1);
    s.layer.in_channels = 300, s.layer.groups = 1, s.layer.op = Op::conv;
    s.input.assign(static_cast<std::size_t>(s.batch * input_elements(s.layer)), -32768);
    s.weights.assign(static_cast<std::size_t>(weight_count(s.layer)), i % 2 == 0 ? -32768 : 32767);
    std::vector<std::int64_t> output(s.outputs());
    fast::exact_convolution(s.problem(), output, 2);
    ASSERT_EQ(output, plain_convolution(s.problem())) << canonical_shape(s.layer);
  }
}

}  // namespace
}  // namespace convroof::spatial
