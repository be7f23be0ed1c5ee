#include <fmt/format.h>

#include <optional>
#include <stdexcept>

#include "backends/spatial/stepping/row_stationary.h"
#include "backends/spatial/verbs/trace.h"

namespace convroof::spatial {

// A filter of 3 x 2 over 5 x 4 inputs: sets of 3 x 3 PEs, three windows a row: small enough for a page, large enough for diagonals.
TraceExample trace_example(const RowStationaryArray&) {
  TraceExample example;
  example.input = {1, 5, 4}, example.kernel = {3, 2}, example.filters = 1;
  return example;
}

ClockTable trace(const Accelerator& a, const RowStationaryArray& array, const TraceRequest& request) {
  if (const std::string reason = why_not(a, array, request.layer, 1); !reason.empty()) throw std::invalid_argument(reason);
  const LayerSpec layer = as_rows(array, request.layer);
  const RowMapping map = mapping_for(a, array, request.layer, 1);
  // The first sets, as many as a page holds.
  const std::int64_t pes = layer.kernel_height * map.e;
  if (pes > kMostTracedPes)
    throw std::invalid_argument(
        fmt::format("a table of {} x {} PEs, one set, is too wide to read; trace a layer with a smaller filter or fewer rows", layer.kernel_height, map.e));
  std::int64_t filter_sets = std::min(map.t, layer.out_channels_per_group()), channel_sets = std::min(map.r, layer.in_channels_per_group());
  while (filter_sets * channel_sets * pes > kMostTracedPes) (filter_sets > 1 ? filter_sets : channel_sets) -= 1;

  ClockTable table;
  table.title = fmt::format("{} on {} of {}: {}", layer.name, array.shape(), a.name, to_string(map));
  const auto each_pe = [&](const auto& visit) {
    for (std::int64_t t = 0; t < filter_sets; ++t)
      for (std::int64_t r = 0; r < channel_sets; ++r)
        for (std::int64_t i = 0; i < layer.kernel_height; ++i)
          for (std::int64_t j = 0; j < map.e; ++j) visit(t, r, i, j);
  };
  each_pe([&](std::int64_t t, std::int64_t r, std::int64_t i, std::int64_t j) {
    table.pes.push_back(filter_sets * channel_sets == 1 ? fmt::format("PE{},{}", i, j) : fmt::format("t{}r{} PE{},{}", t, r, i, j));
  });
  const Problem p{.layer = request.layer, .input = request.input, .weights = request.weights};
  std::vector<std::int64_t> output(static_cast<std::size_t>(output_elements(layer)));
  std::optional<Outcome> outcome;
  try {
    outcome = stepping::run(a, array, p, output, [&](const stepping::RowClock& clock) {
      if (clock.number > static_cast<std::uint64_t>(request.clocks)) throw EnoughClocks{};
      ClockRow row{fmt::format("{}", clock.number), {}, {}};
      each_pe([&](std::int64_t t, std::int64_t r, std::int64_t i, std::int64_t j) {
        const stepping::RowCell cell = clock.cell(t, r, i, j);
        row.pes.push_back(cell.multiplies ? fmt::format("y{}x{} {}*{}={}", cell.y, cell.x, cell.input, cell.weight, cell.sum) : "");
      });
      if (clock.weights_in > 0) row.leaves.push_back(fmt::format("w+{}", clock.weights_in));
      if (clock.inputs_in > 0) row.leaves.push_back(fmt::format("x+{}", clock.inputs_in));
      if (clock.sums_in > 0) row.leaves.push_back(fmt::format("s+{}", clock.sums_in));
      if (clock.sums_out > 0) row.leaves.push_back(fmt::format("s-{}", clock.sums_out));
      table.rows.push_back(std::move(row));
    });
  } catch (const EnoughClocks&) {
  }
  table.notes.push_back(
      "PEi,j: filter row i, output row j of a set (t on filters, r on channels). yYxX a*w=s: output row Y, column X; input a times weight w;");
  table.notes.push_back(
      "s, this PE's sum after the clock. leaves: words on the buses: w+ weights in, x+ inputs in, s+ earlier sums in, s- sums out. -: no multiplication.");
  if (outcome)
    table.notes.push_back(
        fmt::format("{} clocks, {} multiply-accumulates, {} PEs in use of {}", outcome->cycles, outcome->macs, outcome->pe_active, array.multipliers()));
  else
    table.notes.push_back(fmt::format("cut after {} clocks; --clocks shows more", request.clocks));
  return table;
}

}  // namespace convroof::spatial
