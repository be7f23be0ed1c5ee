// convroof trace: what every PE of an accelerator does in every clock of a small layer, from the stepping engine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/stepping/systolic.h"
#include "backends/spatial/verbs/clock_table.h"
#include "backends/spatial/verbs/verbs.h"
#include "workloads/nearest.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

constexpr std::int64_t kMostColumns = 64;  // a wider table helps nobody

struct Options {
  std::string accelerator = "systolic-ws", network, layer, svg;
  std::vector<std::int64_t> input = {2, 2, 2}, kernel = {1, 1};
  std::int64_t filters = 3, stride = 1, padding = 0, rows = 0, columns = 0, clocks = 200;
};

LayerSpec layer_of(const Options& o) {
  if (!o.network.empty()) {
    const Network network = load_network(o.network);
    const NetworkLayer* layer = network.find(o.layer);
    std::vector<std::string> names;
    for (const NetworkLayer& known : network.layers)
      if (known.spec.has_weights()) names.push_back(known.spec.name);
    if (layer == nullptr || !layer->spec.has_weights()) throw std::invalid_argument(unknown_name("layer with weights", o.layer, names));
    return layer->spec;
  }
  LayerSpec l;
  l.name = "example";
  l.in_channels = o.input[0], l.in_height = o.input[1], l.in_width = o.input[2];
  l.out_channels = o.filters;
  l.kernel_height = o.kernel[0], l.kernel_width = o.kernel[1];
  l.stride_height = l.stride_width = o.stride;
  l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = o.padding;
  l.out_height = output_extent(l.in_height, l.kernel_height, l.stride_height, 1, o.padding, o.padding);
  l.out_width = output_extent(l.in_width, l.kernel_width, l.stride_width, 1, o.padding, o.padding);
  validate(l);
  return l;
}

struct EnoughClocks {};

ClockTable table_of(const Options& o) {
  const LayerSpec layer = layer_of(o);
  Accelerator a = load_accelerator(o.accelerator);
  // The example fits a corner of the array; a whole one of 256 PEs fits no page.
  const bool example = o.network.empty();
  a.rows = o.rows > 0 ? o.rows : example ? std::min<std::int64_t>(a.rows, 3) : a.rows;
  a.columns = o.columns > 0 ? o.columns : example ? std::min<std::int64_t>(a.columns, 3) : a.columns;
  if (a.rows * a.columns > kMostColumns)
    throw std::invalid_argument(
        fmt::format("a table of {} x {} PEs is too wide to read; give --rows and --columns with at most {} PEs", a.rows, a.columns, kMostColumns));
  // Numbers that tell where they come from: the input counts from 1, the weights from 1.
  std::vector<std::int16_t> input, weights;
  for (std::int64_t i = 0; i < input_elements(layer); ++i) input.push_back(static_cast<std::int16_t>(i % 99 + 1));
  for (std::int64_t i = 0; i < weight_count(layer); ++i) weights.push_back(static_cast<std::int16_t>(i % 99 + 1));
  const Problem p{.layer = layer, .input = input, .weights = weights};

  ClockTable table;
  table.title = fmt::format("{} on {} x {} PEs of {}: {} pixels, reduction {}, {} filters", layer.name, a.rows, a.columns, a.name, p.n(), p.k(), p.m());
  for (std::int64_t r = 0; r < a.rows; ++r)
    for (std::int64_t c = 0; c < a.columns; ++c) table.pes.push_back(fmt::format("PE{},{}", r, c));
  std::vector<std::int64_t> output(static_cast<std::size_t>(output_elements(layer)));
  std::optional<Outcome> outcome;
  try {
    outcome = stepping::run_systolic(a, p, output, [&](const stepping::Clock& clock) {
      if (clock.number > static_cast<std::uint64_t>(o.clocks)) throw EnoughClocks{};
      ClockRow row{fmt::format("{}", clock.number), {}, {}};
      for (std::int64_t r = 0; r < a.rows; ++r)
        for (std::int64_t c = 0; c < a.columns; ++c) {
          const stepping::Cell cell = clock.cell(r, c);
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
                    100.0 * static_cast<double>(outcome->macs) / static_cast<double>(outcome->cycles * static_cast<std::uint64_t>(a.rows * a.columns)),
                    a.rows * a.columns));
  else
    table.notes.push_back(fmt::format("cut after {} clocks; --clocks shows more", o.clocks));
  return table;
}

}  // namespace

int trace_main(const std::vector<std::string>& arguments) {
  Options o;
  CLI::App app("Prints what every PE does in every clock of a small layer, from the engine that steps", "convroof trace");
  app.add_option("--accelerator", o.accelerator, "a shipped accelerator or a file")->capture_default_str();
  auto* network = app.add_option("--network", o.network, "take a layer of this network instead of the example");
  auto* layer = app.add_option("--layer", o.layer, "which layer");
  network->needs(layer), layer->needs(network);
  app.add_option("--input", o.input, "example: channels height width")->expected(3)->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--kernel", o.kernel, "example: height width")->expected(2)->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--filters", o.filters, "example: output channels")->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--stride", o.stride, "example")->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--padding", o.padding, "example")->check(CLI::Range(0, 64))->capture_default_str();
  app.add_option("--rows", o.rows, "rows of PEs (the example uses a corner of 3 x 3)")->check(CLI::Range(1, 64));
  app.add_option("--columns", o.columns, "columns of PEs")->check(CLI::Range(1, 64));
  app.add_option("--clocks", o.clocks, "stop after so many")->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--svg", o.svg, "also draw the table into this file");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    throw std::invalid_argument(fmt::format("{}; see convroof trace --help", error.what()));
  }
  const ClockTable table = table_of(o);
  std::fputs(as_text(table).c_str(), stdout);
  if (!o.svg.empty()) {
    std::ofstream file(o.svg);
    file << as_svg(table);
    if (!file.flush()) throw std::invalid_argument(fmt::format("--svg {}: cannot be written; choose another place", o.svg));
  }
  return 0;
}

}  // namespace convroof::spatial
