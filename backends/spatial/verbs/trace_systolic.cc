#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "backends/spatial/stepping/systolic.h"
#include "backends/spatial/verbs/trace.h"

namespace convroof::spatial {

TraceExample trace_example(const SystolicArray&) { return {}; }

ClockTable trace(const Accelerator& a, const SystolicArray& whole, const TraceRequest& request) {
  const LayerSpec& layer = request.layer;
  // The example fits a corner of the array; a whole one of 256 PEs fits no page.
  SystolicArray array = whole;
  array.rows = request.rows.value_or(request.is_example ? std::min<std::int64_t>(array.rows, 3) : array.rows);
  array.columns = request.columns.value_or(request.is_example ? std::min<std::int64_t>(array.columns, 3) : array.columns);
  if (array.rows * array.columns > kMostTracedPes)
    throw std::invalid_argument(fmt::format("a table of {} is too wide to read; give --rows and --columns with at most {} PEs", array.shape(), kMostTracedPes));
  const Problem p{.layer = layer, .input = request.input, .weights = request.weights};

  ClockTable table;
  table.title = fmt::format("{} on {} of {}: {} pixels, reduction {}, {} filters", layer.name, array.shape(), a.name, p.n(), p.k(), p.m());
  for (std::int64_t r = 0; r < array.rows; ++r)
    for (std::int64_t c = 0; c < array.columns; ++c) table.pes.push_back(fmt::format("PE{},{}", r, c));
  std::vector<std::int64_t> output(static_cast<std::size_t>(output_elements(layer)));
  std::optional<Outcome> outcome;
  try {
    outcome = stepping::run(a, array, p, output, [&](const stepping::SystolicClock& clock) {
      if (clock.number > static_cast<std::uint64_t>(request.clocks)) throw EnoughClocks{};
      ClockRow row{fmt::format("{}", clock.number), {}, {}};
      for (std::int64_t r = 0; r < array.rows; ++r)
        for (std::int64_t c = 0; c < array.columns; ++c) {
          const stepping::SystolicCell cell = clock.cell(r, c);
          row.pes.push_back(clock.loading      ? "load"
                            : !cell.multiplies ? ""
                                               : fmt::format("n{}k{}m{} {}*{}={}", cell.n, cell.k, cell.m, cell.input, cell.weight, cell.sum));
        }
      for (const std::int64_t index : clock.finished) row.leaves.push_back(fmt::format("Y{}={}", index, output[static_cast<std::size_t>(index)]));
      table.rows.push_back(std::move(row));
    });
  } catch (const EnoughClocks&) {
  }
  table.notes.push_back(
      "nNkKmM x*w=s: output pixel N, reduction index K, filter M; input x times weight w, and the sum s after this clock. Y: an output, by its place in NCHW.");
  table.notes.push_back("load: the stationary operand is shifted in from above, one row a clock. -: no multiplication.");
  if (outcome)
    table.notes.push_back(
        fmt::format("{} clocks, {} multiply-accumulates, {:.1f} % of {} PEs x clocks", outcome->cycles, outcome->macs,
                    100.0 * static_cast<double>(outcome->macs) / static_cast<double>(outcome->cycles * static_cast<std::uint64_t>(array.multipliers())),
                    array.multipliers()));
  else
    table.notes.push_back(fmt::format("cut after {} clocks; --clocks shows more", request.clocks));
  return table;
}

}  // namespace convroof::spatial
