#include <fmt/format.h>

#include "backends/spatial/fast/feie.h"
#include "backends/spatial/verbs/explain.h"
#include "workloads/checked.h"

namespace convroof::spatial {
namespace {

// Outputs x S + cuts of the raster x (reach - S): how the pixels of one channel and filter row come about.
std::string pixels_of_a_sweep(const FeieLayer& l, const FeieArray& array, std::int64_t batch, std::int64_t streamed) {
  const std::int64_t outputs = batch * l.out_height * l.out_width;
  if (l.stride_x > l.reach() && !array.streams_unused_pixels) return fmt::format("{} outputs x {} pixels", outputs, l.reach());
  const std::int64_t again = l.reach() - l.stride_x;
  if (again == 0) return fmt::format("{} outputs x {} pixels", outputs, l.stride_x);
  const std::int64_t runs = (streamed - outputs * l.stride_x) / again;
  return fmt::format("{} outputs x {} {} {} stretches of a row x {}", outputs, l.stride_x, again > 0 ? "+" : "-", runs, again > 0 ? again : -again);
}

}  // namespace

std::string clock_terms(const Accelerator& a, const FeieArray& array, const Problem& p, const Outcome& o) {
  const FeieLayer l(p.layer);
  const FeieMode mode(array, l);
  const std::int64_t blocks = ceil_div(l.filters, mode.filters);
  std::string text = fmt::format("shape     {} groups of {} channels x {} filters; filter {} x {}, stride {}; outputs {} x {}\n", l.groups, l.channels,
                                 l.filters, l.rows, l.taps, l.stride_x, l.out_height, l.out_width);
  text += fmt::format("mode      T = ceil({} / {}) = {} PEs a filter row; p = {} filters at a time, so {} blocks; N = {} outputs held for each\n", l.reach(),
                      l.stride_x, mode.pes, mode.filters, blocks, mode.sums);

  // From the plainest machine to this one, an option at a time; each term is what the option changes.
  FeieArray stage = array;
  stage.skips_zeros = stage.pads_last_segment = stage.packs_ragged_filters = false;
  stage.index_bits = 0, stage.pass_overhead = stage.weight_words_per_clock = 0;
  std::uint64_t before = fast::count(a, stage, p, 1).cycles;
  const std::int64_t sweeps = l.groups * blocks * l.channels * l.rows;
  text += fmt::format("clocks    {:>14}  groups x blocks x channels x filter rows x pixels = {} x {} x {} x {} x {}\n", before, l.groups, blocks, l.channels,
                      l.rows, static_cast<std::int64_t>(before) / sweeps);
  text += fmt::format("          {:>14}  pixels = {}\n", "", pixels_of_a_sweep(l, array, p.batch, static_cast<std::int64_t>(before) / sweeps));
  const auto term = [&](bool is_on, std::string_view what) {
    if (!is_on) return;
    const std::uint64_t now = fast::count(a, stage, p, 1).cycles;
    text += fmt::format("          {:>+14}  {}\n", static_cast<std::int64_t>(now) - static_cast<std::int64_t>(before), what);
    before = now;
  };
  stage.pads_last_segment = array.pads_last_segment;
  term(array.pads_last_segment, "segments that are not full last as long as full ones");
  stage.packs_ragged_filters = array.packs_ragged_filters;
  term(array.packs_ragged_filters, "copies of filters in PEs that a ragged block leaves idle");
  stage.skips_zeros = array.skips_zeros;
  term(array.skips_zeros, "pixels that are zero, padding included");
  stage.index_bits = array.index_bits;
  term(array.index_bits > 0, fmt::format("zeros streamed because an offset of {} bits reaches no further", array.index_bits));
  stage.weight_words_per_clock = array.weight_words_per_clock;
  term(array.weight_words_per_clock > 0, fmt::format("passes that wait for their weights, {} words a clock", array.weight_words_per_clock));
  stage.pass_overhead = array.pass_overhead;
  term(array.pass_overhead > 0, fmt::format("{} passes x {}", o.counts.at("passes"), array.pass_overhead));
  text += fmt::format("        = {:>14}\n", o.cycles);
  if (p.batch == 1 && !array.skips_zeros)
    text += fmt::format("published {:>14}  words, as the chip's comparisons count: full segments, padding as words (here, as streamed: {})\n",
                        fast::feie_words_as_published(array, p.layer), o.accesses.total(Level::dram) + o.padding_words);
  return text;
}

}  // namespace convroof::spatial
