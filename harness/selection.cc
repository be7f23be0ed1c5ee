#include "harness/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "backends/registry.h"
#include "harness/command_line.h"
#include "harness/plan.h"
#include "workloads/data_folder.h"
#include "workloads/nearest.h"
#include "workloads/network_file.h"

namespace convroof {
namespace {

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const auto& backend : backends()) names.push_back(backend->name());
  return names;
}

bool has_accelerators(const Backend& backend) { return backend.variant_noun() == "accelerator"; }

// The accelerators that --accelerators names, per backend: names, and files that become variants.
std::set<std::string> named_accelerators(const RunOptions& options, const std::vector<Backend*>& among) {
  std::vector<std::string> known;
  for (Backend* backend : among)
    if (has_accelerators(*backend))
      for (const Variant& variant : backend->variants()) known.push_back(variant.name);
  std::set<std::string> names;
  for (const std::string& word : options.accelerators) {
    if (std::find(known.begin(), known.end(), word) != known.end()) {
      names.insert(word);
      continue;
    }
    if (!looks_like_path(word)) throw UsageError(unknown_word("accelerator", word, known));
    bool read = false;
    for (Backend* backend : among)
      if (has_accelerators(*backend)) names.insert(backend->add_variant_file(word)), read = true;
    if (!read) throw UsageError(fmt::format("--accelerators {}: none of the selected backends has accelerators; add `spatial` to --backends", word));
  }
  return names;
}

std::vector<DataType> types_of(const RunOptions& options, const Backend& backend) {
  if (options.types.empty()) return {backend.native_type()};
  std::vector<DataType> types;
  for (const std::string& word : options.types) {
    const auto type = data_type_named(word);
    if (!type) throw UsageError(unknown_word("type", word, {"f32", "bf16", "f16", "s8", "s16"}));
    if (std::find(types.begin(), types.end(), *type) == types.end()) types.push_back(*type);
  }
  return types;
}

}  // namespace

Pattern::Pattern(std::string_view option, const std::string& text) {
  constexpr std::size_t kLongest = 1000;  // std::regex recurses; nobody writes more than this
  if (text.size() > kLongest)
    throw UsageError(fmt::format("{}: a regular expression of {} characters is too long; {} are allowed", option, text.size(), kLongest));
  try {
    regex_ = std::regex(text, std::regex::ECMAScript | std::regex::nosubs);
  } catch (const std::regex_error& error) {
    throw UsageError(fmt::format("{}: `{}` is not a regular expression: {}", option, text, error.what()));
  }
}

bool Pattern::found_in(const std::string& text) const { return std::regex_search(text, regex_); }

std::string unknown_word(std::string_view kind, const std::string& word, const std::vector<std::string>& known) { return unknown_name(kind, word, known); }

std::vector<std::unique_ptr<PlannedNetwork>> selected_networks(const RunOptions& options) {
  std::vector<std::string> words = options.networks;
  if (words.empty()) words = options.quick ? std::vector<std::string>{"alexnet", "vgg16", "resnet50"} : shipped_network_names();
  std::vector<std::unique_ptr<PlannedNetwork>> networks;
  for (const std::string& word : words) {
    auto planned = std::make_unique<PlannedNetwork>();
    planned->word = word;
    planned->network = load_network(word);
    planned->hash = content_hash(planned->network);
    const auto same = std::find_if(networks.begin(), networks.end(), [&](const auto& n) { return n->network.name == planned->network.name; });
    if (same == networks.end())
      networks.push_back(std::move(planned));
    else if ((*same)->hash != planned->hash)
      throw UsageError(
          fmt::format("two different networks are named `{}` (the second from `{}`); change the `name` in one of the files", planned->network.name, word));
  }
  return networks;
}

std::vector<SelectedDensity> selected_densities(const RunOptions& options) {
  std::vector<SelectedDensity> sets;
  for (const std::string& word : options.densities.empty() ? std::vector<std::string>{"dense"} : options.densities) {
    DensitySet set = DensitySet::named(word);
    if (std::none_of(sets.begin(), sets.end(), [&](const SelectedDensity& other) { return other.set.name() == set.name(); }))
      sets.push_back({std::move(set), word});
  }
  return sets;
}

std::vector<SelectedBackend> selected_backends(const RunOptions& options) {
  std::vector<Backend*> among;
  for (const std::string& word : options.backends) {
    Backend* backend = find_backend(word);
    if (backend == nullptr) throw UsageError(unknown_word("backend", word, backend_names()));
    if (std::find(among.begin(), among.end(), backend) == among.end()) among.push_back(backend);
  }
  if (options.backends.empty())  // naming accelerators and nothing else means the backends that have them
    for (const auto& backend : backends())
      if (options.accelerators.empty() || has_accelerators(*backend)) among.push_back(backend.get());

  const std::set<std::string> accelerators = named_accelerators(options, among);
  std::vector<SelectedBackend> selected;
  std::vector<std::string> all_variants;
  for (Backend* backend : among) {
    SelectedBackend choice{backend, {}, types_of(options, *backend)};
    const std::vector<Variant> variants = backend->variants();
    // A backend that keeps out of quick runs still takes part in one that names it.
    const bool has_quick = options.backends.empty() || std::any_of(variants.begin(), variants.end(), [](const Variant& variant) { return variant.in_quick; });
    for (const Variant& variant : variants) {
      all_variants.push_back(variant.name);
      bool wanted = options.quick && has_quick ? variant.in_quick : variant.by_default;
      if (!options.accelerators.empty() && has_accelerators(*backend)) wanted = accelerators.contains(variant.name);
      if (!options.variants.empty()) {
        const bool named_besides = options.accelerators.empty() || !has_accelerators(*backend) || accelerators.contains(variant.name);
        wanted = named_besides && Pattern("--variants", options.variants).found_in(variant.name);
      }
      if (wanted) choice.variants.push_back(variant);
    }
    if (!choice.variants.empty()) selected.push_back(std::move(choice));
  }
  if (selected.empty()) {
    if (!options.variants.empty()) throw UsageError(unknown_word("variant", options.variants, all_variants));
    throw UsageError("the selected backends have no variant to run; `convroof list variants` shows all");
  }
  return selected;
}

std::vector<std::vector<int>> selected_layers(const RunOptions& options, const std::vector<std::unique_ptr<PlannedNetwork>>& networks) {
  const Pattern pattern("--layers", options.layers);
  std::vector<std::vector<int>> selected;
  std::vector<std::string> names;
  bool any = false;
  for (const auto& network : networks) {
    std::vector<int> indices;
    for (std::size_t i = 0; i < network->network.layers.size(); ++i) {
      const LayerSpec& spec = network->network.layers[i].spec;
      if (options.quick && !spec.has_weights()) continue;
      names.push_back(spec.name);
      if (options.layers.empty() || pattern.found_in(spec.name)) indices.push_back(static_cast<int>(i));
    }
    any = any || !indices.empty();
    selected.push_back(std::move(indices));
  }
  if (!any)
    throw UsageError(options.layers.empty() ? std::string("these networks have no layer that a quick run measures")
                                            : unknown_word("layer", options.layers, names));
  return selected;
}

}  // namespace convroof
