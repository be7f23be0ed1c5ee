// convroof trace: what every PE of an accelerator does in every clock of a small layer, from the stepping engine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/verbs/clock_table.h"
#include "backends/spatial/verbs/trace.h"
#include "backends/spatial/verbs/verbs.h"
#include "workloads/nearest.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

struct Options {
  std::string accelerator = "systolic-ws", network, layer, svg;
  std::vector<std::int64_t> input, kernel, values, weights;
  std::optional<std::int64_t> filters, stride, padding, rows, columns;
  std::vector<std::string> zeros;
  std::int64_t clocks = 200;
};

LayerSpec layer_of_network(const Options& o) {
  const Network network = load_network(o.network);
  const NetworkLayer* layer = network.find(o.layer);
  std::vector<std::string> names;
  for (const NetworkLayer& known : network.layers)
    if (known.spec.has_weights()) names.push_back(known.spec.name);
  if (layer == nullptr || !layer->spec.has_weights()) throw std::invalid_argument(unknown_name("layer with weights", o.layer, names));
  return layer->spec;
}

// The family's example, with what the user changed.
LayerSpec layer_of_example(const TraceExample& e, const Options& o) {
  const std::vector<std::int64_t>&input = o.input.empty() ? e.input : o.input, &kernel = o.kernel.empty() ? e.kernel : o.kernel;
  const std::int64_t stride = o.stride.value_or(e.stride), padding = o.padding.value_or(e.padding);
  LayerSpec l;
  l.name = "example";
  l.in_channels = input[0], l.in_height = input[1], l.in_width = input[2];
  l.out_channels = o.filters.value_or(e.filters);
  l.kernel_height = kernel[0], l.kernel_width = kernel[1];
  l.stride_height = l.stride_width = stride;
  l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = padding;
  l.out_height = output_extent(l.in_height, l.kernel_height, l.stride_height, 1, padding, padding);
  l.out_width = output_extent(l.in_width, l.kernel_width, l.stride_width, 1, padding, padding);
  validate(l);
  return l;
}

// `values` over and over; none: numbers that tell where they come from, counting from 1.
std::vector<std::int16_t> repeated(const std::vector<std::int16_t>& values, std::int64_t count) {
  std::vector<std::int16_t> result;
  for (std::int64_t i = 0; i < count; ++i)
    result.push_back(values.empty() ? static_cast<std::int16_t>(i % 99 + 1) : values[static_cast<std::size_t>(i) % values.size()]);
  return result;
}

// "6-11" or "6": inputs counted from 1.
void make_zero(std::vector<std::int16_t>& input, const std::string& range) {
  std::size_t first = 0, last = 0;
  char rest = 0;
  const int found = std::sscanf(range.c_str(), "%zu-%zu%c", &first, &last, &rest);
  if (found == 1 && range.find_first_not_of("0123456789") == std::string::npos) last = first;
  if ((found != 2 && last != first) || found < 1 || first < 1 || last < first || last > input.size())
    throw std::invalid_argument(fmt::format("--zeros {}: write numbers of inputs from 1 to {}, as 6-11 or 6,9", range, input.size()));
  std::fill(input.begin() + static_cast<std::ptrdiff_t>(first) - 1, input.begin() + static_cast<std::ptrdiff_t>(last), std::int16_t{0});
}

ClockTable table_of(const Options& o) {
  const Accelerator a = load_accelerator(o.accelerator);
  const TraceExample example = std::visit([](const auto& array) { return trace_example(array); }, a.array);
  TraceRequest request;
  request.is_example = o.network.empty();
  request.layer = request.is_example ? layer_of_example(example, o) : layer_of_network(o);
  request.clocks = o.clocks, request.rows = o.rows, request.columns = o.columns;
  if (const std::string reason = why_not(a, request.layer, 1); !reason.empty()) throw std::invalid_argument(fmt::format("{}: {}", a.name, reason));
  const auto narrow = [](const std::vector<std::int64_t>& values) { return std::vector<std::int16_t>(values.begin(), values.end()); };
  request.input = repeated(narrow(o.values), input_elements(request.layer));
  for (const std::string& range : o.zeros) make_zero(request.input, range);
  request.weights = repeated(o.weights.empty() ? example.weights : narrow(o.weights), weight_count(request.layer));
  return std::visit([&](const auto& array) { return trace(a, array, request); }, a.array);
}

}  // namespace

int trace_main(const std::vector<std::string>& arguments) {
  Options o;
  CLI::App app("Prints what every PE does in every clock of a small layer, from the engine that steps", "convroof trace");
  app.add_option("--accelerator", o.accelerator, "a shipped accelerator or a file")->capture_default_str();
  auto* network = app.add_option("--network", o.network, "take a layer of this network instead of the example");
  auto* layer = app.add_option("--layer", o.layer, "which layer");
  network->needs(layer), layer->needs(network);
  app.add_option("--input", o.input, "example: channels height width")->expected(3)->check(CLI::Range(1, 64));
  app.add_option("--kernel", o.kernel, "example: height width")->expected(2)->check(CLI::Range(1, 64));
  app.add_option("--filters", o.filters, "example: output channels")->check(CLI::Range(1, 64));
  app.add_option("--stride", o.stride, "example")->check(CLI::Range(1, 64));
  app.add_option("--padding", o.padding, "example")->check(CLI::Range(0, 64));
  app.add_option("--values", o.values, "the inputs, in order, over and over (1, 2, ... 99)")->delimiter(',')->check(CLI::Range(-32768, 32767));
  app.add_option("--weights", o.weights, "the weights, likewise")->delimiter(',')->check(CLI::Range(-32768, 32767));
  app.add_option("--zeros", o.zeros, "inputs that are zero, counted from 1, as 6-11 or 6,9")->delimiter(',');
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
