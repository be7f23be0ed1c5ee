// convroof describe NETWORK: the classic table of where the cost of a network lies.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/command_line.h"
#include "harness/describe_reuse.h"
#include "harness/exit_code.h"
#include "harness/text_table.h"
#include "harness/verbs.h"
#include "workloads/checked.h"
#include "workloads/nearest.h"
#include "workloads/network_file.h"

namespace convroof {
namespace {

using Json = nlohmann::ordered_json;

struct Row {
  const NetworkLayer* layer;
  LayerDensity density;
  LayerCost cost;  // of one occurrence
};

struct Table {
  Network network;
  std::int64_t batch = 1;
  DataType type = DataType::f32;
  std::string density;
  bool training = false;
  std::vector<Row> rows;
  LayerCost total;  // repeats included

  std::int64_t activation_bytes(const LayerCost& cost) const { return checked_product(cost.activation_elements, bytes_per_element(format_of(type).output)); }
};

Table table_of(const std::string& network, std::int64_t batch, DataType type, const std::string& density_name, bool training) {
  Table table{load_network(network), batch, type, "", training, {}, {}};
  const DensitySet densities = DensitySet::named(density_name);
  table.density = densities.name();
  for (std::size_t i = 0; i < table.network.layers.size(); ++i) {
    const NetworkLayer& layer = table.network.layers[i];
    std::string reason;
    const auto density = densities.of(table.network, static_cast<int>(i), &reason);
    if (!density) throw UsageError(reason);
    const bool is_first = std::find(layer.inputs.begin(), layer.inputs.end(), kNetworkInput) != layer.inputs.end();
    table.rows.push_back({&layer, *density, cost_of(layer.spec, batch, type, *density, is_first)});
    table.total += table.rows.back().cost.times(layer.repeats);
  }
  return table;
}

Json json_of(const LayerCost& cost, const Table& table) {
  Json json;
  json["macs"] = cost.macs;
  json["macs_valid"] = cost.macs_valid;
  json["ops_other"] = cost.ops_other;
  json["weights"] = cost.weights;
  json["biases"] = cost.biases;
  json["input_bytes"] = cost.input_bytes;
  json["weight_bytes"] = cost.weight_bytes;
  json["bias_bytes"] = cost.bias_bytes;
  json["output_bytes"] = cost.output_bytes;
  json["bytes_compulsory"] = cost.bytes_compulsory();
  json["intensity_effective"] = cost.intensity_effective();
  if (table.training) {
    json["macs_backward_data"] = cost.macs_backward_data;
    json["macs_backward_weights"] = cost.macs_backward_weights;
    json["activation_bytes"] = table.activation_bytes(cost);
  }
  return json;
}

Json json_of(const Table& table) {
  Json json;
  json["network"] = table.network.name;
  json["title"] = table.network.title;
  json["source"] = table.network.source;
  json["note"] = table.network.note;
  json["hash"] = content_hash(table.network);
  json["batch"] = table.batch;
  json["type"] = name_of(table.type);
  json["density"] = table.density;
  json["layers"] = Json::array();
  for (const Row& row : table.rows) {
    const LayerSpec& spec = row.layer->spec;
    Json layer;
    layer["name"] = spec.name;
    layer["op"] = name_of(spec.op);
    layer.update(json_of(row.cost, table));
    if (spec.has_weights()) layer["reuse"] = reuse_json(spec, table.batch);
    layer["repeats"] = row.layer->repeats;
    layer["input_shape"] = {spec.in_channels, spec.in_height, spec.in_width};
    layer["output_shape"] = {spec.out_channels, spec.out_height, spec.out_width};
    layer["kernel"] = {spec.kernel_height, spec.kernel_width};
    layer["stride"] = {spec.stride_height, spec.stride_width};
    layer["dilation"] = {spec.dilation_height, spec.dilation_width};
    layer["padding"] = {spec.pad_top, spec.pad_left, spec.pad_bottom, spec.pad_right};
    layer["groups"] = spec.groups;
    layer["activation"] = name_of(spec.activation);
    layer["batch_norm_folded"] = spec.has_batch_norm;
    layer["weight_density"] = row.density.weights.share;
    layer["activation_density"] = row.density.activations;
    json["layers"].push_back(std::move(layer));
  }
  json["totals"] = json_of(table.total, table);
  json["totals"]["reuse"] = reuse_json(table.network, table.batch);
  return json;
}

std::string shape(std::int64_t channels, std::int64_t height, std::int64_t width) { return fmt::format("{}x{}x{}", channels, height, width); }

std::string percent(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? "-" : fmt::format("{:.2f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

void print(const Table& table) {
  std::vector<std::vector<std::string>> lines = {
      {"layer", "op", "input", "output", "filter", "MACs", "share", "weights", "share", "biases", "input B", "weight B", "output B", "op/B"}};
  if (table.training) lines[0].insert(lines[0].end(), {"MACs bwd data", "MACs bwd weights", "activations B"});
  const auto add = [&](const std::string& name, const std::string& op, const std::string& in, const std::string& out, const std::string& filter,
                       const LayerCost& cost) {
    lines.push_back({name, op, in, out, filter, grouped(cost.macs), percent(cost.macs, table.total.macs), grouped(cost.weights),
                     percent(cost.weights, table.total.weights), grouped(cost.biases), grouped(cost.input_bytes), grouped(cost.weight_bytes),
                     grouped(cost.output_bytes), fmt::format("{:.2f}", cost.intensity_effective())});
    if (table.training)
      lines.back().insert(lines.back().end(), {grouped(cost.macs_backward_data), grouped(cost.macs_backward_weights), grouped(table.activation_bytes(cost))});
  };
  bool folded = false;
  for (const Row& row : table.rows) {
    const LayerSpec& l = row.layer->spec;
    std::string filter = l.has_weights() || l.op == Op::maxpool || l.op == Op::avgpool ? fmt::format("{}x{}", l.kernel_height, l.kernel_width) : "";
    if (l.stride_height != 1 || l.stride_width != 1) filter += fmt::format("/{}", l.stride_height);
    if (l.groups != 1) filter += fmt::format(" g{}", l.groups);
    std::string name = l.name;
    if (row.layer->repeats != 1) name += fmt::format(" (x{})", row.layer->repeats);
    std::string op(name_of(l.op));
    if (l.activation != Activation::none) op += fmt::format("+{}", name_of(l.activation));
    add(name, op, shape(l.in_channels, l.in_height, l.in_width), shape(l.out_channels, l.out_height, l.out_width), filter, row.cost);
    folded = folded || l.has_batch_norm;
  }
  add("total", "", "", "", "", table.total);

  std::puts(
      fmt::format("{}, batch {}, {}, {}, hash {}", table.network.title, table.batch, name_of(table.type), table.density, content_hash(table.network)).c_str());
  std::fputs(text_table(lines, 5).c_str(), stdout);
  std::puts(
      "A MAC is one multiplication and one addition. MACs count padding taps, as the papers do; --json gives macs_valid without them. op/B: 2 MACs a "
      "compulsory byte.");
  std::fputs(reuse_bounds_text(table.network, table.batch).c_str(), stdout);
  if (folded) std::puts("Batch normalisation is folded into weights and biases.");
  if (!table.network.note.empty()) std::puts(table.network.note.c_str());
  if (!table.network.source.empty()) std::puts(fmt::format("Shapes: {}", table.network.source).c_str());
}

int describe(const std::vector<std::string>& arguments) {
  CLI::App app("The cost table of a network: a row a layer, and totals.", "describe");
  std::string network, type_name = "f32", density = "dense";
  std::int64_t batch = 1;
  bool training = false, reuse = false, json = false;
  app.add_option("network", network, "a shipped network, or the path of a network file")->required();
  app.add_option("--batch", batch, "images")->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  app.add_option("--type", type_name, "f32, bf16, f16, s8, s16");
  app.add_option("--density", density, "dense, uniform:W/A, N:M, a shipped set or a path");
  app.add_flag("--training", training, "add the MACs of the backward passes and the memory of kept activations");
  app.add_flag("--reuse", reuse, "add how often weights, inputs and sums can be used again (JSON always has it)");
  app.add_flag("--json", json, "machine-readable");
  if (const auto code = parse_arguments(app, arguments)) return *code;

  const auto type = data_type_named(type_name);
  if (!type) throw UsageError(unknown_name("type", type_name, {"f32", "bf16", "f16", "s8", "s16"}));
  const Table table = table_of(network, batch, *type, density, training);
  if (json)
    std::puts(json_of(table).dump(2).c_str());
  else
    print(table);
  if (reuse && !json) std::fputs(reuse_tables(table.network, batch).c_str(), stdout);
  flush_stdout();
  return exit_code::success;
}

}  // namespace

Verb describe_verb() { return {"describe", "the cost table of a network", describe}; }

}  // namespace convroof
