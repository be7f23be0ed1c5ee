#include "backends/spatial/reproduce/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/reproduce/emulation.h"
#include "backends/spatial/reproduce/quantities.h"
#include "workloads/data_folder.h"
#include "workloads/text_file.h"

namespace convroof::spatial {
namespace {

bool accepts(const PublishedFigure& figure, const std::optional<double>& value) {
  const auto accepted = figure.acceptance();
  return accepted && value && *value >= accepted->low && *value <= accepted->high;
}

class Comparer {
 public:
  explicit Comparer(int threads) : store_(threads) {}

  // The emulated value, or why there is none. `option`: none, or one setting of the figure's accelerator.
  std::optional<double> emulate(const PublishedFigure& figure, const PublishedOption* option, std::string* why) {
    const Quantity* quantity = find_quantity(figure.quantity);
    if (quantity == nullptr) return *why = figure.note, std::nullopt;
    try {
      const Emulation emulation = emulation_of(figure, figure.accelerator, option);
      if (!quantity->ratio) return quantity->value(emulation);
      return quantity->ratio(emulation, emulation_of(figure, figure.baseline, nullptr));
    } catch (const std::invalid_argument& error) {
      *why = error.what();
      return std::nullopt;
    }
  }

 private:
  Emulation emulation_of(const PublishedFigure& figure, const std::string& name, const PublishedOption* option) {
    if (name.empty()) return {figure, "", nullptr, store_};
    const std::string machine = option == nullptr ? name : fmt::format("{} {}={}", name, option->option, option->value);
    auto place = machines_.find(machine);
    if (place == machines_.end()) place = machines_.emplace(machine, load(name, option)).first;
    return {figure, machine, place->second, store_};
  }

  static std::shared_ptr<const Accelerator> load(const std::string& name, const PublishedOption* option) {
    const std::vector<std::string> known = shipped_accelerator_names();
    if (std::ranges::find(known, name) == known.end()) throw std::invalid_argument(fmt::format("there is no accelerator `{}` here", name));
    if (option == nullptr) return std::make_shared<const Accelerator>(load_accelerator(name));
    return std::make_shared<const Accelerator>(
        parse_accelerator(with_setting(read_text_file(find_data(fmt::format("backends/spatial/accelerators/{}.toml", name))), *option), name + ".toml"));
  }

  // The file's text with the line `key = ...` of the option's table replaced.
  static std::string with_setting(const std::string& text, const PublishedOption& option) {
    const std::size_t dot = option.option.rfind('.');
    const std::string table = dot == std::string::npos ? "" : option.option.substr(0, dot),
                      key = dot == std::string::npos ? option.option : option.option.substr(dot + 1);
    std::string inside;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      if (line.starts_with('[')) inside = line.substr(1, line.find(']') - 1);
      const std::size_t equals = line.find('=');
      if (inside == table && equals != std::string::npos && line.substr(0, line.find_last_not_of(' ', equals - 1) + 1) == key)
        return text.substr(0, at) + key + " = " + option.value + text.substr(end);
      at = end + 1;
    }
    throw std::invalid_argument(fmt::format("{}.toml has no setting `{}`", option.accelerator, option.option));
  }

  OutcomeStore store_;
  std::map<std::string, std::shared_ptr<const Accelerator>> machines_;
};

// Figures that one value of an option must serve together.
using Group = std::vector<Comparison*>;

void explain(const Group& group, const std::vector<PublishedOption>& options, Comparer& comparer) {
  const auto is_open = [](const Comparison* c) { return c->verdict == Verdict::not_reproduced; };
  for (const PublishedOption& option : options) {
    if (option.accelerator != group.front()->figure.accelerator) continue;
    if (std::ranges::none_of(group, is_open)) return;
    std::vector<std::optional<double>> at;
    bool loses = false;
    for (const Comparison* c : group) {
      std::string why;
      at.push_back(comparer.emulate(c->figure, &option, &why));
      loses = loses || (c->verdict == Verdict::reproduced && !accepts(c->figure, at.back()));
    }
    if (loses) continue;
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (!is_open(group[i]) || !accepts(group[i]->figure, at[i])) continue;
      group[i]->verdict = Verdict::explained, group[i]->emulated_at_option = at[i];
      group[i]->option = fmt::format("{} = {}", option.option, option.value), group[i]->reason = option.why;
    }
  }
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  static constexpr std::array<std::string_view, 6> kNames = {"reproduced", "explained", "NOT REPRODUCED", "compatible", "not compatible", "not testable"};
  return kNames[static_cast<std::size_t>(verdict)];
}

std::optional<double> Comparison::deviation() const {
  if (!emulated || figure.value == 0) return std::nullopt;
  return *emulated / figure.value - 1;
}

std::vector<Comparison> compare_figures(const std::vector<PublishedFigure>& figures, const std::vector<PublishedOption>& options, int threads) {
  Comparer comparer(threads);
  std::vector<Comparison> all;
  for (const PublishedFigure& figure : figures) {
    Comparison c{.figure = figure};
    std::string why;
    c.emulated = comparer.emulate(figure, nullptr, &why);
    if (!figure.is_tested() || !c.emulated) {
      c.reason = figure.is_tested() ? why : figure.note;
    } else {
      const bool inside = accepts(figure, c.emulated);
      c.verdict =
          figure.test == "compatible" ? (inside ? Verdict::compatible : Verdict::not_compatible) : (inside ? Verdict::reproduced : Verdict::not_reproduced);
    }
    all.push_back(std::move(c));
  }
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (Comparison& c : all)
    if (c.verdict == Verdict::reproduced || c.verdict == Verdict::not_reproduced) groups[{c.figure.accelerator, c.figure.quantity}].push_back(&c);
  for (auto& [name, group] : groups) explain(group, options, comparer);
  return all;
}

}  // namespace convroof::spatial
