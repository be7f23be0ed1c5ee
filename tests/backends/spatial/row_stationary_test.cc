// Row-stationary arrays: the engines agree, the mapper finds the least energy, laws hold, and the chip's published figures come out.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/fast/row_stationary.h"
#include "backends/spatial/model/energy.h"
#include "backends/spatial/model/row_geometry.h"
#include "backends/spatial/model/row_mapper.h"
#include "backends/spatial/model/run_length.h"
#include "backends/spatial/stepping/families.h"
#include "tests/backends/spatial/engine_laws.h"
#include "tests/backends/spatial/random_layer.h"
#include "workloads/input_error.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

Accelerator random_machine(RandomLayers& random) {
  Accelerator a;
  RowStationaryArray array;
  array.rows = random.between(1, 6), array.columns = random.between(1, 5);
  array.input_words = random.between(3, 14), array.weight_words = random.between(4, 40), array.psum_words = random.between(1, 6);
  array.buffer_bytes = random.between(40, 1500), array.weight_buffer_bytes = random.between(32, 400);
  array.weight_bus_words = random.between(1, 4), array.input_bus_words = random.between(1, 3), array.psum_bus_words = random.between(1, 4);
  array.gates_zeros = random.one_in(2), array.compresses = random.one_in(2);
  a.dataflow = "row-stationary";
  a.array = array;
  a.clock_hz = 1e6;
  if (random.one_in(2)) a.output_bits = 16;
  if (!random.one_in(3)) a.dram_bits_per_cycle = static_cast<double>(random.between(1, 400)) / 7;
  return a;
}
RowStationaryArray& array_of(Accelerator& a) { return std::get<RowStationaryArray>(a.array); }

// A mapping drawn without regard to energy; whatever fits.
void force_some_mapping(RandomLayers& random, Accelerator& a, const Sample& s) {
  const LayerSpec l = as_rows(array_of(a), s.layer);
  for (int i = 0; i < 50; ++i) {
    const RowMapping map{random.between(1, 8), random.between(1, 3), random.between(1, 8), random.between(1, 6),
                         random.between(1, 5), random.between(1, 4), random.between(1, 4)};
    if (!why_not(a, array_of(a), l, map).empty()) continue;
    array_of(a).forced = map;
    return;
  }
}

std::string described(const Accelerator& a, const Sample& s) {
  const RowStationaryArray& array = std::get<RowStationaryArray>(a.array);
  return fmt::format("{}, pads {} {} {}, buffers {} {}, buses {} {} {}, {} bit/clock, {}; batch {}, {}", array.shape(), array.weight_words, array.input_words,
                     array.psum_words, array.buffer_bytes, array.weight_buffer_bytes, array.weight_bus_words, array.input_bus_words, array.psum_bus_words,
                     a.dram_bits_per_cycle.value_or(-1), to_string(mapping_for(a, array, s.layer, s.batch)), s.batch, canonical_shape(s.layer));
}

TEST(RowStationary, both_engines_agree_in_every_field_and_output) {
  RandomLayers random(11);
  int run = 0;
  std::vector<std::int64_t> output;
  for (int i = 0; i < 9000; ++i) {
    const Sample sample = random.layer(i % 3 == 0 ? 32768 : 9, i % 2 == 0 ? 2 : 9);
    Accelerator a = random_machine(random);
    if (!why_not(a, sample.layer, sample.batch).empty()) continue;
    if (random.one_in(2)) force_some_mapping(random, a, sample);
    SCOPED_TRACE(described(a, sample));
    ASSERT_NO_FATAL_FAILURE(expect_engines_agree(a, sample, output));
    ASSERT_EQ(output, plain_convolution(sample.problem()));
    ++run;
  }
  EXPECT_GT(run, 5000);
}

TEST(RowStationary, laws_hold) {
  RandomLayers random(12);
  for (int i = 0; i < 3000; ++i) {
    const Sample sample = random.layer(9);
    Accelerator a = random_machine(random);
    if (!why_not(a, sample.layer, sample.batch).empty()) continue;
    SCOPED_TRACE(described(a, sample));
    const Problem p = sample.problem();
    array_of(a).gates_zeros = array_of(a).compresses = false;
    const Outcome o = fast::count(a, p);
    const Accesses& x = o.accesses;
    ASSERT_EQ(o.macs, static_cast<std::uint64_t>(sample.batch * macs(sample.layer)));
    ASSERT_GE(o.cycles * o.pe_active, o.macs);
    ASSERT_LE(o.pe_active, static_cast<std::uint64_t>(a.multipliers()));
    // The paper's register files: one weight, one input, one sum read and one written for each multiplication.
    ASSERT_EQ(x.reads(Level::local, Operand::weight), o.macs);
    ASSERT_EQ(x.reads(Level::local, Operand::input), o.macs);
    ASSERT_EQ(x.reads(Level::local, Operand::psum) + x.writes(Level::local, Operand::psum), 2 * o.macs);
    // What leaves the buffer came in before; sums that wait are read back; results leave once.
    ASSERT_GE(x.reads(Level::dram, Operand::weight), static_cast<std::uint64_t>(weight_count(sample.layer)));
    ASSERT_EQ(x.writes(Level::dram, Operand::output), sample.outputs());
    ASSERT_EQ(x.writes(Level::global, Operand::output), sample.outputs());
    ASSERT_EQ(x.reads(Level::global, Operand::psum), x.writes(Level::global, Operand::psum));
    ASSERT_EQ(x.writes(Level::dram, Operand::psum), 0u);
    ASSERT_EQ(x.reads(Level::dram, Operand::psum), sample.bias.size());
    ASSERT_EQ(x.reads(Level::dram, Operand::input), o.counts.at("buffer_fills"));

    // Gating leaves clocks and words and takes energy away; coding leaves clocks and takes words away.
    a.energy = EnergyTable{"", "MAC", "", 1, 1, 2, 6, 200};
    const auto energy = [&](const Outcome& outcome) {
      double sum = 0;
      for (const auto& [level, part] : energy_of(*a.energy, outcome)) sum += part;
      return sum;
    };
    array_of(a).gates_zeros = true;
    const Outcome gated = fast::count(a, p);
    ASSERT_EQ(gated.cycles, o.cycles);
    ASSERT_TRUE(gated.accesses == o.accesses);
    ASSERT_LE(energy(gated), energy(o));
    if (gated.macs_gated > 0) {
      ASSERT_LT(energy(gated), energy(o));
    }
    array_of(a).compresses = true;
    const Outcome coded = fast::count(a, p);
    ASSERT_EQ(coded.cycles, o.cycles);
    ASSERT_LE(coded.accesses.total(Level::dram), o.accesses.total(Level::dram));

    // At a fixed mapping: less bandwidth never saves a clock, and nothing is faster than its bus.
    array_of(a).forced = mapping_for(a, array_of(a), sample.layer, sample.batch);
    ASSERT_EQ(fast::count(a, p).cycles, o.cycles);
    ASSERT_NO_FATAL_FAILURE(expect_stalls_fall_with_bandwidth(a, p));
    // Wider buses inside never cost a clock.
    std::uint64_t clocks = ~0ull;
    for (const std::int64_t words : {1, 2, 3, 8, 64}) {
      array_of(a).weight_bus_words = array_of(a).input_bus_words = array_of(a).psum_bus_words = words;
      const Outcome at = fast::count(a, p);
      ASSERT_LE(at.cycles, clocks);
      clocks = at.cycles;
    }
  }
}

TEST(RowStationary, without_zeros_numbers_count_like_shapes) {
  RandomLayers random(13);
  for (int i = 0; i < 500; ++i) {
    const Sample sample = random.layer(9);
    Accelerator a = random_machine(random);
    if (!why_not(a, sample.layer, sample.batch).empty()) continue;
    array_of(a).compresses = false;  // outputs may be zero all the same
    Sample dense = sample;
    for (auto* values : {&dense.input, &dense.weights})
      for (auto& v : *values) v = v == 0 ? std::int16_t{1} : v;
    Problem shapes = dense.problem();
    shapes.input = {}, shapes.weights = {};
    ASSERT_EQ(differences(fast::count(a, dense.problem()), fast::count(a, shapes)), "");
  }
}

double energy_by_counts(Accelerator a, const LayerSpec& layer, std::int64_t batch, const RowMapping& map) {
  a.energy = EnergyTable{"", "MAC", "", 1, 1, 2, 6, 200};
  array_of(a).forced = map;
  array_of(a).gates_zeros = array_of(a).compresses = false;
  double sum = 0;
  for (const auto& [level, part] : energy_of(*a.energy, fast::count(a, Problem{.layer = layer, .batch = batch}))) sum += part;
  return sum;
}

TEST(RowMapper, its_terms_are_the_counted_energy) {
  RandomLayers random(14);
  for (int i = 0; i < 3000; ++i) {
    const Sample sample = random.layer(9);
    Accelerator a = random_machine(random);
    if (!why_not(a, sample.layer, sample.batch).empty()) continue;
    if (random.one_in(2)) force_some_mapping(random, a, sample);
    const RowMapping map = mapping_for(a, array_of(a), sample.layer, sample.batch);
    SCOPED_TRACE(described(a, sample));
    ASSERT_DOUBLE_EQ(mapping_energy(a, as_rows(array_of(a), sample.layer), sample.batch, map), energy_by_counts(a, sample.layer, sample.batch, map));
  }
}

// All mappings within the stated limits, one by one.
TEST(RowMapper, finds_the_least_energy_of_its_space) {
  RandomLayers random(15);
  for (int i = 0; i < 400; ++i) {
    const Sample sample = random.layer(9);
    Accelerator a = random_machine(random);
    const RowStationaryArray& array = array_of(a);
    if (!why_not(a, sample.layer, sample.batch).empty()) continue;
    const LayerSpec l = as_rows(array, sample.layer);
    if (l.in_channels > 40) continue;
    const RowMapping found = *best_mapping(a, array, l, sample.batch);
    SCOPED_TRACE(described(a, sample));
    ASSERT_EQ(why_not(a, array, l, found), "");
    const double least = mapping_energy(a, l, sample.batch, found);
    const std::int64_t C = l.in_channels_per_group(), M = l.out_channels_per_group();
    const auto is_smallest = [](std::int64_t size, std::int64_t all) { return size == ceil_div(all, ceil_div(all, size)); };
    for (std::int64_t e = 1; e <= l.out_height; ++e)
      for (std::int64_t n = 1; n <= sample.batch && is_smallest(e, l.out_height); ++n)
        for (std::int64_t r = 1; r <= C && is_smallest(n, sample.batch); ++r) {
          for (std::int64_t q = 1; q <= std::min(array.input_words, ceil_div(C, r)); ++q) {
            std::int64_t t = 0;  // the most that fits
            while (why_not(a, array, l, {t + 1, n, e, 1, q, r, t + 1}).empty()) ++t;
            if (t == 0) continue;
            for (std::int64_t p = 1; p <= std::min(array.psum_words, ceil_div(M, t)); ++p)
              for (std::int64_t m = 1; m <= M; ++m) {
                const RowMapping map{m, n, e, p, q, r, t};
                if ((m % (p * t) != 0 && m != M) || !why_not(a, array, l, map).empty()) continue;
                ASSERT_GE(mapping_energy(a, l, sample.batch, map), least * (1 - 1e-12)) << to_string(map);
              }
          }
        }
  }
}

TEST(RunLength, code_words_by_hand) {
  const auto words = [](std::initializer_list<int> values) {
    RunLength code;
    for (const int v : values) code.add(v == 0);
    return code.code_words();
  };
  EXPECT_EQ(words({}), 0u);
  EXPECT_EQ(words({5}), 1u);
  EXPECT_EQ(words({0, 0, 12, 0, 0, 0, 0, 53, 0, 0, 22}), 1u);  // the example of figure 8: three pairs
  EXPECT_EQ(words({1, 2, 3, 4}), 2u);
  EXPECT_EQ(words({0, 0}), 1u);  // (1, 0)
  RunLength zeros;
  for (int i = 0; i < 96; ++i) zeros.add(true);  // (31, 0) three times
  EXPECT_EQ(zeros.code_words(), 1u);
  zeros.add(true);
  EXPECT_EQ(zeros.code_words(), 2u);
}

// Mistakes of people: the place, the word, the mend.
TEST(RowStationaryFile, mistakes_are_named) {
  const std::string good =
      "dataflow = \"row-stationary\"\nrows = 12\ncolumns = 14\nclock_hz = 2e8\nmapping = \"stated\"\n[scratchpad]\nweight = 224\ninput = 12\npsum = 24\n"
      "[global_buffer]\nbytes = 102400\nweight_bytes = 8192\n";
  const auto message = [&](const std::string& old_text, const std::string& new_text) {
    std::string text = good;
    text.replace(text.find(old_text), old_text.size(), new_text);
    try {
      parse_accelerator(text, "mine.toml");
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  using ::testing::HasSubstr;
  EXPECT_EQ(message("rows = 12", "rows = 12"), "no error");
  EXPECT_THAT(message("rows = 12", "rows = 0"), HasSubstr("mine.toml:2:8: "));
  EXPECT_THAT(message("rows = 12\n", ""), HasSubstr("`rows` is missing; give it, as rows = 12"));
  EXPECT_THAT(message("input = 12", "inputs = 12"), HasSubstr("did you mean `input`"));
  EXPECT_THAT(message("bytes = 102400", "bytes = 3"), HasSubstr("mine.toml:11:9: the buffer is smaller than one tile"));
  EXPECT_THAT(message("weight_bytes = 8192", "weight_bytes = 1"), HasSubstr("smaller than one tile, a weight of 16 bits; enlarge it"));
  EXPECT_THAT(message("mapping =", "compression = \"run-length\"\nmapping ="), HasSubstr("mine.toml:5:15: the code holds values of 16 bits"));
  EXPECT_THAT(message("\"stated\"", "\"started\""), HasSubstr("did you mean `stated`"));
  EXPECT_THAT(
      message("weight_bytes = 8192",
              "weight_bytes = 8192\n[[stated_mapping]]\nchannels = 3\nfilters = 9\nkernel = 5\nstride = 1\nout = 9\nm = 1\nn = 1\ne = 9\np = 1\nq = 1\nr "
              "= 2\nt = 2"),
      HasSubstr("2 x 2 sets of 5 x 9 PEs do not fit 12 x 14 PEs"));
}

TEST(RowStationary, layers_that_do_not_fit_say_why) {
  const Accelerator a = load_accelerator("eyeriss");
  LayerSpec l;
  l.in_height = l.in_width = 20, l.kernel_height = 13, l.out_height = 8, l.out_width = 20;
  EXPECT_EQ(why_not(a, l, 1), "the filter is 13 rows high, the array 12");
  l.kernel_height = 1, l.out_height = 20, l.kernel_width = 13, l.out_width = 8;
  EXPECT_EQ(why_not(a, l, 1), "1 windows of 13 inputs do not fit the scratchpad of 12 words");
  l.kernel_width = 1, l.in_width = l.out_width = 40000;
  EXPECT_EQ(why_not(a, l, 1), "one strip of 40000 inputs and 40000 partial sums does not fit the buffer of 51200 words");
  l = {};
  l.op = Op::fc, l.in_channels = 3, l.in_height = l.kernel_height = 28, l.in_width = l.kernel_width = 28, l.out_channels = 10;
  EXPECT_EQ(why_not(a, l, 1), "");  // as 2352 channels of 1 x 1
  EXPECT_EQ(fast::count(a, Problem{.layer = l}).macs, 23520u);
}

// --- the chip -------------------------------------------------------------------------------------------------------------------------------------
// Chen et al., JSSC 2017, table III (mappings, shares), table V (batch of 4).

const LayerSpec& layer(const Network& network, std::string_view name) { return network.find(name)->spec; }

constexpr std::array<const char*, 5> kConv = {"conv1", "conv2", "conv3", "conv4", "conv5"};

Outcome on(const Accelerator& a, const Network& network, std::string_view name, std::int64_t batch) {
  return fast::count(a, Problem{.layer = layer(network, name), .batch = batch});
}

// Inputs and sums between the buffer and everything else, both directions; 16 bits each.
double buffer_megabytes(const Outcome& o) {
  const Accesses& x = o.accesses;
  return 2e-6 * static_cast<double>(o.counts.at("buffer_fills") + x.reads(Level::global, Operand::input) + x.reads(Level::global, Operand::psum) +
                                    x.writes(Level::global, Operand::psum) + x.writes(Level::global, Operand::output));
}

TEST(Eyeriss, active_pes_and_buffer_shares_are_the_published_ones) {
  const Accelerator a = load_accelerator("eyeriss");
  const auto& array = std::get<RowStationaryArray>(a.array);
  const Network alexnet = load_network("alexnet");
  const std::array<std::uint64_t, 5> pes = {154, 135, 156, 156, 156};
  const std::array<const char*, 5> inputs = {"15.5", "3.8", "7.0", "10.5", "10.5"}, sums = {"72.2", "91.1", "84.5", "84.5", "84.5"};
  for (std::size_t i = 0; i < 5; ++i) {
    const LayerSpec& l = layer(alexnet, kConv[i]);
    EXPECT_EQ(on(a, alexnet, kConv[i], 4).pe_active, pes[i]) << kConv[i];
    const RowMapping map = mapping_for(a, array, l, 4);
    EXPECT_EQ(fmt::format("{:.1f}", static_cast<double>(input_share(l, map)) * 2 / 1024), inputs[i]) << kConv[i];
    EXPECT_EQ(fmt::format("{:.1f}", static_cast<double>(psum_share(l, map)) * 2 / 1024), sums[i]) << kConv[i];
  }
}

TEST(Eyeriss, buffer_traffic_is_within_5_percent_of_the_chip) {
  Accelerator a = load_accelerator("eyeriss");
  const Network alexnet = load_network("alexnet");
  const auto deviation = [&](const char* name, double chip) { return buffer_megabytes(on(a, alexnet, name, 4)) / chip - 1; };
  for (const auto& [name, chip] : {std::pair{"conv1", 18.5}, {"conv2", 77.6}, {"conv4", 37.4}, {"conv5", 24.9}}) {
    EXPECT_LT(std::abs(deviation(name, chip)), 0.05) << name;
  }
  // conv3: the chip's 50.2 MB are those of conv4's mapping; the one in table III moves 70.1 MB.
  EXPECT_NEAR(buffer_megabytes(on(a, alexnet, "conv3", 4)), 70.1, 0.05);
  array_of(a).forced = RowMapping{64, 4, 13, 16, 3, 2, 2};
  EXPECT_LT(std::abs(deviation("conv3", 50.2)), 0.05);
}

TEST(Eyeriss, alexnet_takes_at_least_the_ideal_of_its_mapping_and_at_most_the_chips_time) {
  const Accelerator a = load_accelerator("eyeriss");
  const Network alexnet = load_network("alexnet");
  const std::array<double, 5> chip = {16.5, 39.2, 21.8, 16.0, 10.0};  // ms of processing
  std::array<double, 5> ms{};
  for (std::size_t i = 0; i < 5; ++i) {
    const Outcome o = on(a, alexnet, kConv[i], 4);
    ms[i] = 1e3 * static_cast<double>(o.cycles) / a.clock_hz;
    const double ideal = 1e3 * static_cast<double>(o.macs) / (static_cast<double>(o.pe_active) * a.clock_hz);
    EXPECT_GE(ms[i], ideal);
    fmt::print("{}: ideal of the mapping {:.2f} ms, emulated {:.2f} ms, chip {:.1f} ms, deviation {:+.1f} %\n", kConv[i], ideal, ms[i], chip[i],
               100 * (ms[i] / chip[i] - 1));
  }
  for (std::size_t i = 0; i < 3; ++i) EXPECT_LE(ms[i], 1.01 * chip[i]) << kConv[i];
  EXPECT_LE(ms[3] + ms[4], 1.01 * (chip[3] + chip[4]));
}

// Table VI prints no mapping, but 156 = 3 x 13 x 4 and 168 = 3 x 14 x 4 active PEs, and partial sums cross the buffer as often as with q r = 1, 1, 2, 4
// and 8 channels a pass (its column of buffer accesses); m is what then fits 100 KB. Nothing here is taken from the times.
TEST(Eyeriss, vgg16_times_follow_from_the_mapping_that_pes_and_buffer_traffic_point_to) {
  Accelerator a = load_accelerator("eyeriss");
  const Network vgg16 = load_network("vgg16");
  struct Row {
    const char* name;
    RowMapping mapping;
    double ms, megabytes, time_within, traffic_within;
  };
  for (const Row& row :
       {Row{"conv1_2", {16, 1, 13, 4, 1, 1, 4}, 810.6, 2402.8, 0.05, 0.10}, Row{"conv2_2", {32, 1, 13, 8, 1, 1, 4}, 810.8, 2402.8, 0.05, 0.10},
        Row{"conv3_2", {64, 1, 13, 16, 2, 1, 4}, 408.1, 1214.8, 0.05, 0.10}, Row{"conv4_2", {64, 1, 14, 16, 4, 1, 4}, 210.0, 643.7, 0.05, 0.10},
        Row{"conv5_2", {64, 3, 14, 16, 4, 2, 2}, 48.5, 90.0, 0.10, 0.10}}) {
    array_of(a).forced = row.mapping;
    ASSERT_EQ(mapping_for(a, array_of(a), layer(vgg16, row.name), 3), row.mapping) << row.name;
    const Outcome o = on(a, vgg16, row.name, 3);
    const double ms = 1e3 * static_cast<double>(o.cycles) / a.clock_hz;
    fmt::print("{}: emulated {:.1f} ms, chip {:.1f} ms, deviation {:+.1f} %; buffer {:.1f} MB, chip {:.1f} MB, {:+.1f} %\n", row.name, ms, row.ms,
               100 * (ms / row.ms - 1), buffer_megabytes(o), row.megabytes, 100 * (buffer_megabytes(o) / row.megabytes - 1));
    EXPECT_LT(std::abs(ms / row.ms - 1), row.time_within) << row.name;
    EXPECT_LT(std::abs(buffer_megabytes(o) / row.megabytes - 1), row.traffic_within) << row.name;
  }
}

TEST(Eyeriss, register_files_are_read_as_published) {
  for (const char* name : {"eyeriss", "eyeriss-mapped"}) {
    const Accelerator a = load_accelerator(name);
    for (const char* network : {"alexnet", "vgg16", "resnet50"})
      for (const NetworkLayer& l : load_network(network).layers) {
        if (!l.spec.has_weights()) continue;
        ASSERT_EQ(why_not(a, l.spec, 1), "") << network << " " << l.spec.name;
        const Outcome o = fast::count(a, Problem{.layer = l.spec});
        ASSERT_EQ(o.macs, static_cast<std::uint64_t>(macs(l.spec)));
        ASSERT_EQ(o.accesses.reads(Level::local, Operand::weight), o.macs);
        ASSERT_EQ(o.accesses.reads(Level::local, Operand::input), o.macs);
        ASSERT_EQ(o.accesses.total(Level::local), 4 * o.macs);
        ASSERT_LE(utilization(a, o), 1.0);
      }
  }
}

}  // namespace
}  // namespace convroof::spatial
