// convroof run: plan, check, measure, write a run.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backends/registry.h"
#include "harness/benchmark_view.h"
#include "harness/command_line.h"
#include "harness/context.h"
#include "harness/exit_code.h"
#include "harness/plan.h"
#include "harness/run_document.h"
#include "harness/run_folder.h"
#include "harness/runner.h"
#include "harness/selection.h"
#include "harness/summary.h"
#include "harness/verbs.h"
#include "workloads/data_folder.h"

namespace convroof {
namespace {

namespace fs = std::filesystem;

// What a command line says besides RunOptions: where results go and what is done with them.
struct Request {
  RunOptions options;
  std::string out, resume;
  bool force = false, dry_run = false, strict = false, quiet = false;
  std::vector<std::string> require;
  bool list_tests = false, counters_tabular = false;
  std::string benchmark_out, benchmark_out_format = "json", benchmark_context, benchmark_min_time;
};

// "a,b" -> {"a", "b"}, for every time the option was given.
std::vector<std::string> split(const std::string& option, const std::vector<std::string>& given) {
  std::vector<std::string> words;
  for (const std::string& text : given)
    for (std::size_t start = 0; start <= text.size();) {
      const std::size_t end = std::min(text.find(',', start), text.size());
      if (end == start) throw UsageError(fmt::format("{}: an empty name in `{}`", option, text.substr(0, 100)));
      words.push_back(text.substr(start, end - start));
      start = end + 1;
    }
  return words;
}

// Paths stay valid when the run is resumed from another folder.
void make_absolute(std::vector<std::string>& words) {
  for (std::string& word : words)
    if (looks_like_path(word) && !word.starts_with("uniform:")) word = fs::absolute(word).lexically_normal().string();
}

// 0.5 and 0.5s are seconds, 100x is a number of samples: both of the library's forms, whatever its version.
void apply_min_time(const std::string& text, RunOptions& options) {
  std::size_t end = 0;
  double value = -1;
  try {
    value = std::stod(text, &end);
  } catch (const std::exception&) {
    end = 0;
  }
  const std::string unit = text.substr(end);
  if (end == 0 || !(value >= 0 && value <= 1e6) || (unit != "" && unit != "s" && unit != "x"))
    throw UsageError(fmt::format("--benchmark_min_time: `{}` is neither seconds (0.5 or 0.5s) nor a number of iterations (100x)", text));
  if (unit == "x") {
    if (value < 1) throw UsageError("--benchmark_min_time: at least 1x");
    options.samples = static_cast<std::int64_t>(value);
  } else {
    options.min_seconds = value;
  }
}

std::optional<int> parse(const std::vector<std::string>& arguments, Request& request) {
  RunOptions& o = request.options;
  CLI::App app(
      "Checks and measures layers, and writes a run: run.json and journal.jsonl. Lists are separated by commas; wherever a network, density or accelerator is "
      "named, a path works too.",
      "run");
  std::string seed = "1";
  std::vector<std::string> networks, backend_list, accelerators, types, batches, densities, required;
  const auto list = [&](const char* name, std::vector<std::string>& into, const char* text) { app.add_option(name, into, text)->allow_extra_args(false); };
  list("--networks", networks, "default: all that are shipped");
  app.add_option("--layers", o.layers, "regular expression, found anywhere in a layer's name");
  list("--backends", backend_list, "default: all");
  app.add_option("--variants", o.variants, "regular expression, found anywhere in a variant's name");
  list("--accelerators", accelerators, "of the emulator; without --backends it alone runs");
  list("--types", types, "f32, bf16, f16, s8, s16; default: each backend's own");
  list("--batches", batches, "images; default: 1");
  list("--densities", densities, "dense, uniform:W/A, N:M, a shipped set; default: dense");
  app.add_option("--threads", o.threads, "default: physical cores")->check(CLI::Range(1, 4096));
  app.add_option("--cache", o.cache, "cold, warm; default: warm");
  app.add_option("--epilogue", o.epilogue, "layer (bias and activation), bias, none; default: layer");
  app.add_option("--data", o.data, "normal, integers; default: integers for s8 and s16");
  app.add_option("--seed", seed, "of the operands; default: 1");
  app.add_flag("--quick", o.quick, "each distinct convolution and fully connected layer of alexnet, vgg16, resnet50, half-width 5 %");
  app.add_option("--half-width", o.half_width, "of the 95 % confidence interval, as a share of the median; default: 0.01, quick 0.05")
      ->check(CLI::Range(1e-6, 1.0));
  app.add_option("--max-time", o.max_seconds, "seconds of sampling a case; default: 1, quick 0.4")->check(CLI::Range(0.0, 1e6));
  app.add_flag("--no-ceilings", o.no_ceilings, "leave the machine's roofs unmeasured; every bound is `unknown`");
  app.add_option("--timeout", o.timeout_seconds, "seconds for one case, after which it has failed; default: by its size")->check(CLI::Range(0.01, 1e7));
  app.add_option("--out", request.out, "folder of the run; default: convroof-runs/<UTC time>");
  app.add_option("--resume", request.resume, "go on with the unfinished run in this folder, by its own options if none are given");
  app.add_flag("--force", request.force, "replace the run in a folder that is not empty");
  list("--require", required, "backends or accelerators that must be available: exit 4 where one is not");
  app.add_flag("--dry-run", request.dry_run, "list the cases and the predicted time");
  app.add_flag("--strict", request.strict, "exit 5 when a case was too noisy");
  app.add_flag("--quiet", request.quiet, "no progress and no notes on stderr");
  const char* google = "Google Benchmark's flags";
  app.add_option("--benchmark_filter", o.case_filter, "regular expression on whole case names; a leading - inverts it")->group(google);
  app.add_option("--benchmark_repetitions", o.repetitions, "measure each case so many times")->check(CLI::Range(1, 10000))->group(google);
  app.add_option("--benchmark_min_time", request.benchmark_min_time, "seconds (0.5, 0.5s) or samples (100x) a case")->group(google);
  app.add_flag("--benchmark_list_tests", request.list_tests, "print the names of the cases")->group(google);
  app.add_option("--benchmark_out", request.benchmark_out, "also write a file in Google Benchmark's form")->group(google);
  app.add_option("--benchmark_out_format", request.benchmark_out_format, "json, csv, console; default: json")
      ->check(CLI::IsMember({"json", "csv", "console"}))
      ->group(google);
  app.add_option("--benchmark_context", request.benchmark_context, "key=value,... added to the context")->group(google);
  app.add_flag("--benchmark_counters_tabular", request.counters_tabular, "the table on standard output always is one")->group(google);
  if (const auto code = parse_arguments(app, arguments)) return code;

  o.networks = split("--networks", networks);
  o.backends = split("--backends", backend_list);
  o.accelerators = split("--accelerators", accelerators);
  o.types = split("--types", types);
  o.densities = split("--densities", densities);
  request.require = split("--require", required);
  for (const std::string& word : split("--batches", batches)) {
    std::int64_t batch = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), batch);
    if (error != std::errc() || end != word.data() + word.size() || batch < 1 || batch > (1 << 20))
      throw UsageError(fmt::format("--batches: `{}` is not a number of images between 1 and {}", word.substr(0, 100), 1 << 20));
    if (std::find(o.batches.begin(), o.batches.end(), batch) == o.batches.end()) o.batches.push_back(batch);
  }
  const auto [seed_end, seed_error] = std::from_chars(seed.data(), seed.data() + seed.size(), o.seed);  // CLI11 would take -1 for 2^64 - 1
  if (seed_error != std::errc() || seed_end != seed.data() + seed.size())
    throw UsageError(fmt::format("--seed: `{}` is not a whole number below 2^64", seed.substr(0, 100)));
  make_absolute(o.networks), make_absolute(o.densities), make_absolute(o.accelerators);
  if (!request.benchmark_min_time.empty()) apply_min_time(request.benchmark_min_time, o);
  for (const auto& [option, value] : {std::pair{"--half-width", o.half_width}, {"--max-time", o.max_seconds}, {"--timeout", o.timeout_seconds}})
    if (!std::isfinite(value)) throw UsageError(fmt::format("{}: give a finite number", option));  // NaN is within any range of CLI11's
  for (const char* option : {"--out", "--resume", "--benchmark_out"})
    if (app.count(option) > 0 && app.get_option(option)->as<std::string>().empty()) throw UsageError(fmt::format("{}: name a path", option));
  if (!request.out.empty() && !request.resume.empty()) throw UsageError("--out and --resume exclude each other: a resumed run stays in its folder");
  if (request.force && !request.resume.empty()) throw UsageError("--force and --resume exclude each other: one replaces a run, the other goes on with it");
  return std::nullopt;
}

void require_available(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const auto& backend : backends()) {
    known.push_back(backend->name());
    for (const Variant& variant : backend->variants()) known.push_back(variant.name);
  }
  for (const std::string& name : names) {
    bool is_known = false;
    Support best = Support::no("");
    for (const auto& backend : backends()) {
      const std::vector<Variant> variants = backend->variants();
      if (backend->name() != name && std::none_of(variants.begin(), variants.end(), [&](const Variant& v) { return v.name == name; })) continue;
      is_known = true;
      if (const Support available = backend->available(); available || best.reason.empty()) best = available;
      if (best) break;
    }
    if (!is_known) throw UsageError("--require: " + unknown_word("backend or accelerator", name, known));
    if (!best) throw MissingError(fmt::format("--require {}: not available here: {}", name, best.reason));
  }
}

int list_tests(const Plan& plan) {
  for (const PlannedCase& c : plan.cases) std::puts(c.name.c_str());
  flush_stdout();
  return exit_code::success;
}

int dry_run(const Plan& plan, const RunOptions& options) {
  const Sampling sampling = options.sampling();
  double total = 0;
  std::size_t to_run = 0;
  for (const PlannedCase& c : plan.cases) {
    std::string reason = c.skip_reason;
    if (reason.empty())
      if (Support available = c.backend->available(); !available) reason = available.reason;
    if (reason.empty())
      if (Support support = c.backend->supports(c.variant, plan.case_of(c)); !support) reason = support.reason;
    if (!reason.empty()) {
      std::puts(fmt::format("{}  skipped: {}", c.name, reason).c_str());
      continue;
    }
    const double seconds = plan.predicted_seconds(c, sampling);
    total += seconds;
    ++to_run;
    std::puts(fmt::format("{}  {:.2f} s", c.name, seconds).c_str());
  }
  std::puts(fmt::format("{} cases, {} to run, about {:.0f} s predicted (without the roofs)", plan.cases.size(), to_run, total).c_str());
  flush_stdout();
  return exit_code::success;
}

std::string default_folder() {
  std::string time = utc_now();
  std::erase(time, ':');
  std::string path = "convroof-runs/" + time;
  std::error_code error;
  for (int i = 2; fs::exists(path, error); ++i) path = fmt::format("convroof-runs/{}-{}", time, i);
  return path;
}

// Whether an earlier row answers a planned case: the same work under the same conditions, and an end that a second try would not change.
bool still_holds(const Row& row, const Row& planned) {
  for (const char* field : {"workload_hash", "threads", "cache", "epilogue", "data", "seed", "repeats", "density", "weight_density", "activation_density"})
    if (!row.contains(field) || row[field] != planned[field]) return false;
  if (!row.contains("repetition_seconds") || !row.contains("facts") || !row["reason"].is_string()) return false;
  return row["outcome"] != "failed" && !(row["outcome"] == "skipped" && row["reason"] == kNotReached);
}

void check_writable(const std::string& path) {
  if (path.empty()) return;
  std::error_code error;
  const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
  if (fs::is_directory(path, error) || access(fs::exists(path, error) ? path.c_str() : folder.c_str(), W_OK) != 0)
    throw OutputError(fmt::format("--benchmark_out {}: cannot be written: {}", path, fs::is_directory(path, error) ? "it is a folder" : std::strerror(errno)));
}

Row context_of(const Request& request, const std::vector<std::string>& arguments) {
  Row context = machine_context();
  std::string line = "convroof run";
  for (const std::string& argument : arguments) line += " " + argument;
  context["command_line"] = line;
  context["options"] = to_json(request.options);
  for (const std::string& pair : request.benchmark_context.empty() ? std::vector<std::string>{} : split("--benchmark_context", {request.benchmark_context})) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) throw UsageError(fmt::format("--benchmark_context: `{}` is not key=value", pair.substr(0, 100)));
    const std::string key = pair.substr(0, equals);
    if (context.contains(key)) throw UsageError(fmt::format("--benchmark_context: `{}` is taken; choose another key", key));
    context[key] = pair.substr(equals + 1);
  }
  context["libraries"] = Row::object();
  context["interrupted"] = false;
  return context;
}

int exit_code_of(const RunResult& result, bool strict) {
  if (result.interrupted) return exit_code::interrupted;
  if (std::any_of(result.rows.begin(), result.rows.end(), is_bad)) return exit_code::case_failed;
  if (strict && std::any_of(result.rows.begin(), result.rows.end(), [](const Row& row) { return row["outcome"] == "noisy"; })) return exit_code::noisy;
  return exit_code::success;
}

int measure_and_write(const Request& request, const Plan& plan, RunFolder folder, Row context) {
  std::map<std::string, Row> finished;
  std::vector<Ceiling> earlier;
  if (!request.resume.empty()) {
    std::map<std::string, Row> journal = folder.finished_rows();
    for (const PlannedCase& c : plan.cases)
      if (const auto row = journal.find(c.name); row != journal.end() && still_holds(row->second, planned_row(plan, c))) finished.insert(*row);
    if (const Row before = folder.earlier_run(); before.is_object() && before.contains("ceilings"))
      for (const Row& ceiling : before["ceilings"])
        if (ceiling.is_object() && ceiling_from(ceiling).value > 0) earlier.push_back(ceiling_from(ceiling));
  }

  // A whole file from the first second on: whatever happens to this process, what is on disk can be read.
  std::vector<Row> planned;
  for (const PlannedCase& c : plan.cases) planned.push_back(finished.contains(c.name) ? finished[c.name] : planned_row(plan, c));
  context["interrupted"] = true;
  folder.write_run(run_document(context, earlier, planned));

  RunResult result;
  std::string trouble;
  try {
    carry_out(plan, request.options, finished, earlier, request.quiet, folder, result);
  } catch (const OutputError& error) {
    trouble = error.what();
  }
  for (std::size_t i = result.rows.size(); i < plan.cases.size(); ++i) result.rows.push_back(planned_row(plan, plan.cases[i]));
  context["interrupted"] = result.interrupted || !trouble.empty();
  context["libraries"] = result.libraries;
  const Row own_libraries = loaded_libraries();
  for (const auto& [name, version] : own_libraries.items()) context["libraries"][name] = version;
  context["date_finished"] = utc_now();
  const Row document = run_document(context, result.ceilings, result.rows);

  const auto try_to_write = [&](const auto& write) {
    try {
      write();
    } catch (const OutputError& error) {
      if (trouble.empty()) trouble = error.what();
    }
  };
  try_to_write([&] { folder.write_run(document); });
  if (!request.benchmark_out.empty())
    try_to_write([&] { write_atomically(request.benchmark_out, benchmark_file(request.benchmark_out_format, context, result.rows)); });
  std::fputs(summary(document).c_str(), stdout);  // in any case: the last refuge of numbers that no disk will take
  if (trouble.empty()) std::puts(folder.run_file().c_str());
  flush_stdout();
  if (!trouble.empty()) throw OutputError(trouble);
  return exit_code_of(result, request.strict);
}

// A resumed run keeps its own options where the command line says nothing about what is to be measured. How precisely and how long may be said anew.
RunOptions resumed_options(const RunOptions& given, const std::string& path) {
  RunOptions what = given;
  const RunOptions defaults;
  what.half_width = defaults.half_width, what.min_seconds = defaults.min_seconds, what.max_seconds = defaults.max_seconds;
  what.samples = defaults.samples, what.repetitions = defaults.repetitions, what.no_ceilings = defaults.no_ceilings,
  what.timeout_seconds = defaults.timeout_seconds;
  if (to_json(what) != to_json(defaults)) return given;

  const Row before = RunFolder::resume(path).earlier_run();
  if (!before.is_object() || !before.contains("context") || !before["context"].contains("options"))
    throw UsageError(fmt::format("{}/run.json does not say what was to be measured; give the filters again", path));
  try {
    RunOptions options = options_from(before["context"]["options"]);
    if (given.half_width != defaults.half_width) options.half_width = given.half_width;
    if (given.min_seconds != defaults.min_seconds) options.min_seconds = given.min_seconds;
    if (given.max_seconds != defaults.max_seconds) options.max_seconds = given.max_seconds;
    if (given.samples != defaults.samples) options.samples = given.samples;
    if (given.repetitions != defaults.repetitions) options.repetitions = given.repetitions;
    if (given.no_ceilings) options.no_ceilings = true;
    if (given.timeout_seconds != defaults.timeout_seconds) options.timeout_seconds = given.timeout_seconds;
    return options;
  } catch (const nlohmann::json::exception& error) {
    throw UsageError(fmt::format("{}/run.json: `context.options` cannot be read ({}); give the filters again", path, error.what()));
  }
}

int run(const std::vector<std::string>& arguments) {
  Request request;
  if (const auto code = parse(arguments, request)) return *code;
  if (!request.resume.empty()) request.options = resumed_options(request.options, request.resume);
  const Plan plan = make_plan(request.options);
  require_available(request.require);
  if (request.list_tests) return list_tests(plan);
  if (request.dry_run) return dry_run(plan, request.options);
  Row context = context_of(request, arguments);  // may refuse --benchmark_context, so before a folder is made
  const std::string path = request.out.empty() ? default_folder() : request.out;
  RunFolder folder = request.resume.empty() ? RunFolder::create(path, request.force) : RunFolder::resume(request.resume);
  check_writable(request.benchmark_out);
  std::signal(SIGPIPE, SIG_IGN);  // a reader of the table that went away must not cost the results
  return measure_and_write(request, plan, std::move(folder), std::move(context));
}

}  // namespace

Verb run_verb() { return {"run", "checks and measures layers, writes a run", run}; }

}  // namespace convroof
