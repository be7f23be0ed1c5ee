// SCNN and the dense machine that it is compared with.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>

#include "backends/spatial/stepping/dcnn.h"
#include "backends/spatial/stepping/scnn.h"
#include "backends/spatial/verbs/trace.h"

namespace convroof::spatial {
namespace {

// The example shows a corner of 2 x 2 PEs; a whole machine fits no page.
template <typename Machine>
Machine corner(const Machine& whole, const TraceRequest& request) {
  Machine array = whole;
  array.pe_rows = request.rows.value_or(request.is_example ? std::min<std::int64_t>(array.pe_rows, 2) : array.pe_rows);
  array.pe_columns = request.columns.value_or(request.is_example ? std::min<std::int64_t>(array.pe_columns, 2) : array.pe_columns);
  if (array.pes() > kMostTracedPes)
    throw std::invalid_argument(fmt::format("a table of {} is too wide to read; give --rows and --columns with at most {} PEs", array.shape(), kMostTracedPes));
  return array;
}

void name_pes(ClockTable& table, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) table.pes.push_back(fmt::format("PE{},{}", r, c));
}

std::string totals(const std::optional<Outcome>& o, std::int64_t multipliers, std::int64_t most_clocks) {
  if (!o) return fmt::format("cut after {} clocks; --clocks shows more", most_clocks);
  const double places = static_cast<double>(o->cycles * static_cast<std::uint64_t>(multipliers));
  return fmt::format("{} clocks, {} multiply-accumulates, {:.1f} % of {} multipliers x clocks", o->cycles, o->macs,
                     places > 0 ? 100.0 * static_cast<double>(o->macs) / places : 0.0, multipliers);
}

}  // namespace

TraceExample trace_example(const Dcnn&) { return {.input = {2, 3, 3}, .kernel = {2, 2}, .filters = 2}; }
TraceExample trace_example(const Scnn&) { return {.input = {2, 3, 3}, .kernel = {2, 2}, .filters = 2}; }

ClockTable trace(const Accelerator& a, const Dcnn& whole, const TraceRequest& request) {
  const Dcnn array = corner(whole, request);
  const Problem p{.layer = request.layer, .input = request.input, .weights = request.weights};
  ClockTable table;
  table.title = fmt::format("{} on {} of {}: {} pixels, {} products a sum, {} filters", request.layer.name, array.shape(), a.name, p.n(), p.k(), p.m());
  name_pes(table, array.pe_rows, array.pe_columns);
  std::vector<std::int64_t> output(static_cast<std::size_t>(output_elements(request.layer)));
  std::optional<Outcome> outcome;
  try {
    outcome = stepping::run(a, array, p, output, [&](const stepping::DcnnClock& clock) {
      if (clock.number > static_cast<std::uint64_t>(request.clocks)) throw EnoughClocks{};
      ClockRow row{fmt::format("{}", clock.number), {}, {}};
      for (const stepping::DcnnPeClock& pe : clock.pes) row.pes.push_back(pe.n < 0 ? "" : fmt::format("n{}m{} k{}.. s={}", pe.n, pe.m, pe.first_k, pe.sum));
      table.rows.push_back(std::move(row));
    });
  } catch (const EnoughClocks&) {
  }
  table.notes.push_back("nNmM kK.. s=S: a dot product from reduction index K on, for output pixel N and filter M, and the sum after this clock. -: no pixel.");
  table.notes.push_back(totals(outcome, array.multipliers(), request.clocks));
  return table;
}

ClockTable trace(const Accelerator& a, const Scnn& whole, const TraceRequest& request) {
  const Scnn array = corner(whole, request);
  if (const std::string reason = why_not(a, array, request.layer, 1); !reason.empty()) throw std::invalid_argument(reason);
  const Problem p{.layer = request.layer, .input = request.input, .weights = request.weights};
  ClockTable table;
  table.title = fmt::format("{} on {} of {}: {} x {} inputs, {} channels, {} filters", request.layer.name, array.shape(), a.name, request.layer.in_height,
                            request.layer.in_width, request.layer.in_channels, p.m());
  name_pes(table, array.pe_rows, array.pe_columns);
  std::vector<std::int64_t> output(static_cast<std::size_t>(output_elements(request.layer)));
  std::set<std::int64_t> missing;  // outputs that did not leave yet; what leaves after a clock is seen with the next
  for (std::int64_t i = 0; i < output_elements(request.layer); ++i) missing.insert(i);
  const auto leave = [&](std::int64_t index) {
    if (!table.rows.empty()) table.rows.back().leaves.push_back(fmt::format("Y{}={}", index, output[static_cast<std::size_t>(index)]));
    missing.erase(index);
  };
  std::optional<Outcome> outcome;
  try {
    outcome = stepping::run(a, array, p, output, [&](const stepping::ScnnClock& clock) {
      for (const std::int64_t index : clock.finished) leave(index);
      if (clock.number > static_cast<std::uint64_t>(request.clocks)) throw EnoughClocks{};
      ClockRow row{fmt::format("{}", clock.number), {}, {}};
      for (const stepping::ScnnPeClock& pe : clock.pes) {
        using State = stepping::ScnnPeClock::State;
        std::string cell = pe.state == State::multiplies ? fmt::format("c{} {}p {}s", pe.channel, pe.products, pe.stored)
                           : pe.state == State::queues   ? fmt::format("queue {}s", pe.stored)
                                                         : "";
        if (pe.sent > 0) cell += cell.empty() ? "halo" : " halo";
        row.pes.push_back(std::move(cell));
      }
      table.rows.push_back(std::move(row));
    });
    for (const std::int64_t index : std::set(missing)) leave(index);
  } catch (const EnoughClocks&) {
  }
  table.notes.push_back(
      "cC Pp Ss: channel C, P products, S of them taken by their accumulator banks. queue: banks take what is left. halo: a sum goes to its owner.");
  table.notes.push_back("-: waits for the slowest PE. Y: an output, by its place in NCHW.");
  table.notes.push_back(totals(outcome, array.multipliers(), request.clocks));
  return table;
}

}  // namespace convroof::spatial
