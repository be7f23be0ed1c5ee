#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>

#include "backends/spatial/stepping/no_local_reuse.h"
#include "backends/spatial/verbs/trace.h"

namespace convroof::spatial {

// One row of three pixels, six channels: enough for lanes to drift apart and wait.
TraceExample trace_example(const NoLocalReuse&) { return {.input = {6, 1, 3}, .kernel = {1, 2}, .filters = 2}; }

ClockTable trace(const Accelerator& a, const NoLocalReuse& whole, const TraceRequest& request) {
  const LayerSpec& layer = request.layer;
  // The example shows a corner: --columns lanes by --rows filters.
  NoLocalReuse array = whole;
  array.lanes = request.columns.value_or(request.is_example ? std::min<std::int64_t>(array.lanes, 3) : array.lanes);
  if (request.rows || request.is_example) array.units = 1, array.filters_per_unit = request.rows.value_or(std::min<std::int64_t>(array.filters_per_unit, 2));
  if (array.lanes > kMostTracedPes)
    throw std::invalid_argument(fmt::format("a table of {} lanes is too wide to read; give --columns with at most {}", array.lanes, kMostTracedPes));
  if (request.is_example) array.dense_below_channels = 0;
  const Problem p{.layer = layer, .input = request.input, .weights = request.weights};

  ClockTable table;
  table.title = fmt::format("{} on {} of {}: {} windows, {} products each, {} filters", layer.name, array.shape(), a.name, p.n(), p.k(), p.m());
  for (std::int64_t lane = 0; lane < array.lanes; ++lane) table.pes.push_back(fmt::format("lane{}", lane));
  std::vector<std::int64_t> output(static_cast<std::size_t>(output_elements(layer)));
  std::set<std::int64_t> missing;  // outputs that did not leave yet; what leaves after a clock is seen with the next
  for (std::int64_t i = 0; i < output_elements(layer); ++i) missing.insert(i);
  const auto leave = [&](std::int64_t index) {
    if (!table.rows.empty()) table.rows.back().leaves.push_back(fmt::format("Y{}={}", index, output[static_cast<std::size_t>(index)]));
    missing.erase(index);
  };
  std::optional<Outcome> outcome;
  try {
    outcome = stepping::run(a, array, p, output, [&](const stepping::NlrClock& clock) {
      for (const std::int64_t index : clock.finished) leave(index);
      if (clock.number > static_cast<std::uint64_t>(request.clocks)) throw EnoughClocks{};
      ClockRow row{fmt::format("{}", clock.number), {}, {}};
      for (const stepping::NlrLane& lane : clock.lanes)
        row.pes.push_back(lane.state == stepping::NlrLane::State::multiplies    ? fmt::format("n{}k{} {}", clock.n, lane.k, lane.input)
                          : lane.state == stepping::NlrLane::State::empty_brick ? "empty"
                                                                                : "");
      table.rows.push_back(std::move(row));
    });
    for (const std::int64_t index : std::set(missing)) leave(index);
  } catch (const EnoughClocks&) {
  }
  table.notes.push_back("nNkK x: window N, reduction index K, input x, which goes to all filters. Y: an output that is finished, by its place in NCHW.");
  table.notes.push_back("-: no channel for the lane, or it waits for the window's end. empty: a brick of zeros passes.");
  if (outcome)
    table.notes.push_back(fmt::format("{} clocks, {} multiply-accumulates, {:.1f} % of {} multipliers x clocks", outcome->cycles, outcome->macs,
                                      outcome->cycles == 0 ? 0.0
                                                           : 100.0 * static_cast<double>(outcome->macs) /
                                                                 static_cast<double>(outcome->cycles * static_cast<std::uint64_t>(array.multipliers())),
                                      array.multipliers()));
  else
    table.notes.push_back(fmt::format("cut after {} clocks; --clocks shows more", request.clocks));
  return table;
}

}  // namespace convroof::spatial
