#include "workloads/density.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "workloads/data_folder.h"
#include "workloads/nearest.h"
#include "workloads/network.h"
#include "workloads/toml_document.h"

namespace convroof {
namespace {

constexpr int kLargestM = 256;

template <typename Number>
std::optional<Number> number_from(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

double share_from(std::string_view text, std::string_view whole) {
  const auto share = number_from<double>(text);
  if (!share || !(*share >= 0.0 && *share <= 1.0))
    throw std::invalid_argument(fmt::format("density `{}`: `{}` is not a share between 0 and 1; write uniform:W/A, as uniform:0.1/0.5", whole, text));
  return *share;
}

}  // namespace

std::int64_t kept_of(double share, std::int64_t count) { return std::llround(share * static_cast<double>(count)); }

std::int64_t kept_by_n_of_m(int n, int m, std::int64_t channels) { return channels / m * n + std::min<std::int64_t>(n, channels % m); }

// Reads densities/*.toml: name, source, and [network.layer] tables with any of weights, input, output (shares).
class DensityFile {
 public:
  static DensitySet read(const std::string& path) {
    const TomlDocument document = TomlDocument::read(path);
    const TomlTable root = document.root();
    DensitySet set;
    root.allow_only({"name", "source", "note", "network"});
    const auto name = root.text("name");
    if (!name) root.fail_missing("name", "give the set a name, as name = \"han2015\"");
    if (name->empty() || name->find_first_of(" /:\t") != std::string::npos || name->size() > 80)
      root.fail_at("name", fmt::format("`{}` cannot be a name; use 1 to 80 characters without blanks, `/` and `:`", name->substr(0, 60)));
    set.name_ = *name;
    set.source_ = root.text("source").value_or("");
    const auto networks = root.table("network");
    if (!networks) root.fail_missing("network", "give shares per network and layer, as [network.vgg16.conv1_1]");
    for (const std::string& network : networks->keys()) {
      const TomlTable layers = *networks->table(network);
      auto& entries = set.per_network_[network];
      for (const std::string& layer : layers.keys()) {
        const TomlTable table = *layers.table(layer);
        table.allow_only({"weights", "input", "output"});
        entries[layer] = {table.number("weights", 0, 1), table.number("input", 0, 1), table.number("output", 0, 1)};
      }
    }
    return set;
  }
};

DensitySet DensitySet::named(std::string_view text) {
  DensitySet set;
  if (text == "dense") {
    set.name_ = "dense";
    set.everywhere_ = LayerDensity{};
    return set;
  }
  if (text.starts_with("uniform:")) {
    const std::string_view rest = text.substr(8);
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos)
      throw std::invalid_argument(fmt::format("density `{}` lacks the activations' share; write uniform:W/A, as uniform:0.1/0.5", text));
    const double weights = share_from(rest.substr(0, slash), text), activations = share_from(rest.substr(slash + 1), text);
    LayerDensity density;
    if (weights != 1.0) density.weights = {WeightSparsity::Pattern::unstructured, weights, 0, 0};
    density.activations = activations;
    set.name_ = fmt::format("uniform:{}/{}", weights, activations);
    set.everywhere_ = density;
    return set;
  }
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos && !looks_like_path(text)) {
    const auto n = number_from<int>(text.substr(0, colon)), m = number_from<int>(text.substr(colon + 1));
    if (n && m) {
      if (*n < 1 || *m < *n || *m > kLargestM) throw std::invalid_argument(fmt::format("density `{}`: N:M needs 1 <= N <= M <= {}, as 2:4", text, kLargestM));
      LayerDensity density;
      if (*n != *m) density.weights = {WeightSparsity::Pattern::n_of_m, static_cast<double>(*n) / *m, *n, *m};
      set.name_ = fmt::format("{}:{}", *n, *m);
      set.everywhere_ = density;
      return set;
    }
  }
  if (looks_like_path(text)) return DensityFile::read(std::string(text));
  const std::vector<std::string> shipped = shipped_density_names();
  if (std::find(shipped.begin(), shipped.end(), text) != shipped.end()) return DensityFile::read(find_data(fmt::format("workloads/densities/{}.toml", text)));
  std::vector<std::string> known = {"dense", "uniform:0.1/0.5", "2:4"};
  known.insert(known.end(), shipped.begin(), shipped.end());
  throw std::invalid_argument(unknown_name("density", text, known));
}

std::optional<LayerDensity> DensitySet::of(const Network& network, int layer_index, std::string* reason) const {
  if (everywhere_) return everywhere_;
  const auto entries = per_network_.find(network.name);
  if (entries == per_network_.end()) {
    if (reason != nullptr) *reason = fmt::format("the density set `{}` does not know the network `{}`", name_, network.name);
    return std::nullopt;
  }
  const auto entry_of = [&](int index) -> const Entry* {
    if (index == kNetworkInput) return nullptr;
    const auto found = entries->second.find(network.layers[static_cast<std::size_t>(index)].spec.name);
    return found == entries->second.end() ? nullptr : &found->second;
  };
  LayerDensity density;
  const Entry* entry = entry_of(layer_index);
  if (entry == nullptr) return density;
  if (entry->weights && *entry->weights != 1.0) density.weights = {WeightSparsity::Pattern::unstructured, *entry->weights, 0, 0};
  if (entry->input) {
    density.activations = *entry->input;
    return density;
  }
  // The set states outputs: this layer's input is the output of the nearest listed layer before it. Pooling and normalisation between are not
  // listed by the publications; their effect on the share is unknown and left out.
  int before = network.layers[static_cast<std::size_t>(layer_index)].inputs[0];
  while (before != kNetworkInput && entry_of(before) == nullptr) before = network.layers[static_cast<std::size_t>(before)].inputs[0];
  if (const Entry* producer = entry_of(before); producer != nullptr && producer->output) density.activations = *producer->output;
  return density;
}

std::vector<std::string> shipped_density_names() { return data_stems("workloads/densities"); }

}  // namespace convroof
