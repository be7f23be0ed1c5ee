#include <fmt/format.h>

#include "backends/spatial/verbs/explain.h"
#include "workloads/checked.h"

namespace convroof::spatial {

std::string clock_terms(const Accelerator& shared, const NoLocalReuse& a, const Problem& p, const Outcome& o) {
  const NlrLoops loops(a, p, shared.word_bits);
  const std::int64_t folds = ceil_div(p.m(), a.filters_at_once());
  std::string text = fmt::format("shape     {} windows x images, {} taps x {} channels a window, {} filters, {} groups; {}\n", p.n(), loops.taps,
                                 loops.channels, p.m(), p.layer.groups, a.shape());
  const auto per_fold = o.cycles / static_cast<std::uint64_t>(folds);
  if (a.skips(p.layer)) {
    text +=
        fmt::format("clocks    ceil(filters / {}) x (sum over windows of the longest lane) = {} x {} = {}\n", a.filters_at_once(), folds, per_fold, o.cycles);
    text += fmt::format("lanes     {} x {} clocks = {} with a product + {} at empty bricks + {} waiting for the window's end\n", a.lanes, o.cycles,
                        o.accesses.reads(Level::global, Operand::input), o.counts.at("empty_brick_clocks"), o.counts.at("lane_wait_clocks"));
    return text;
  }
  const std::int64_t steps = loops.channel_steps;
  text += fmt::format("clocks    ceil(filters / {}) x ({} over windows) x ceil(channels / {}) = {} x {} x {} = {}\n", a.filters_at_once(),
                      a.streams_padding ? "taps" : "taps inside the input", a.lanes, folds, per_fold / static_cast<std::uint64_t>(steps), steps, o.cycles);
  if (loops.chunks > 1)
    text += fmt::format("sums      wait in the output buffer {} times: the weight buffer's half holds {} steps\n", loops.chunks - 1, loops.steps_per_chunk);
  return text;
}

}  // namespace convroof::spatial
