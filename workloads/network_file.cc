#include "workloads/network_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "workloads/checked.h"
#include "workloads/data_folder.h"
#include "workloads/import/scale_sim_topology.h"
#include "workloads/nearest.h"
#include "workloads/toml_document.h"

namespace convroof {
namespace {

constexpr std::int64_t kLargestExtent = 1 << 24;  // no channel count or image side comes near it
constexpr std::size_t kMostLayers = 10000;
constexpr std::string_view kImage = "image";  // how a layer names the network's own input

// Layer and network names become parts of case names and of file names.
bool is_plain_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '+';
  };
  return !name.empty() && name.size() <= 80 && std::all_of(name.begin(), name.end(), plain);
}

std::string plain_name(const TomlTable& table, std::string_view key, std::string_view mend) {
  const auto name = table.text(key);
  if (!name) table.fail_missing(key, mend);
  if (!is_plain_name(*name))
    table.fail_at(key, fmt::format("`{}` cannot be a name; use 1 to 80 ASCII letters, digits and _ - . + without blanks", name->substr(0, 60)));
  return *name;
}

struct Extent {
  std::int64_t channels, height, width;
  bool operator==(const Extent&) const = default;
};

// Reads one file. Layers see only what stands above them, so inputs always come first and a cycle cannot be written without being noticed.
class NetworkFile {
 public:
  explicit NetworkFile(const TomlDocument& document) : root_(document.root()) {}

  Network read() {
    root_.allow_only({"name", "title", "source", "note", "input", "layer"});
    network_.name = plain_name(root_, "name", "give the network a name, as name = \"alexnet\"");
    network_.title = root_.text("title").value_or(network_.name);
    network_.source = root_.text("source").value_or("");
    network_.note = root_.text("note").value_or("");
    if (!root_.has("input")) root_.fail_missing("input", "give the image's size, as input = [3, 224, 224] (channels, height, width)");
    const auto input = root_.integers("input", 1, kLargestExtent, {3});
    if (input->size() != 3) root_.fail_at("input", "`input` must be an array of 3 integers: channels, height, width");
    network_.input_channels = (*input)[0], network_.input_height = (*input)[1], network_.input_width = (*input)[2];

    tables_ = root_.tables("layer");
    if (tables_.empty()) root_.fail("a network needs at least one [[layer]]");
    if (tables_.size() > kMostLayers) root_.fail(fmt::format("more than {} layers; a description this long is a mistake", kMostLayers));
    for (const TomlTable& table : tables_) read_layer(table);
    return std::move(network_);
  }

 private:
  void read_layer(const TomlTable& table) {
    NetworkLayer layer;
    LayerSpec& spec = layer.spec;
    spec.name = plain_name(table, "name", "give the layer a name, as name = \"conv1\"");
    if (spec.name == kImage) table.fail_at("name", "`image` is the network's own input; choose another name");
    if (index_.contains(spec.name)) table.fail_at("name", fmt::format("a second layer is named `{}`; names must differ", spec.name));

    const auto op_name = table.text("op");
    if (!op_name) table.fail_missing("op", "one of conv, fc, maxpool, avgpool, lrn, add, relu, softmax");
    const auto op = op_named(*op_name);
    if (*op_name == "conv3d") table.fail_at("op", "`conv3d`: 3-D convolution is not supported; a 2-D one is `conv`, a 1-D one is `conv` with height 1");
    if (!op) table.fail_at("op", unknown_name("op", *op_name, {"conv", "fc", "maxpool", "avgpool", "lrn", "add", "relu", "softmax"}));
    spec.op = *op;
    allow_keys_of(spec.op, table);

    layer.inputs = inputs_of(table, spec);
    const Extent in = extent_of(layer.inputs[0]);
    spec.in_channels = in.channels, spec.in_height = in.height, spec.in_width = in.width;
    if (spec.op == Op::add) {
      const Extent other = extent_of(layer.inputs[1]);
      if (!(in == other))
        table.fail_at("inputs", fmt::format("the two inputs of `{}` differ: {}x{}x{} and {}x{}x{}; an addition needs equal shapes", spec.name, in.channels,
                                            in.height, in.width, other.channels, other.height, other.width));
    }

    read_shape(table, spec);
    if (const auto name = table.text("activation")) {
      const auto activation = activation_named(*name);
      if (!activation) table.fail_at("activation", unknown_name("activation", *name, {"none", "relu", "sigmoid", "tanh"}));
      spec.activation = *activation;
    }
    layer.repeats = table.integer("repeats", 1, 1 << 20).value_or(1);
    if (layer.repeats > 1 && !(extent_of(spec) == in))
      table.fail_at("repeats", fmt::format("`repeats`: `{}` cannot follow itself: its output {}x{}x{} is not its input {}x{}x{}", spec.name, spec.out_channels,
                                           spec.out_height, spec.out_width, in.channels, in.height, in.width));
    try {
      validate(spec);
      checked_product(macs(spec), layer.repeats);
    } catch (const std::overflow_error& error) {
      table.fail(fmt::format("layer `{}` is too large: {}; make it smaller", spec.name, error.what()));
    } catch (const std::invalid_argument& error) {
      table.fail(error.what());
    }
    index_[spec.name] = static_cast<int>(network_.layers.size());
    network_.layers.push_back(std::move(layer));
  }

  static void allow_keys_of(Op op, const TomlTable& table) {
    std::vector<std::string> known = {"name", "op", "repeats"};
    const auto add = [&](std::initializer_list<const char*> keys) { known.insert(known.end(), keys.begin(), keys.end()); };
    if (op == Op::add)
      add({"inputs", "activation"});
    else
      add({"input"});
    if (op == Op::conv) add({"out_channels", "kernel", "stride", "padding", "dilation", "groups", "bias", "batch_norm", "activation"});
    if (op == Op::fc) add({"out_channels", "bias", "batch_norm", "activation"});
    if (op == Op::maxpool || op == Op::avgpool) add({"kernel", "stride", "padding"});
    if (op == Op::lrn) add({"size", "alpha", "beta", "k"});
    table.allow_only(known);
  }

  std::vector<int> inputs_of(const TomlTable& table, const LayerSpec& spec) {
    if (spec.op == Op::add) {
      const auto names = table.texts("inputs");
      if (!names) table.fail_missing("inputs", "an addition names both, as inputs = [\"conv2_1_c\", \"conv2_1_proj\"]");
      if (names->size() != 2) table.fail_at("inputs", fmt::format("an addition has 2 inputs, got `{}`", names->size()));
      return {resolve(table, "inputs", spec.name, (*names)[0]), resolve(table, "inputs", spec.name, (*names)[1])};
    }
    if (const auto name = table.text("input")) return {resolve(table, "input", spec.name, *name)};
    return {static_cast<int>(network_.layers.size()) - 1};  // the layer above; kNetworkInput for the first
  }

  int resolve(const TomlTable& table, std::string_view key, const std::string& layer, const std::string& input) {
    if (input == kImage) return kNetworkInput;
    if (const auto found = index_.find(input); found != index_.end()) return found->second;
    if (input == layer) table.fail_at(key, fmt::format("cycle: `{}` takes its input from itself; name a layer above it", layer));
    std::vector<std::string> above = {std::string(kImage)};
    for (const NetworkLayer& known : network_.layers) above.push_back(known.spec.name);
    for (std::size_t i = network_.layers.size() + 1; i < tables_.size(); ++i) {
      if (tables_[i].text("name") != input) continue;
      if (leads_back(i, layer))
        table.fail_at(key, fmt::format("cycle: `{}` takes its input from `{}`, which depends on `{}`; break the circle", layer, input, layer));
      table.fail_at(key, fmt::format("`{}` takes its input from `{}`, which stands below it; move `{}` above", layer, input, input));
    }
    table.fail_at(key, fmt::format("{} (the input of `{}`)", unknown_name("layer", input, above), layer));
  }

  // Does the layer in tables_[start] need `target`, directly or through layers between?
  bool leads_back(std::size_t start, const std::string& target) const {
    std::set<std::size_t> seen;
    std::vector<std::size_t> open = {start};
    while (!open.empty()) {
      const std::size_t i = open.back();
      open.pop_back();
      if (!seen.insert(i).second) continue;
      std::vector<std::string> names;
      for (const char* key : {"input", "inputs"})
        if (const auto given = tables_[i].texts(key)) names.insert(names.end(), given->begin(), given->end());
      if (names.empty() && i > 0) names.push_back(tables_[i - 1].text("name").value_or(""));
      for (const std::string& name : names) {
        if (name == target) return true;
        for (std::size_t j = 0; j < tables_.size(); ++j)
          if (tables_[j].text("name") == name) open.push_back(j);
      }
    }
    return false;
  }

  static Extent extent_of(const LayerSpec& spec) { return {spec.out_channels, spec.out_height, spec.out_width}; }

  Extent extent_of(int index) const {
    if (index == kNetworkInput) return {network_.input_channels, network_.input_height, network_.input_width};
    return extent_of(network_.layers[static_cast<std::size_t>(index)].spec);
  }

  // height and width of a key that takes one number for both or two
  static void read_pair(const TomlTable& table, std::string_view key, std::int64_t low, std::int64_t& height, std::int64_t& width) {
    const auto values = table.integers(key, low, kLargestExtent, {2, 3});
    if (!values) return;
    if (values->size() == 3) table.fail_at(key, fmt::format("`{}` has 3 values: 3-D convolution is not supported; a 1-D one has height 1", key));
    height = values->front(), width = values->back();
  }

  void read_shape(const TomlTable& table, LayerSpec& spec) {
    spec.out_channels = spec.in_channels, spec.out_height = spec.in_height, spec.out_width = spec.in_width;
    if (spec.has_weights()) {
      const auto channels = table.integer("out_channels", 1, kLargestExtent);
      if (!channels) table.fail_missing("out_channels", "give the number of filters, as out_channels = 64");
      spec.out_channels = *channels;
      spec.has_batch_norm = table.boolean("batch_norm").value_or(false);
      spec.has_bias = table.boolean("bias").value_or(true);
      if (spec.has_batch_norm && !spec.has_bias)
        table.fail_at("bias", "a folded batch norm leaves a bias per output channel; remove `bias = false` or `batch_norm = true`");
    }
    if (spec.op == Op::fc) {
      spec.kernel_height = spec.in_height, spec.kernel_width = spec.in_width;
      spec.out_height = spec.out_width = 1;
    }
    if (spec.op == Op::lrn) {
      spec.lrn_size = table.integer("size", 1, 1 << 16).value_or(spec.lrn_size);
      if (spec.lrn_size % 2 == 0) table.fail_at("size", fmt::format("`size` must be odd to be centred, got `{}`", spec.lrn_size));
      spec.lrn_alpha = table.number("alpha", 0, 1e6).value_or(spec.lrn_alpha);
      spec.lrn_beta = table.number("beta", 0, 100).value_or(spec.lrn_beta);
      spec.lrn_k = table.number("k", 1e-6, 1e6).value_or(spec.lrn_k);
    }
    const bool is_pool = spec.op == Op::maxpool || spec.op == Op::avgpool;
    if (spec.op != Op::conv && !is_pool) return;

    if (!table.has("kernel")) table.fail_missing("kernel", "give the window, as kernel = 3 or kernel = [1, 7] (height, width)");
    read_pair(table, "kernel", 1, spec.kernel_height, spec.kernel_width);
    read_pair(table, "stride", 1, spec.stride_height, spec.stride_width);
    read_pair(table, "dilation", 1, spec.dilation_height, spec.dilation_width);
    if (const auto padding = table.integers("padding", 0, kLargestExtent, {2, 3, 4})) {
      if (padding->size() == 3)
        table.fail_at("padding", "`padding` has 3 values: 3-D convolution is not supported; give 1, 2 (height, width) or 4 (top, left, bottom, right)");
      spec.pad_top = spec.pad_bottom = spec.pad_left = spec.pad_right = padding->front();
      if (padding->size() == 2) spec.pad_left = spec.pad_right = (*padding)[1];
      if (padding->size() == 4) spec.pad_left = (*padding)[1], spec.pad_bottom = (*padding)[2], spec.pad_right = (*padding)[3];
    }
    spec.groups = table.integer("groups", 1, kLargestExtent).value_or(1);
    if (spec.in_channels % spec.groups != 0 || spec.out_channels % spec.groups != 0)
      table.fail_at("groups", fmt::format("`groups` = {} must divide the {} input and the {} output channels of `{}`", spec.groups, spec.in_channels,
                                          spec.out_channels, spec.name));
    try {
      spec.out_height = output_extent(spec.in_height, spec.kernel_height, spec.stride_height, spec.dilation_height, spec.pad_top, spec.pad_bottom);
      spec.out_width = output_extent(spec.in_width, spec.kernel_width, spec.stride_width, spec.dilation_width, spec.pad_left, spec.pad_right);
    } catch (const std::invalid_argument& error) {
      table.fail_at("kernel", fmt::format("{} (layer `{}`); make the kernel smaller or the padding larger", error.what(), spec.name));
    }
  }

  TomlTable root_;
  std::vector<TomlTable> tables_;
  std::map<std::string, int> index_;
  Network network_;
};

}  // namespace

Network read_network_file(const std::string& path) { return NetworkFile(TomlDocument::read(path)).read(); }

Network parse_network(std::string_view text, const std::string& shown_name) { return NetworkFile(TomlDocument::parse(text, shown_name)).read(); }

Network load_network(std::string_view name_or_path) {
  if (looks_like_path(name_or_path)) {
    const std::string path(name_or_path);
    return path.ends_with(".csv") ? read_scale_sim_topology(path) : read_network_file(path);
  }
  const std::vector<std::string> known = shipped_network_names();
  if (std::find(known.begin(), known.end(), name_or_path) == known.end()) throw std::invalid_argument(unknown_name("network", name_or_path, known));
  return read_network_file(find_data(fmt::format("workloads/networks/{}.toml", name_or_path)));
}

std::vector<std::string> shipped_network_names() {
  // The order of tables: by family and size. Files that a user adds to a data folder follow in alphabetical order.
  const std::vector<std::string> order = {"alexnet",   "vgg16",       "vgg19",        "resnet18",     "resnet34", "resnet50",     "resnet101",
                                          "resnet152", "resnet50-v1", "resnet101-v1", "resnet152-v1", "lenet5",   "lenet-300-100"};
  const std::vector<std::string> present = data_stems("workloads/networks");
  std::vector<std::string> names;
  for (const std::string& name : order)
    if (std::find(present.begin(), present.end(), name) != present.end()) names.push_back(name);
  for (const std::string& name : present)
    if (std::find(order.begin(), order.end(), name) == order.end()) names.push_back(name);
  return names;
}

}  // namespace convroof
