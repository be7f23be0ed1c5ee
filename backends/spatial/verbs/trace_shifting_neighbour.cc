#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "backends/spatial/stepping/shifting_neighbour.h"
#include "backends/spatial/verbs/trace.h"

namespace convroof::spatial {

TraceExample trace_example(const ShiftingNeighbourArray&) { return {.input = {1, 4, 4}, .kernel = {2, 2}, .filters = 1, .weights = {}}; }

ClockTable trace(const Accelerator& a, const ShiftingNeighbourArray& whole, const TraceRequest& request) {
  const LayerSpec& layer = request.layer;
  // The example fits a corner of the array.
  ShiftingNeighbourArray array = whole;
  if (request.is_example) array.filters = std::min<std::int64_t>(array.filters, 2);
  array.rows = request.rows.value_or(request.is_example ? std::min<std::int64_t>(array.rows, 2) : array.rows);
  array.columns = request.columns.value_or(request.is_example ? std::min<std::int64_t>(array.columns, 2) : array.columns);
  if (array.multipliers() > kMostTracedPes)
    throw std::invalid_argument(fmt::format("a table of {} is too wide to read; give --rows and --columns with at most {} PEs", array.shape(), kMostTracedPes));
  const Problem p{.layer = layer, .input = request.input, .weights = request.weights};
  const ShiftingNeighbourTile tile(a, array, layer);

  ClockTable table;
  table.title = fmt::format("{} on {} of {}: {} x {} outputs, reduction {}, {} filters", layer.name, array.shape(), a.name, layer.out_height, layer.out_width,
                            p.k(), p.m());
  for (std::int64_t f = 0; f < tile.filters; ++f)
    for (std::int64_t r = 0; r < tile.rows; ++r)
      for (std::int64_t c = 0; c < tile.columns; ++c)
        table.pes.push_back(tile.filters == 1 ? fmt::format("PE{},{}", r, c) : fmt::format("F{} PE{},{}", f, r, c));
  std::vector<std::int64_t> output(static_cast<std::size_t>(output_elements(layer)));
  std::optional<Outcome> outcome;
  try {
    outcome = stepping::run(a, array, p, output, [&](const stepping::NeighbourClock& clock) {
      if (clock.number > static_cast<std::uint64_t>(request.clocks)) throw EnoughClocks{};
      ClockRow row{fmt::format("{}", clock.number), {}, {}};
      for (std::int64_t f = 0; f < tile.filters; ++f)
        for (std::int64_t r = 0; r < tile.rows; ++r)
          for (std::int64_t c = 0; c < tile.columns; ++c) {
            const stepping::NeighbourCell cell = clock.cell(f, r, c);
            const char* from[] = {"buf", "right", "below", "zero"};
            row.pes.push_back(cell.multiplies ? fmt::format("{} {}*{}={}", from[static_cast<int>(cell.from)], cell.input, cell.weight, cell.sum) : "");
          }
      for (const std::int64_t index : clock.finished) row.leaves.push_back(fmt::format("Y{}={}", index, output[static_cast<std::size_t>(index)]));
      table.rows.push_back(std::move(row));
    });
  } catch (const EnoughClocks&) {
  }
  table.notes.push_back("from x*w=s: the PE takes input x from its right or lower neighbour, from the buffer (buf), or a zero made for padding; all PEs of");
  table.notes.push_back("a block multiply with the same weight w; s: the sum after this clock. Y: an output, by its place in NCHW. -: no multiplication.");
  if (outcome)
    table.notes.push_back(fmt::format("{} clocks, {} multiply-accumulates, {} inputs from the buffer, {} from neighbours", outcome->cycles, outcome->macs,
                                      outcome->accesses.reads(Level::global, Operand::input),
                                      outcome->macs / static_cast<std::uint64_t>(std::min(tile.filters, p.m())) -
                                          outcome->accesses.reads(Level::global, Operand::input) - outcome->padding_words));
  else
    table.notes.push_back(fmt::format("cut after {} clocks; --clocks shows more", request.clocks));
  return table;
}

}  // namespace convroof::spatial
