// convroof reproduce: figures that papers publish, what the emulator says, and a verdict.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <thread>

#include "backends/spatial/reproduce/published.h"
#include "backends/spatial/reproduce/quantities.h"
#include "backends/spatial/reproduce/verdict.h"
#include "backends/spatial/verbs/verbs.h"
#include "workloads/nearest.h"

namespace convroof::spatial {
namespace {

struct Options {
  std::vector<std::string> accelerators, networks, quantities, files;
  bool json = false, all = false, list = false;
};

// Throws for a word that no figure has.
void check_words(std::string_view kind, const std::vector<std::string>& wanted, const std::set<std::string>& known) {
  const std::vector<std::string> names(known.begin(), known.end());
  for (const std::string& word : wanted)
    if (!known.contains(word)) throw std::invalid_argument(unknown_name(fmt::format("{} with published figures", kind), word, names));
}

std::vector<PublishedFigure> chosen_figures(const Options& o) {
  std::vector<PublishedFigure> all;
  if (o.files.empty()) all = shipped_figures();
  for (const std::string& file : o.files)
    for (PublishedFigure& figure : read_figures(file)) all.push_back(std::move(figure));
  std::set<std::string> accelerators, networks, quantities;
  for (const PublishedFigure& f : all) accelerators.insert(f.accelerator), networks.insert(f.network), quantities.insert(f.quantity);
  check_words("accelerator", o.accelerators, accelerators), check_words("network", o.networks, networks), check_words("quantity", o.quantities, quantities);
  const auto passes = [](const std::vector<std::string>& filter, const std::string& word) {
    return filter.empty() || std::ranges::find(filter, word) != filter.end();
  };
  std::erase_if(all, [&](const PublishedFigure& f) {
    return !passes(o.accelerators, f.accelerator) || !passes(o.networks, f.network) || !passes(o.quantities, f.quantity);
  });
  return all;
}

nlohmann::ordered_json json_of(const Comparison& c) {
  const PublishedFigure& f = c.figure;
  nlohmann::ordered_json row = {{"accelerator", f.accelerator}, {"network", f.network}, {"layer", f.layer},    {"batch", f.batch},
                                {"quantity", f.quantity},       {"unit", f.unit},       {"published", f.value}};
  const auto number = [&](const char* name, const std::optional<double>& value) { row[name] = value ? nlohmann::ordered_json(*value) : nullptr; };
  number("emulated", c.emulated), number("deviation", c.deviation());
  row["verdict"] = name_of(c.verdict);
  row["accept"] = f.accept, row["option"] = c.option;
  number("emulated_at_option", c.emulated_at_option);
  row["reason"] = c.reason, row["density"] = f.density, row["baseline"] = f.baseline, row["evidence"] = f.evidence;
  row["source"] = f.source, row["place"] = f.place, row["read"] = f.read, row["note"] = f.note, row["where"] = f.where;
  return row;
}

std::map<std::string, int> verdict_counts(const std::vector<Comparison>& all) {
  std::map<std::string, int> counts;
  for (const Comparison& c : all) ++counts[std::string(name_of(c.verdict))];
  return counts;
}

std::string json_text(const std::vector<Comparison>& all, const std::vector<FreeConstant>& constants) {
  nlohmann::ordered_json document = {
      {"figures", nlohmann::ordered_json::array()}, {"verdicts", verdict_counts(all)}, {"free_constants", nlohmann::ordered_json::array()}};
  for (const Comparison& c : all) document["figures"].push_back(json_of(c));
  for (const FreeConstant& f : constants)
    document["free_constants"].push_back({{"accelerator", f.accelerator}, {"constant", f.constant}, {"value", f.value}, {"why", f.why}});
  return document.dump(1) + "\n";
}

std::string subject(const PublishedFigure& f) {
  std::string text = f.network.empty() ? "" : f.network + (f.layer.empty() ? "" : "/" + f.layer);
  if (!f.network.empty() && f.batch != 1) text += fmt::format(" x{}", f.batch);
  return text;
}

std::string number_text(const std::optional<double>& value) { return value ? fmt::format("{:.5g}", *value) : "-"; }

std::string text_of(const std::vector<Comparison>& all, const std::vector<FreeConstant>& constants, bool with_untestable) {
  std::string text, accelerator = "\n";
  std::size_t left_out = 0;
  std::vector<std::string> notes;  // each once, below the table
  const auto mark = [&](const std::string& note) {
    auto place = std::ranges::find(notes, note);
    if (place == notes.end()) place = notes.insert(notes.end(), note);
    return fmt::format("[{}]", place - notes.begin() + 1);
  };
  for (const Comparison& c : all) {
    const PublishedFigure& f = c.figure;
    if (c.verdict == Verdict::not_testable && !c.emulated && !f.is_tested() && !with_untestable) {
      ++left_out;
      continue;
    }
    if (f.accelerator != accelerator) {
      accelerator = f.accelerator;
      text += fmt::format("{}{}\n{:<22} {:<28} {:>10} {:>10} {:>8}  {:<7} verdict\n", text.empty() ? "" : "\n",
                          accelerator.empty() ? "workloads and densities" : accelerator, "layers x batch", "quantity", "published", "emulated", "dev.", "unit");
    }
    const auto deviation = c.deviation();
    std::string verdict(name_of(c.verdict));
    if (f.is_tested() && c.verdict != Verdict::not_testable) verdict += fmt::format(" ({}{})", f.accept, f.density.empty() ? "" : ", " + f.density);
    if (c.verdict == Verdict::explained) verdict += fmt::format(": {} gives {} {}", c.option, number_text(c.emulated_at_option), mark(c.reason));
    if (c.verdict == Verdict::not_testable) verdict += " " + mark(c.reason);
    if (c.verdict != Verdict::not_testable && !f.note.empty()) verdict += " " + mark(f.note);
    text += fmt::format("{:<22} {:<28} {:>10} {:>10} {:>8}  {:<7} {}\n", subject(f), f.quantity, number_text(f.value), number_text(c.emulated),
                        deviation ? fmt::format("{:+.1f} %", 100 * *deviation) : "-", f.unit, verdict);
  }
  text += "\n";
  for (std::size_t i = 0; i < notes.size(); ++i) text += fmt::format("[{}] {}\n", i + 1, notes[i]);
  if (!notes.empty()) text += "\n";
  for (const auto& [verdict, count] : verdict_counts(all)) text += fmt::format("{:>5} {}\n", count, verdict);
  if (left_out > 0) text += fmt::format("      of them {} without an emulated value are not shown; --all shows them with the reason\n", left_out);
  std::map<std::string, int> tested;
  for (const Comparison& c : all)
    if (c.figure.is_tested() && c.emulated) ++tested[c.figure.accelerator];
  for (const auto& [name, figures] : tested) {
    if (name.empty()) continue;
    const auto mine = std::ranges::count_if(constants, [&, wanted = name](const FreeConstant& f) { return f.accelerator == wanted; });
    text += fmt::format("\n{}: {} figures tested, {} free constants (no paper states them){}\n", name, figures, mine, mine > 0 ? ":" : "");
    for (const FreeConstant& f : constants)
      if (f.accelerator == name) text += fmt::format("      {} = {}: {}\n", f.constant, f.value, f.why);
  }
  return text;
}

}  // namespace

int reproduce_main(const std::vector<std::string>& arguments) {
  Options o;
  CLI::App app("Compares figures that papers publish with what the emulator gives", "convroof reproduce");
  app.add_option("--accelerators,--accelerator", o.accelerators, "only these, as eyeriss,zascad")->delimiter(',');
  app.add_option("--networks", o.networks, "only these, as alexnet")->delimiter(',');
  app.add_option("--quantities", o.quantities, "only these, as total_ms,buffer_mb")->delimiter(',');
  app.add_option("--figures", o.files, "files of figures instead of results/published/*.csv; results/published/README.md explains the columns");
  app.add_flag("--list", o.list, "the quantities that the emulator can compute");
  app.add_flag("--all", o.all, "show figures without an emulated value too");
  app.add_flag("--json", o.json, "everything as JSON");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    throw std::invalid_argument(fmt::format("{}; see convroof reproduce --help", error.what()));
  }
  if (o.list) {
    for (const Quantity& q : quantities()) std::fputs(fmt::format("{:<28} {:<7} {}\n", q.name, q.unit, q.meaning).c_str(), stdout);
    return 0;
  }
  const std::vector<PublishedFigure> figures = chosen_figures(o);
  if (figures.empty()) throw std::invalid_argument("no published figure passes these filters; leave one of them out");
  const auto threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const std::vector<Comparison> all = compare_figures(figures, shipped_options(), threads);
  std::vector<FreeConstant> constants = shipped_constants();
  std::erase_if(constants,
                [&](const FreeConstant& f) { return std::ranges::none_of(all, [&](const Comparison& c) { return c.figure.accelerator == f.accelerator; }); });
  std::fputs((o.json ? json_text(all, constants) : text_of(all, constants, o.all)).c_str(), stdout);
  return 0;
}

}  // namespace convroof::spatial
