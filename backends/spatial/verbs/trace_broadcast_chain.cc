#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "backends/spatial/stepping/broadcast_chain.h"
#include "backends/spatial/verbs/trace.h"

namespace convroof::spatial {

TraceExample trace_example(const BroadcastChainArray&) { return {.input = {1, 3, 4}, .kernel = {2, 2}, .filters = 1, .weights = {}}; }

ClockTable trace(const Accelerator& a, const BroadcastChainArray& whole, const TraceRequest& request) {
  const LayerSpec& layer = request.layer;
  BroadcastChainArray array = whole;
  if (array.pes == 0) {
    array.rows = request.rows.value_or(array.rows), array.columns = request.columns.value_or(array.columns);
    if (request.is_example) array.engines = std::min<std::int64_t>(array.engines, 2), array.chain = std::min(array.chain, array.engines);
  }
  const BroadcastChainMapping mapping(array, layer);
  if (mapping.filters * mapping.channels * mapping.rows * mapping.columns > kMostTracedPes)
    throw std::invalid_argument(
        fmt::format("a table of {} x {} engines of {} x {} PEs is too wide to read; it may have {} PEs; trace a smaller filter or fewer", mapping.filters,
                    mapping.channels, mapping.rows, mapping.columns, kMostTracedPes));
  const Problem p{.layer = layer, .input = request.input, .weights = request.weights};

  ClockTable table;
  table.title = fmt::format("{} on {} of {}: {} x {} outputs, reduction {}, {} filters", layer.name, array.shape(), a.name, layer.out_height, layer.out_width,
                            p.k(), p.m());
  const auto each_pe = [&](const auto& visit) {
    for (std::int64_t f = 0; f < mapping.filters; ++f)
      for (std::int64_t q = 0; q < mapping.channels; ++q)
        for (std::int64_t r = 0; r < mapping.rows; ++r)
          for (std::int64_t s = 0; s < mapping.columns; ++s) visit(f, q, r, s);
  };
  each_pe([&](std::int64_t f, std::int64_t q, std::int64_t r, std::int64_t s) {
    table.pes.push_back(
        fmt::format("{}{}PE{},{}", mapping.filters > 1 ? fmt::format("F{} ", f) : "", mapping.channels > 1 ? fmt::format("C{} ", q) : "", r, s));
  });
  std::vector<std::int64_t> output(static_cast<std::size_t>(output_elements(layer)));
  std::optional<Outcome> outcome;
  try {
    outcome = stepping::run(a, array, p, output, [&](const stepping::ChainClock& clock) {
      if (clock.number > static_cast<std::uint64_t>(request.clocks)) throw EnoughClocks{};
      ClockRow row{fmt::format("{}", clock.number), {}, {}};
      each_pe([&](std::int64_t f, std::int64_t q, std::int64_t r, std::int64_t s) {
        const stepping::ChainCell cell = clock.cell(f, q, r, s);
        row.pes.push_back(clock.loading ? "load" : cell.multiplies ? fmt::format("Y{} {}*{}={}", cell.output, cell.input, cell.weight, cell.sum) : "");
      });
      for (const std::int64_t index : clock.finished) row.leaves.push_back(fmt::format("Y{}={}", index, output[static_cast<std::size_t>(index)]));
      table.rows.push_back(std::move(row));
    });
  } catch (const EnoughClocks&) {
  }
  table.notes.push_back("Yn x*w=s: the sum of output n (by its place in NCHW) passes this PE, which adds the broadcast pixel x times its weight w; s: the sum");
  table.notes.push_back("after this clock. load: weights are shifted in. -: no sum passes, or one that belongs to no output.");
  if (outcome)
    table.notes.push_back(fmt::format("{} clocks, {} multiply-accumulates, {} pixels called out, {} moves of sums from PE to PE", outcome->cycles,
                                      outcome->macs, outcome->accesses.reads(Level::global, Operand::input) + outcome->padding_words,
                                      outcome->accesses.reads(Level::array, Operand::psum)));
  else
    table.notes.push_back(fmt::format("cut after {} clocks; --clocks shows more", request.clocks));
  return table;
}

}  // namespace convroof::spatial
