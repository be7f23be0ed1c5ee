// The staircase from peak to rate: every PE-clock has one cause, and together they are what was not done.
#include "backends/spatial/model/staircase.h"

#include <gtest/gtest.h>

#include <numeric>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/stepping/families.h"
#include "tests/backends/spatial/random_layer.h"

namespace convroof::spatial {
namespace {

std::uint64_t lost(const Staircase& s) {
  std::uint64_t sum = 0;
  for (const auto& [cause, clocks] : s.losses()) sum += clocks;
  return sum;
}

void expect_the_law(const Accelerator& a, const Problem& p, const Outcome& o, const Staircase& s) {
  EXPECT_EQ(s.total, static_cast<std::uint64_t>(a.multipliers()) * (o.cycles + o.stall_cycles));
  EXPECT_EQ(s.useful, o.macs);
  for (const auto& [cause, clocks] : s.losses()) EXPECT_LE(clocks, s.total) << cause;  // none below zero
  EXPECT_EQ(lost(s) + s.useful, s.total);
  EXPECT_EQ(s.stalls, static_cast<std::uint64_t>(a.multipliers()) * o.stall_cycles);
  EXPECT_EQ(s.array_shape, (static_cast<std::uint64_t>(a.multipliers()) - o.pe_active) * o.cycles);
  static_cast<void>(p);
}

TEST(Staircase, causes_add_up_on_every_shipped_accelerator) {
  RandomLayers random(11);
  int checked = 0, with_conflicts = 0;
  for (const std::string& name : shipped_accelerator_names()) {
    const Accelerator a = load_accelerator(name);
    for (int i = 0; i < 60; ++i) {
      const Sample sample = random.layer(9);
      if (!why_not(a, sample.layer, sample.batch).empty()) continue;
      const Problem p = sample.problem();
      const Outcome o = fast::count(a, p);
      SCOPED_TRACE(name + " " + canonical_shape(sample.layer));
      const Staircase s = staircase(a, p, o);
      expect_the_law(a, p, o, s);
      if (s.conflicts > 0) ++with_conflicts;
      ++checked;
    }
  }
  EXPECT_GT(checked, 800);
  EXPECT_GT(with_conflicts, 0);
}

// Small machines, so that random layers meet partial folds, chains, copies and waits; the outcome is the stepping engine's.
TEST(Staircase, causes_add_up_on_small_machines_of_every_family_stepped_clock_by_clock) {
  const char* const kMachines[] = {
      "dataflow = \"weight-stationary\"\nrows = 3\ncolumns = 2\n",
      "dataflow = \"output-stationary\"\nrows = 2\ncolumns = 3\n",
      "dataflow = \"input-stationary\"\nrows = 4\ncolumns = 2\n",
      "dataflow = \"feie\"\n[array]\ntiles = 2\npes_per_tile = 3\nsums_per_pe = 4\n[schedule]\nunused_pixels = \"stream\"\nlast_segment = "
      "\"padded\"\npass_overhead = 2\n",
      "dataflow = \"feie\"\n[array]\ntiles = 4\npes_per_tile = 4\nsums_per_pe = 2\n[schedule]\nragged_filters = \"packed\"\nweight_words_per_clock = 1\n",
      "dataflow = \"feie\"\n[array]\ntiles = 4\npes_per_tile = 4\nsums_per_pe = 2\n[schedule]\nragged_filters = \"packed\"\n[zeros]\nindex_bits = 1\n",
      "dataflow = \"no-local-reuse\"\nlanes = 3\nfilters_per_unit = 2\npadding = \"stream\"\n",
      "dataflow = \"cnvlutin\"\nlanes = 3\nfilters_per_unit = 2\nbrick = 2\n",
      "dataflow = \"broadcast-chain\"\nengines = 3\nrows = 2\ncolumns = 2\nchain = 2\n",
      "dataflow = \"broadcast-chain\"\npes = 11\n",
      "dataflow = \"shifting-neighbour\"\nfilters = 2\nrows = 2\ncolumns = 2\n",
      "dataflow = \"dcnn\"\npe_rows = 2\npe_columns = 2\nlanes = 4\n",
      "dataflow = \"scnn\"\npe_rows = 2\npe_columns = 3\nweights = 2\ninputs = 2\nbanks = 4\nbank_entries = 100\nindex_bits = 1\n",
      "dataflow = \"row-stationary\"\nrows = 6\ncolumns = 5\n[scratchpad]\nweight = 20\ninput = 6\npsum = 4\n[global_buffer]\nbytes = 4096\nweight_bytes = "
      "1024\n",
  };
  RandomLayers random(5);
  for (const char* machine : kMachines) {
    Accelerator a;
    ASSERT_NO_THROW(a = parse_accelerator(std::string("title = \"t\"\nsource = \"s\"\nfidelity = \"family\"\nassumptions = [\"a\"]\nclock_hz = 1e9\n") +
                                              machine + "\n[dram]\nbits_per_cycle = 32\n",
                                          "t.toml"))
        << machine;
    int checked = 0;
    for (int i = 0; i < 25; ++i) {
      const Sample sample = random.layer(9);
      if (!why_not(a, sample.layer, sample.batch).empty()) continue;
      const Problem p = sample.problem();
      std::vector<std::int64_t> output(sample.outputs());
      const Outcome o = stepping::run(a, p, output);
      SCOPED_TRACE(std::string(machine) + canonical_shape(sample.layer));
      expect_the_law(a, p, o, staircase(a, p, o));
      ++checked;
    }
    EXPECT_GT(checked, 5) << machine;
  }
}

// By hand: 2 x 2 array, K = 3, M = 3, N = 4, weight stationary: 4 folds of 4 + 2 * 2 + 2 - 2 clocks; three of them are partial.
TEST(Staircase, causes_of_a_systolic_layer_by_hand) {
  Sample s;
  s.layer.in_channels = 3, s.layer.in_height = 1, s.layer.in_width = 4, s.layer.out_channels = 3, s.layer.out_height = 1, s.layer.out_width = 4;
  Accelerator a;
  a.clock_hz = 1;
  SystolicArray array;
  array.rows = array.columns = 2;
  a.array = array;
  const Problem p{.layer = s.layer};
  const Staircase steps = staircase(a, p, fast::count(a, p));
  EXPECT_EQ(steps.total, 4u * 4 * 8);
  EXPECT_EQ(steps.array_shape, 0u);                      // every PE is used by the full fold
  EXPECT_EQ(steps.fragmentation, (4u * 4 - 3 * 3) * 8);  // PEs that partial folds leave out
  EXPECT_EQ(steps.fill_and_drain, 9u * 4);               // a PE in use multiplies in 4 of 8 clocks
  EXPECT_EQ(steps.useful, 9u * 4);
  EXPECT_EQ(descent(a, steps), "peak 8 > array shape 8 > fragmentation 4.5 > imbalance 4.5 > conflicts 4.5 > fill and drain 2.25 > stalls 2.25");
}

// The tutorial's example: two rows of 8 pixels, a filter of 3, on 3 PEs: 12 of 48 PE-clocks idle, at the ends of the rows.
TEST(Staircase, causes_of_the_feie_example_by_hand) {
  Sample s;
  s.layer.in_height = 2, s.layer.in_width = 8, s.layer.kernel_width = 3, s.layer.out_height = 2, s.layer.out_width = 6;
  Accelerator a;
  a.clock_hz = 1;
  FeieArray array;
  array.tiles = 1, array.pes_per_tile = 3, array.sums_per_pe = 64;
  a.array = array;
  const Problem p{.layer = s.layer};
  Staircase steps = staircase(a, p, fast::count(a, p));
  EXPECT_EQ(steps.total, 48u);
  EXPECT_EQ(steps.fill_and_drain, 12u);
  EXPECT_EQ(steps.fragmentation, 0u);
  EXPECT_EQ(steps.useful, 36u);
  // A stride of 2 needs 2 PEs, which could take 4 taps where the filter has 3: outputs 0 to 2 of each row lose one PE-clock each to that, and a row's ends
  // cost 2 (reach 3 - stride 2) PE-clocks. The third PE has no filter.
  s.layer.stride_width = 2, s.layer.out_width = 3;
  const Problem strided{.layer = s.layer};
  steps = staircase(a, strided, fast::count(a, strided));
  EXPECT_EQ(steps.total, 3u * 2 * 7);
  EXPECT_EQ(steps.array_shape, 14u);
  EXPECT_EQ(steps.fragmentation, 2u * 3);
  EXPECT_EQ(steps.fill_and_drain, 2u * 2);
  EXPECT_EQ(steps.useful, 18u);
}

// 5 output rows on PEs of 2 x 1, 3 channels in lanes of 2: the second PE has 2 of 3 rows, and a third of two pieces is empty.
TEST(Staircase, causes_of_a_dcnn_layer_by_hand) {
  Sample s;
  s.layer.in_channels = 3, s.layer.in_height = 5, s.layer.out_height = 5, s.layer.out_channels = 2;
  Accelerator a;
  a.clock_hz = 1;
  Dcnn array;
  array.pe_rows = 2, array.pe_columns = 1, array.lanes = 2;
  a.array = array;
  const Problem p{.layer = s.layer};
  const Staircase steps = staircase(a, p, fast::count(a, p));
  EXPECT_EQ(steps.total, 4u * 12);             // 2 pieces x 3 rows x 2 filters
  EXPECT_EQ(steps.imbalance, 1u * 2 * 2 * 2);  // one row, 2 filters, 2 pieces, 2 lanes
  EXPECT_EQ(steps.fragmentation, 5u * 2 * 1);  // of 4 lane-clocks a row and filter, one
  EXPECT_EQ(steps.useful, 5u * 2 * 3);
}

// A lane with zeros waits for the one without.
TEST(Staircase, zeros_of_one_lane_are_imbalance) {
  Sample s;
  s.layer.in_channels = 2, s.layer.out_channels = 3;
  s.input = {0, 7}, s.weights = {1, 2, 3, 4, 5, 6};
  Accelerator a;
  a.clock_hz = 1;
  NoLocalReuse array;
  array.lanes = 2, array.filters_per_unit = 2, array.skips_zeros = true, array.empty_brick_clocks = 0;
  a.array = array;
  const Problem p = s.problem();
  const Staircase steps = staircase(a, p, fast::count(a, p));
  EXPECT_EQ(steps.total, 4u * 2);      // two turns of one clock
  EXPECT_EQ(steps.imbalance, 3u);      // lane 0 waits in both, once for two filters and once for one
  EXPECT_EQ(steps.fragmentation, 2u);  // the second turn has one filter
  EXPECT_EQ(steps.useful, 3u);
}

// The second PE set has one filter less: a tenth of what the sets do is waiting.
TEST(Staircase, uneven_sets_of_a_row_stationary_array_are_imbalance) {
  Sample s;
  s.layer.in_width = 6, s.layer.out_width = 6, s.layer.out_channels = 5;
  Accelerator a = load_accelerator("eyeriss");
  auto& array = std::get<RowStationaryArray>(a.array);
  array.forced = RowMapping{.m = 5, .n = 1, .e = 1, .p = 3, .q = 1, .r = 1, .t = 2};
  const Problem p{.layer = s.layer};
  const Outcome o = fast::count(a, p);
  const Staircase steps = staircase(a, p, o);
  EXPECT_EQ(o.pe_active, 2u);
  EXPECT_EQ(steps.imbalance, 6u);  // 6 windows x (2 sets x 3 filters - 5)
  EXPECT_EQ(steps.useful, 30u);
  EXPECT_EQ(steps.fragmentation, 0u);
  EXPECT_EQ(steps.fill_and_drain, 2 * o.cycles - 36);
}

}  // namespace
}  // namespace convroof::spatial
