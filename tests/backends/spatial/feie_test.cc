// The Fast Efficient Inference Engine: stepping engine against the plain sums, fast engine against the stepping engine in every field, and the laws.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/fast/feie.h"
#include "backends/spatial/fast/ordered_convolution.h"
#include "backends/spatial/model/energy.h"
#include "backends/spatial/stepping/families.h"
#include "tests/backends/spatial/accelerator_message.h"
#include "tests/backends/spatial/engine_laws.h"
#include "tests/backends/spatial/random_layer.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

FeieArray& feie(Accelerator& a) { return std::get<FeieArray>(a.array); }

// Arrays from one PE to some dozens, so that segments, blocks and ragged ends all occur in small layers.
Accelerator random_engine(RandomLayers& random) {
  Accelerator a;
  a.name = a.title = "random";
  a.dataflow = "feie";
  a.clock_hz = 2e8;
  a.accumulator.bits = static_cast<int>(random.between(2, 4)) * 8;
  a.output_bits = 16;
  FeieArray array;
  array.tiles = random.between(1, 8), array.pes_per_tile = random.between(1, 7), array.sums_per_pe = random.between(1, random.one_in(3) ? 40 : 8);
  constexpr Segments kSegments[] = {Segments::raster, Segments::row, Segments::unlimited};
  array.segments = kSegments[random.between(0, 2)];
  array.pads_last_segment = random.one_in(4), array.packs_ragged_filters = random.one_in(3), array.streams_unused_pixels = random.one_in(3);
  array.pass_overhead = random.one_in(4) ? random.between(1, 3) : 0;
  array.weight_words_per_clock = random.one_in(4) ? random.between(1, 5) : 0;
  array.skips_zeros = random.one_in(2);
  array.index_bits = array.skips_zeros && random.one_in(2) ? static_cast<int>(random.between(1, 5)) : 0;
  a.array = array;
  if (random.one_in(2))
    a.dram_bits_per_cycle = random.one_in(2) ? static_cast<double>(random.between(1, 200)) : 0.7 * static_cast<double>(random.between(1, 99));
  return a;
}

std::string described(const Accelerator& a, const Sample& s) {
  const FeieArray& f = std::get<FeieArray>(a.array);
  return fmt::format(
      "{} x {} PEs, {} sums, segments {}, padded {}, packed {}, unused {}, overhead {}, weights {}, skips {}, index {}, {} bits, {} bit/clock, batch {}, {}",
      f.tiles, f.pes_per_tile, f.sums_per_pe, static_cast<int>(f.segments), f.pads_last_segment, f.packs_ragged_filters, f.streams_unused_pixels,
      f.pass_overhead, f.weight_words_per_clock, f.skips_zeros, f.index_bits, a.accumulator.bits, a.dram_bits_per_cycle.value_or(-1), s.batch,
      canonical_shape(s.layer));
}

// A sample and an engine that can run it.
std::pair<Sample, Accelerator> random_case(RandomLayers& random, std::int64_t reach) {
  for (;;) {
    Sample sample = random.layer(reach, random.between(1, 6));
    Accelerator a = random_engine(random);
    if (why_not(a, sample.layer, sample.batch).empty()) return {std::move(sample), std::move(a)};
  }
}

// The sums in the machine's order and width, one product at a time.
std::vector<std::int64_t> narrow_convolution(const Problem& p, const Accumulator& acc) {
  std::vector<std::int64_t> output(static_cast<std::size_t>(p.batch * output_elements(p.layer)));
  for (std::int64_t g = 0; g < p.layer.groups; ++g)
    for (std::int64_t n = 0; n < p.n(); ++n)
      for (std::int64_t m = 0; m < p.m(); ++m) {
        std::int64_t sum = acc.fit(p.bias.empty() ? 0 : p.bias[static_cast<std::size_t>(g * p.m() + m)]);
        for (std::int64_t k = 0; k < p.k(); ++k) {
          const std::int64_t i = p.input_index(g, n, k);
          if (i >= 0) sum = acc.add(sum, p.input[static_cast<std::size_t>(i)], p.weights[static_cast<std::size_t>(p.weight_index(g, k, m))]);
        }
        output[static_cast<std::size_t>(p.output_index(g, n, m))] = p.relu && sum < 0 ? 0 : sum;
      }
  return output;
}

TEST(Feie, both_engines_agree_in_every_field_and_output) {
  RandomLayers random(11);
  std::vector<std::int64_t> output;
  for (int i = 0; i < 6000; ++i) {
    const auto [sample, a] = random_case(random, i % 3 == 0 ? 32768 : 9);
    SCOPED_TRACE(described(a, sample));
    const Problem p = sample.problem();
    ASSERT_NO_FATAL_FAILURE(expect_engines_agree(a, sample, output, 1 + i % 2));
    ASSERT_EQ(output, narrow_convolution(p, a.accumulator));
    // Small numbers meet no end: the sums are the plain ones.
    if (i % 3 != 0) {
      ASSERT_EQ(output, plain_convolution(p));
    }
  }
}

TEST(Feie, laws_hold) {
  RandomLayers random(12);
  for (int i = 0; i < 3000; ++i) {
    auto [sample, a] = random_case(random, 9);
    SCOPED_TRACE(described(a, sample));
    const Problem p = sample.problem();
    const Outcome o = fast::count(a, p);
    const Accesses& x = o.accesses;
    const auto dense = static_cast<std::uint64_t>(sample.batch * macs(sample.layer));
    if (feie(a).skips_zeros) {
      std::uint64_t nonzero = 0;
      for (std::int64_t g = 0; g < p.layer.groups; ++g)
        for (std::int64_t n = 0; n < p.n(); ++n)
          for (std::int64_t k = 0; k < p.k(); ++k) {
            const std::int64_t at = p.input_index(g, n, k);
            nonzero += at >= 0 && p.input[static_cast<std::size_t>(at)] != 0 ? 1 : 0;
          }
      ASSERT_EQ(o.macs, nonzero * static_cast<std::uint64_t>(p.m()));
      ASSERT_EQ(o.macs + o.counts.at("macs_skipped"), dense);
    } else {
      ASSERT_EQ(o.macs, dense);  // each once, padding taps too
    }
    ASSERT_NO_FATAL_FAILURE(expect_common_laws(a, o, o.macs));
    ASSERT_EQ(x.writes(Level::dram, Operand::output), sample.outputs());
    ASSERT_EQ(x.reads(Level::dram, Operand::psum), sample.bias.size());
    ASSERT_GE(x.reads(Level::dram, Operand::weight), static_cast<std::uint64_t>(weight_count(sample.layer)));
    ASSERT_EQ(x.reads(Level::local, Operand::psum) + x.writes(Level::local, Operand::psum), 2 * o.macs);
    // One pixel a clock: what is streamed takes its clocks.
    if (!feie(a).packs_ragged_filters && feie(a).weight_words_per_clock == 0) {
      ASSERT_EQ(o.cycles, x.reads(Level::dram, Operand::input) + o.padding_words + o.counts.at("passes") * static_cast<std::uint64_t>(feie(a).pass_overhead));
    }
  }
}

TEST(Feie, a_further_zero_never_costs_a_clock) {
  RandomLayers random(13);
  for (int i = 0; i < 1500; ++i) {
    auto [sample, a] = random_case(random, 9);
    SCOPED_TRACE(described(a, sample));
    std::uint64_t before = ~0ull;
    for (int zeros = 0; zeros < 6; ++zeros) {
      const Outcome o = fast::count(a, sample.problem());
      ASSERT_LE(o.cycles, before);
      if (!feie(a).skips_zeros && zeros > 0) {
        ASSERT_EQ(o.cycles, before);
      }
      before = o.cycles;
      for (int n = 0; n < 3; ++n) sample.input[static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(sample.input.size()) - 1))] = 0;
    }
    std::ranges::fill(sample.input, std::int16_t{0});
    feie(a).pass_overhead = feie(a).weight_words_per_clock = 0;
    if (feie(a).skips_zeros) {
      ASSERT_EQ(fast::count(a, sample.problem()).cycles, 0u);
    }
  }
}

// Without zeros the skipping machine is the dense one, less the padding that it does not stream.
TEST(Feie, no_zeros_equals_dense) {
  RandomLayers random(14);
  for (int i = 0; i < 2000; ++i) {
    auto [sample, a] = random_case(random, 9);
    SCOPED_TRACE(described(a, sample));
    for (std::int16_t& v : sample.input) v = v == 0 ? std::int16_t{1} : v;
    FeieArray& array = feie(a);
    array.index_bits = 0, array.weight_words_per_clock = 0, array.pads_last_segment = false, array.packs_ragged_filters = false;
    array.skips_zeros = false;
    Outcome dense = fast::count(a, sample.problem());
    array.skips_zeros = true;
    Outcome sparse = fast::count(a, sample.problem());
    EXPECT_EQ(sparse.counts.at("macs_skipped"), dense.macs - sparse.macs);
    ASSERT_EQ(sparse.cycles + dense.padding_words, dense.cycles);
    ASSERT_EQ(sparse.accesses.at(Level::dram, Operand::input), dense.accesses.at(Level::dram, Operand::input));
    if (sample.layer.pad_top + sample.layer.pad_bottom + sample.layer.pad_left + sample.layer.pad_right > 0) continue;
    sparse.counts.erase("macs_skipped");
    ASSERT_EQ(differences(sparse, dense), "");
    // No numbers at all: none is zero.
    Problem shape = sample.problem();
    shape.input = {};
    ASSERT_EQ(fast::count(a, shape).cycles, dense.cycles);
  }
}

TEST(Feie, stalls_fall_with_bandwidth) {
  RandomLayers random(15);
  for (int i = 0; i < 1500; ++i) {
    auto [sample, a] = random_case(random, 9);
    SCOPED_TRACE(described(a, sample));
    const Problem p = sample.problem();
    std::uint64_t before = 0;
    ASSERT_NO_FATAL_FAILURE(expect_stalls_fall_with_bandwidth(a, p, &before, feie(a).index_bits));
    // However wide the bus: the first weights take a clock, the last results take one, and so do the words of a pass without any pixel.
    EXPECT_LE(before, 2 + (feie(a).skips_zeros ? fast::count(a, p).counts.at("passes") : 0));
  }
}

// More room for sums, fewer cuts; the options that only shorten or lengthen do so.
TEST(Feie, options_move_clocks_the_way_their_names_say) {
  RandomLayers random(16);
  for (int i = 0; i < 1500; ++i) {
    auto [sample, a] = random_case(random, 9);
    SCOPED_TRACE(described(a, sample));
    const Problem p = sample.problem();
    const auto clocks = [&](const std::function<void(FeieArray&)>& change) {
      Accelerator other = a;
      change(feie(other));
      return fast::count(other, p).cycles;
    };
    const auto is = [&](Segments segments) {
      return [segments](FeieArray& f) { f.segments = segments, f.packs_ragged_filters = f.pads_last_segment = false; };
    };
    if (!feie(a).skips_zeros && feie(a).pass_overhead == 0 && feie(a).weight_words_per_clock == 0 && p.layer.kernel_width >= p.layer.stride_width) {
      ASSERT_LE(clocks(is(Segments::unlimited)), clocks(is(Segments::row)));
      ASSERT_LE(clocks(is(Segments::row)), clocks(is(Segments::raster)));
    }
    ASSERT_LE(clocks([](FeieArray& f) { f.pads_last_segment = false; }), clocks([](FeieArray& f) { f.pads_last_segment = true; }));
    ASSERT_LE(clocks([](FeieArray& f) { f.streams_unused_pixels = false, f.index_bits = 0; }),
              clocks([](FeieArray& f) { f.streams_unused_pixels = true, f.index_bits = 0; }));
    ASSERT_LE(clocks([](FeieArray& f) { f.weight_words_per_clock = 0; }), clocks([](FeieArray& f) { f.weight_words_per_clock = 1; }));
    if (feie(a).skips_zeros) {
      ASSERT_LE(clocks([](FeieArray& f) { f.index_bits = 0; }), clocks([](FeieArray& f) { f.index_bits = 4; }));
      ASSERT_LE(clocks([](FeieArray& f) { f.index_bits = 4; }), clocks([](FeieArray& f) { f.index_bits = 1; }));
    }
  }
}

// Large data: sums that saturate on their way, so that only the right order gives the right output.
TEST(Feie, saturated_sums_depend_on_the_order_and_both_engines_keep_it) {
  RandomLayers random(17);
  int differ = 0;
  for (int i = 0; i < 400; ++i) {
    auto [sample, a] = random_case(random, 32768);
    a.accumulator.bits = 24;
    SCOPED_TRACE(described(a, sample));
    const Problem p = sample.problem();
    std::vector<std::int64_t> stepped(sample.outputs()), computed(sample.outputs());
    stepping::run(a, p, stepped), fast::compute(a, p, computed, 2);
    ASSERT_EQ(stepped, computed);
    for (const std::int64_t v : stepped) ASSERT_TRUE(v >= -8388608 && v <= 8388607);
    // Exact sums, cut at the end, are another output wherever a sum came back from an end.
    std::vector<std::int64_t> exact = plain_convolution(p);
    for (std::int64_t& v : exact) v = a.accumulator.fit(v);
    differ += exact != stepped ? 1 : 0;
  }
  EXPECT_GT(differ, 100);
}

TEST(OrderedConvolution, follows_any_accumulator_and_order) {
  RandomLayers random(18);
  for (int i = 0; i < 600; ++i) {
    const Sample sample = random.layer(32768, 5);
    Accumulator acc{.bits = static_cast<int>(random.between(2, 8)) * 8};
    if (random.one_in(3)) acc.overflow = Overflow::wrap;
    if (random.one_in(2)) acc.dropped_bits = static_cast<int>(random.between(1, 12));
    if (random.one_in(2)) acc.rounding = Rounding::nearest;
    const Problem p = sample.problem();
    std::vector<std::int64_t> output(sample.outputs());
    fast::ordered_convolution(p, acc, output, 2);
    ASSERT_EQ(output, narrow_convolution(p, acc)) << acc.bits << " " << acc.dropped_bits << " " << canonical_shape(p.layer);
    // The other way round, by turning the order of the indices.
    std::vector<std::int64_t> order;
    for (std::int64_t k = p.k() - 1; k >= 0; --k) order.push_back(k);
    std::vector<std::int64_t> turned(sample.outputs());
    fast::ordered_convolution(p, acc, turned, 1, order);
    for (std::int64_t n = 0; n < p.n(); ++n) {
      std::int64_t sum = acc.fit(p.bias.empty() ? 0 : p.bias[0]);
      for (const std::int64_t k : order)
        if (const std::int64_t at = p.input_index(0, n, k); at >= 0)
          sum = acc.add(sum, p.input[static_cast<std::size_t>(at)], p.weights[static_cast<std::size_t>(k)]);
      ASSERT_EQ(turned[static_cast<std::size_t>(p.output_index(0, n, 0))], p.relu && sum < 0 ? 0 : sum);
    }
  }
}

TEST(Feie, mistakes_in_files_are_named) {
  using ::testing::HasSubstr;
  const std::string head = "dataflow = \"feie\"\nclock_hz = 2e8\n", array = "[array]\ntiles = 32\npes_per_tile = 6\nsums_per_pe = 64\n";
  EXPECT_EQ(message_of(head + array), "no error");
  EXPECT_THAT(message_of(head), HasSubstr("`array` is missing; describe the PEs, as [array] with tiles = 32"));
  EXPECT_THAT(message_of(head + "[array]\ntiles = 0"), HasSubstr("mine.toml:4:9: `tiles` must lie between 1 and 65536, got `0`"));
  EXPECT_THAT(message_of(head + "[array]\ntiles = 4"), HasSubstr("`pes_per_tile` is missing; give it, as pes_per_tile = 6"));
  EXPECT_THAT(message_of(head + array + "[schedule]\nsegments = \"rows\""), HasSubstr("mine.toml:8:12: unknown segments `rows`; did you mean `row`?"));
  EXPECT_THAT(message_of(head + array + "[schedule]\npass_overhead = -1"), HasSubstr("mine.toml:8:17"));
  EXPECT_THAT(message_of(head + array + "[schedule]\nragged_filter = \"idle\""), HasSubstr("did you mean `ragged_filters`?"));
  EXPECT_THAT(message_of(head + array + "[zeros]\nskipped = 1"), HasSubstr("mine.toml:8:11"));
  EXPECT_THAT(message_of(head + array + "[zeros]\nskipped = false\nindex_bits = 4"), HasSubstr("offsets are stored only where zeros are skipped"));
  EXPECT_THAT(message_of(head + array + "[buffer.input]\nbytes = 4"), HasSubstr("mine.toml:7:"));
  EXPECT_THAT(message_of(head + array + "[accumulator]\nbits = 24\ndropped_bits = 2"), HasSubstr("these PEs add whole products"));
}

TEST(Feie, rows_too_wide_for_the_array_are_refused_with_the_reason) {
  Accelerator a = load_accelerator("zascad");
  LayerSpec l;
  l.in_width = 300, l.kernel_width = 200, l.out_width = 101;
  EXPECT_EQ(why_not(a, l, 1), "a filter row over 200 pixels with stride 1 needs 200 PEs in whole tiles; the array has 192 PEs in 32 tiles");
  l.kernel_width = 192, l.out_width = 109;
  EXPECT_EQ(why_not(a, l, 1), "");
}

}  // namespace
}  // namespace convroof::spatial
