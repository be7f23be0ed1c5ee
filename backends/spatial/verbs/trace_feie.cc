#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "backends/spatial/stepping/feie.h"
#include "backends/spatial/verbs/trace.h"

namespace convroof::spatial {

// Two rows of eight pixels and three weights: the example of Gross and Meyer's EPEPS 2019 tutorial.
TraceExample trace_example(const FeieArray&) { return {.input = {1, 2, 8}, .kernel = {1, 3}, .filters = 1, .weights = {1, 10, 100}}; }

ClockTable trace(const Accelerator& a, const FeieArray& array, const TraceRequest& request) {
  const LayerSpec& layer = request.layer;
  const FeieLayer l(layer);
  const FeieMode mode(array, l);
  const std::int64_t filters = std::min(l.filters, mode.filters), pixels = l.out_height * l.out_width;
  if (request.rows || request.columns)
    throw std::invalid_argument(fmt::format("{}: its filter row and stride say how many PEs there are; leave --rows and --columns out", a.name));
  if (filters * mode.pes > kMostTracedPes)
    throw std::invalid_argument(
        fmt::format("{} filters x {} PEs make a table too wide to read; give fewer --filters, for at most {} PEs", filters, mode.pes, kMostTracedPes));
  const Problem p{.layer = layer, .input = request.input, .weights = request.weights};

  // An output is P7, or P7 of filter 2: F2P7.
  const bool one_filter = layer.out_channels == 1;
  const auto name_of_output = [&](std::int64_t index) {
    return one_filter ? fmt::format("P{}", index + 1) : fmt::format("F{}P{}", index / pixels + 1, index % pixels + 1);
  };
  ClockTable table;
  table.title = fmt::format("{} on {}: {} x {} x {} inputs, {} filter{} of {} x {}, stride {}: T = {} PEs a filter", layer.name, a.name, layer.in_channels,
                            layer.in_height, layer.in_width, layer.out_channels, layer.out_channels == 1 ? "" : "s", l.rows, l.taps, l.stride_x, mode.pes);
  table.enters = "pixel", table.leaves = "done";
  for (std::int64_t f = 0; f < filters; ++f)
    for (std::int64_t k = 0; k < mode.pes; ++k) table.pes.push_back(filters == 1 ? fmt::format("PE{}", k + 1) : fmt::format("F{}.PE{}", f + 1, k + 1));

  std::vector<std::int64_t> output(static_cast<std::size_t>(output_elements(layer)));
  std::vector<bool> seen(output.size());
  std::optional<Outcome> outcome;
  try {
    outcome = stepping::run(a, array, p, output, [&](const stepping::FeieClock& clock) {
      if (clock.number > static_cast<std::uint64_t>(request.clocks)) throw EnoughClocks{};
      ClockRow row;
      row.clock = fmt::format("{}", clock.number);
      row.enters = !clock.is_streaming ? "wait"
                   : clock.pixel < 0   ? "0"
                                       : fmt::format("X{}={}", clock.pixel + 1, request.input[static_cast<std::size_t>(clock.pixel)]);
      for (std::int64_t f = 0; f < filters; ++f)
        for (std::int64_t k = 0; k < mode.pes; ++k) {
          const stepping::FeieCell cell = f < clock.filters ? clock.cell(f, k) : stepping::FeieCell{};
          row.pes.push_back(cell.multiplies ? fmt::format("{} W{} {}*{}={}", name_of_output(cell.output), cell.tap + 1, cell.input, cell.weight, cell.sum)
                                            : std::string());
        }
      for (const bool early : {false, true})
        for (const stepping::FeieFinished& done : clock.finished) {
          if (done.early != early) continue;
          const std::string text = fmt::format("{}={}", name_of_output(done.output), done.value);
          row.leaves.push_back(early ? "(" + text + ")" : text);
          seen[static_cast<std::size_t>(done.output)] = true;
        }
      if (clock.is_bubble && row.leaves.empty()) row.leaves.push_back("bubble");
      table.rows.push_back(std::move(row));
    });
  } catch (const EnoughClocks&) {
  }
  table.notes.push_back(
      "P W x*w=s: output P (in raster order), weight W of its filter, input x times weight w, and the sum s after this clock. -: no multiplication.");
  table.notes.push_back(
      "done: outputs that no later clock changes; in brackets those whose remaining pixels are all zero. bubble: a row began, nothing is complete yet.");
  if (!outcome) {
    table.notes.push_back(fmt::format("cut after {} clocks; --clocks shows more", request.clocks));
    return table;
  }
  std::string never;
  for (std::size_t i = 0; i < output.size(); ++i)
    if (!seen[i]) never += fmt::format(" {}={}", name_of_output(static_cast<std::int64_t>(i)), output[i]);
  if (!never.empty()) table.notes.push_back("all pixels of the last pass zero, so never scheduled in it:" + never);
  std::string values;
  for (std::size_t i = 0; i < std::min<std::size_t>(output.size(), 64); ++i)
    values += fmt::format("{}{}", i == 0 ? "" : i % static_cast<std::size_t>(layer.out_width) == 0 ? " | " : " ", output[i]);
  table.notes.push_back("outputs: " + values + (output.size() > 64 ? " ..." : ""));
  const std::uint64_t slots = outcome->cycles * static_cast<std::uint64_t>(filters * mode.pes);
  table.notes.push_back(fmt::format("{} clocks, {} multiply-accumulates in {} PE slots, {:.1f} %", outcome->cycles, outcome->macs, slots,
                                    slots == 0 ? 0.0 : 100.0 * static_cast<double>(outcome->macs) / static_cast<double>(slots)));
  return table;
}

}  // namespace convroof::spatial
