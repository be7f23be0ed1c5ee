#include "harness/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "backends/host_cpu.h"
#include "harness/command_line.h"
#include "harness/selection.h"
#include "workloads/checked.h"
#include "workloads/density.h"

namespace convroof {
namespace {

constexpr double kSecondsPerMac = 1e-10;  // of a backend that does not say: half of what one core with 256-bit vectors reaches

template <typename Enum>
Enum named_value(std::string_view kind, const std::string& word, std::initializer_list<Enum> values) {
  std::vector<std::string> names;
  for (const Enum value : values) {
    if (name_of(value) == word) return value;
    names.emplace_back(name_of(value));
  }
  throw UsageError(unknown_word(kind, word, names));
}

// One layer of a network that is to be measured, and how many equal ones it stands for.
struct Chosen {
  int index = 0;
  std::int64_t repeats = 1;
};

class Planner {
 public:
  explicit Planner(const RunOptions& options) : options_(options) {}

  Plan make() {
    plan_.threads = options_.threads > 0 ? options_.threads : host_cpu().physical_cores;
    plan_.cache = named_value("cache state", options_.cache, {CacheState::cold, CacheState::warm});
    plan_.epilogue = named_value("epilogue", options_.epilogue, {Epilogue::layer, Epilogue::bias, Epilogue::none});
    plan_.seed = options_.seed;
    if (!options_.data.empty()) data_ = named_value("data", options_.data, {Data::normal, Data::integers});
    plan_.networks = selected_networks(options_);
    densities_ = selected_densities(options_);
    backends_ = selected_backends(options_);
    const std::vector<std::vector<int>> layers = selected_layers(options_, plan_.networks);
    for (std::size_t i = 0; i < plan_.networks.size(); ++i) add_network(*plan_.networks[i], layers[i]);
    if (!options_.case_filter.empty()) filter_by_name();
    if (plan_.cases.empty()) throw UsageError("nothing matches these filters; `convroof run --dry-run` lists what would run");
    check_names();
    return std::move(plan_);
  }

 private:
  void add_network(const PlannedNetwork& network, const std::vector<int>& layers) {
    // In a quick run equal layers are measured once. Equal includes their density, which a published set states layer by layer.
    std::vector<std::vector<Chosen>> chosen;
    for (const SelectedDensity& density : densities_) chosen.push_back(options_.quick ? distinct(network, layers, density.set) : all(network, layers));
    for (const int layer : layers)
      for (const SelectedBackend& selected : backends_)
        for (const Variant& variant : selected.variants)
          for (const DataType type : selected.types)
            for (const std::int64_t batch : options_.batches.empty() ? std::vector<std::int64_t>{1} : options_.batches)
              for (std::size_t d = 0; d < densities_.size(); ++d) {
                const auto found = std::find_if(chosen[d].begin(), chosen[d].end(), [&](const Chosen& c) { return c.index == layer; });
                if (found != chosen[d].end()) add_case(network, *found, selected.backend, variant, type, batch, densities_[d]);
              }
  }

  static std::vector<Chosen> all(const PlannedNetwork& network, const std::vector<int>& layers) {
    std::vector<Chosen> chosen;
    for (const int index : layers) chosen.push_back({index, network.network.layers[static_cast<std::size_t>(index)].repeats});
    return chosen;
  }

  static std::vector<Chosen> distinct(const PlannedNetwork& network, const std::vector<int>& layers, const DensitySet& set) {
    std::vector<Chosen> chosen;
    std::vector<std::pair<std::string, LayerDensity>> keys;
    for (const Chosen& layer : all(network, layers)) {
      const std::pair key{canonical_shape(network.network.layers[static_cast<std::size_t>(layer.index)].spec),
                          set.of(network.network, layer.index, nullptr).value_or(LayerDensity{})};
      const auto seen = std::find(keys.begin(), keys.end(), key);
      if (seen != keys.end()) {
        chosen[static_cast<std::size_t>(seen - keys.begin())].repeats += layer.repeats;
        continue;
      }
      keys.push_back(key);
      chosen.push_back(layer);
    }
    return chosen;
  }

  void add_case(const PlannedNetwork& network, const Chosen& chosen, Backend* backend, const Variant& variant, DataType type, std::int64_t batch,
                const SelectedDensity& selected) {
    const DensitySet& set = selected.set;
    PlannedCase c{.network = &network, .layer_index = chosen.index, .backend = backend, .variant = variant, .type = type, .batch = batch};
    c.density_name = set.name();
    c.density_word = selected.word;
    c.data = data_.value_or(default_data(type));
    c.repeats = chosen.repeats;
    std::string reason;
    if (const auto density = set.of(network.network, chosen.index, &reason))
      c.density = *density;
    else
      c.skip_reason = reason;
    const LayerSpec& spec = c.layer().spec;
    try {
      const std::int64_t dense_macs = cost_of(spec, batch, type, c.density).macs;
      if (options_.quick && variant.quick_max_macs > 0 && dense_macs > variant.quick_max_macs) c.skip_reason = "quick";
    } catch (const std::overflow_error&) {
      c.skip_reason = "too large: its counts exceed 2^63 - 1";
    }
    c.name = fmt::format("{}/{}/{}/{}/{}/batch:{}/{}/real_time", network.network.name, spec.name, backend->name(), variant.name, name_of(type), batch,
                         name_part(set.name()));
    plan_.cases.push_back(std::move(c));
  }

  void filter_by_name() {
    const bool inverted = options_.case_filter.starts_with('-');
    const Pattern pattern("--benchmark_filter", inverted ? options_.case_filter.substr(1) : options_.case_filter);
    std::erase_if(plan_.cases, [&](const PlannedCase& c) { return pattern.found_in(c.name) == inverted; });
    if (plan_.cases.empty())
      throw UsageError(fmt::format("--benchmark_filter `{}` matches no case; --benchmark_list_tests prints their names", options_.case_filter));
  }

  // Names of networks, densities and accelerators may come from files of anybody's.
  void check_names() const {
    const auto is_plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("_-.+:/").find(c) != std::string_view::npos;
    };
    std::set<std::string_view> names;
    for (const PlannedCase& c : plan_.cases) {
      if (!std::all_of(c.name.begin(), c.name.end(), is_plain))
        throw UsageError(
            fmt::format("`{}` cannot be a case's name: networks, densities and accelerators are named with ASCII letters, digits and _ - . +", c.name));
      if (!names.insert(c.name).second) throw UsageError(fmt::format("two cases would be called `{}`; give the files' contents different names", c.name));
    }
  }

  const RunOptions& options_;
  Plan plan_;
  std::optional<Data> data_;
  std::vector<SelectedDensity> densities_;
  std::vector<SelectedBackend> backends_;
};

}  // namespace

Case Plan::case_of(const PlannedCase& planned) const {
  return {.layer = planned.layer().spec,
          .type = planned.type,
          .batch = planned.batch,
          .epilogue = epilogue,
          .threads = threads,
          .cache = cache,
          .density = planned.density};
}

double Plan::predicted_seconds(const PlannedCase& planned, const Sampling& sampling) const {
  if (!planned.skip_reason.empty()) return 0;
  const double work =
      static_cast<double>(planned.batch) * (static_cast<double>(macs(planned.layer().spec)) + static_cast<double>(output_elements(planned.layer().spec)));
  const double per_mac = planned.variant.host_seconds_per_mac > 0 ? planned.variant.host_seconds_per_mac : kSecondsPerMac;
  const double once = work * per_mac;
  const double preparation = 0.02 + work * 2e-10;  // operands and the expected output
  if (planned.backend->clock() == Clock::simulated) return preparation + 2 * once;
  const double wanted = std::max(sampling.min_seconds, once * sampling.min_samples);
  return preparation + once * 4 + std::min(wanted, std::max(sampling.max_seconds, once));
}

std::vector<std::vector<std::size_t>> Plan::groups() const {
  std::vector<std::vector<std::size_t>> groups;
  for (const Clock clock : {Clock::host, Clock::device, Clock::simulated}) {
    std::map<std::string, std::size_t> group_of;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const PlannedCase& c = cases[i];
      if (c.backend->clock() != clock || !c.skip_reason.empty()) continue;
      const std::string key = operands_key(*this, c);
      const auto [place, is_new] = group_of.emplace(key, groups.size());
      if (is_new) groups.emplace_back();
      groups[place->second].push_back(i);
    }
  }
  return groups;
}

std::string operands_key(const Plan& plan, const PlannedCase& c) {
  const WeightSparsity& w = c.density.weights;
  return fmt::format("{}|{}|{}|{}|{}:{}:{}:{}:{}|{}", canonical_shape(c.layer().spec), name_of(c.type), c.batch, name_of(c.data), static_cast<int>(w.pattern),
                     w.share, w.n, w.m, c.density.activations, plan.seed);
}

Plan make_plan(const RunOptions& options) { return Planner(options).make(); }

std::string name_part(std::string density) {
  std::replace(density.begin(), density.end(), '/', '-');
  return density;
}

}  // namespace convroof
