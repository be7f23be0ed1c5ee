#include "harness/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "backends/registry.h"
#include "harness/ceilings.h"
#include "harness/interrupts.h"
#include "harness/progress.h"
#include "harness/worker_process.h"
#include "workloads/data_folder.h"

namespace convroof {
namespace {

constexpr double kStartSeconds = 120;    // for a worker to make its plan
constexpr double kCeilingSeconds = 300;  // for all roofs
constexpr double kGraceSeconds = 2;      // after a signal, for the running case
constexpr int kMostRoofRepetitions = 5;  // roofs measured again because a case went above them

class Run {
 public:
  Run(const Plan& plan, const RunOptions& options, bool quiet, RunFolder& folder, RunResult& result)
      : plan_(plan),
        options_(options),
        folder_(folder),
        result_(result),
        sampling_(options.sampling()),
        order_(order_of(plan)),
        progress_(quiet, order_.size(), predicted()) {}

  void go(const std::map<std::string, Row>& finished, const std::vector<Ceiling>& earlier_ceilings) {
    result_.ceilings = earlier_ceilings;
    for (const PlannedCase& c : plan_.cases) {
      const auto done = finished.find(c.name);
      result_.rows.push_back(done != finished.end() ? done->second : planned_row(plan_, c));
      if (done == finished.end() && !c.skip_reason.empty()) folder_.append(result_.rows.back());
    }
    std::erase_if(order_, [&](std::size_t index) { return finished.contains(plan_.cases[index].name); });
    if (order_.empty()) return;
    measure_ceilings();
    for (const std::size_t index : order_) {
      if (interrupts_.count() > 0) break;
      progress_.start(plan_.cases[index].name);
      run_case(index);
      progress_.finish(plan_.predicted_seconds(plan_.cases[index], sampling_));
    }
    // Roofs may have been measured again since the first cases were judged, and only ever rise: all rows by the same roofs, those of the file.
    for (Row& row : result_.rows) add_roof(row, result_.ceilings);
    result_.interrupted = interrupts_.count() > 0;
  }

 private:
  static std::vector<std::size_t> order_of(const Plan& plan) {
    std::vector<std::size_t> order;
    for (const std::vector<std::size_t>& group : plan.groups()) order.insert(order.end(), group.begin(), group.end());
    return order;
  }

  double predicted() const {
    double seconds = 0;
    for (const std::size_t index : order_) seconds += plan_.predicted_seconds(plan_.cases[index], sampling_);
    return seconds;
  }

  // One worker at a time, a new one for each kind of device: a process that has woken a GPU has threads of its driver in it.
  WorkerProcess& worker_for(Clock clock) {
    if (worker_ && worker_clock_ != clock) worker_.reset();
    if (!worker_) {
      worker_ = std::make_unique<WorkerProcess>(options_);
      worker_clock_ = clock;
      Row message;
      const auto event = worker_->wait(kStartSeconds, interrupts_, 1, message);
      if (event == WorkerProcess::Event::interrupted) return *worker_;
      if (event != WorkerProcess::Event::message || message.value("ready", std::size_t{0}) != plan_.cases.size()) {
        const std::string how = event == WorkerProcess::Event::message ? "it sees other data files" : worker_->end();
        worker_.reset();
        throw std::runtime_error(fmt::format("the worker process did not start: {}", how));
      }
    }
    return *worker_;
  }

  // Roofs are asked of every host backend for every type that runs by the host's clock (one of them measures the CPU, whoever is judged by it), and of the
  // other backends that take part.
  std::map<Clock, Row> ceilings_wanted() const {
    std::map<Clock, std::set<DataType>> types;
    std::set<const Backend*> taking_part;
    for (const std::size_t index : order_)
      types[plan_.cases[index].backend->clock()].insert(plan_.cases[index].type), taking_part.insert(plan_.cases[index].backend);
    std::map<Clock, Row> wanted;
    for (const auto& backend : backends()) {
      const Clock clock = backend->clock();
      if (!types.contains(clock) || (clock != Clock::host && !taking_part.contains(backend.get()))) continue;
      Row names = Row::array();
      for (const DataType type : types[clock]) names.push_back(name_of(type));
      Row entry = Row::array();
      entry.push_back(backend->name());
      entry.push_back(std::move(names));
      wanted[clock].push_back(std::move(entry));
    }
    return wanted;
  }

  void measure_ceilings() {
    if (options_.no_ceilings) return;
    for (const auto& [clock, request] : ceilings_wanted()) {
      if (interrupts_.count() > 0) return;
      progress_.start(fmt::format("roofs ({} clock)", name_of(clock)));
      Row message;
      try {
        WorkerProcess& worker = worker_for(clock);
        worker.send({{"ceilings", request}});
        for (;;) {
          const auto event = worker.wait(kCeilingSeconds, interrupts_, 0, message);
          if (event == WorkerProcess::Event::interrupted) return worker_.reset();
          if (event != WorkerProcess::Event::message) {
            progress_.note(fmt::format("the roofs of the {} clock could not be measured: {}", name_of(clock),
                                       event == WorkerProcess::Event::late ? "it took too long" : worker.end()));
            worker_.reset();
            break;
          }
          if (message.contains("warning")) progress_.note(message["warning"].get<std::string>());
          if (!message.contains("ceilings")) continue;
          std::vector<Ceiling> measured;
          for (const Row& ceiling : message["ceilings"]) measured.push_back(ceiling_from(ceiling));
          result_.ceilings = merge_ceilings(std::move(result_.ceilings), measured);
          break;
        }
      } catch (const std::runtime_error& error) {
        progress_.note(error.what());
      }
    }
  }

  void run_case(std::size_t index) {
    std::optional<Row> row = answer_for(index);
    if (!row) return;  // interrupted: the row stays as it was planned
    // Shared memory changes its speed from second to second, so the roof is looked at again right after a case that went above it.
    Row judged = *row;
    while (add_roof(judged, result_.ceilings).untrusted && roof_repetitions_ < kMostRoofRepetitions && interrupts_.count() == 0) {
      ++roof_repetitions_;
      measure_ceilings();
      judged = *row;
    }
    if (is_bad(judged)) judged["reproduce"] = reproducer(plan_, plan_.cases[index], options_);
    result_.rows[index] = std::move(judged);
    const Row& kept = result_.rows[index];
    if (is_bad(kept) || kept["outcome"] == "untrusted")
      progress_.note(fmt::format("{} {}: {}{}", kept["outcome"].get<std::string>(), kept["name"].get<std::string>(), kept["reason"].get<std::string>(),
                                 is_bad(kept) ? "\n  again: " + kept["reproduce"].get<std::string>() : std::string()));
    folder_.append(kept);
  }

  // The worker's row, or one that tells how the worker ended; nothing when a signal came first.
  std::optional<Row> answer_for(std::size_t index) {
    const PlannedCase& c = plan_.cases[index];
    const auto failed = [&](const std::string& reason) {
      worker_.reset();  // whatever it is in, the next case starts afresh
      Row row = planned_row(plan_, c);
      end_row(row, "failed", reason);
      return row;
    };
    const double allowed = options_.timeout_seconds > 0 ? options_.timeout_seconds : 120 + 60 * plan_.predicted_seconds(c, sampling_);
    try {
      WorkerProcess& worker = worker_for(c.backend->clock());
      worker.send({{"run", {index}}});
      std::optional<Row> row;
      double wait_seconds = allowed;
      int signals_seen = 0;
      for (;;) {
        Row message;
        switch (worker.wait(wait_seconds, interrupts_, signals_seen, message)) {
          case WorkerProcess::Event::message:
            if (message.contains("row") && message["row"].value("name", "") == c.name) row = message["row"];
            if (!message.contains("done")) continue;
            for (const auto& [name, version] : message["libraries"].items()) result_.libraries[name] = version;
            if (row && (*row)["outcome"] == "failed") worker_.reset();  // an error may stick to a process (CUDA's do)
            return row ? row : failed("the worker process answered without a result");
          case WorkerProcess::Event::died:
            if (interrupts_.count() > 0 && !row) {  // whoever ended us ended it, too
              worker_.reset();
              return row;
            }
            return row ? row : failed(fmt::format("the worker process ended: {}", worker.end()));
          case WorkerProcess::Event::late:
            if (signals_seen == 0) return failed(fmt::format("no result within {:.0f} s (--timeout)", allowed));
            worker_.reset();
            return row;
          case WorkerProcess::Event::interrupted:
            // The first signal leaves the running case a moment, the second does not.
            if (++signals_seen > 1) {
              worker_.reset();
              return row;
            }
            wait_seconds = kGraceSeconds;
            progress_.note("interrupted; what was measured is kept");
        }
      }
    } catch (const std::runtime_error& error) {
      return failed(error.what());
    }
  }

  const Plan& plan_;
  const RunOptions& options_;
  RunFolder& folder_;
  RunResult& result_;
  const Sampling sampling_;
  std::vector<std::size_t> order_;
  Interrupts interrupts_;
  Progress progress_;
  std::unique_ptr<WorkerProcess> worker_;
  Clock worker_clock_ = Clock::host;
  int roof_repetitions_ = 0;
};

std::string quoted(const std::string& word) {
  if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@") == std::string::npos && !word.empty()) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

void carry_out(const Plan& plan, const RunOptions& options, const std::map<std::string, Row>& finished, const std::vector<Ceiling>& earlier_ceilings,
               bool quiet, RunFolder& folder, RunResult& result) {
  Run(plan, options, quiet, folder, result).go(finished, earlier_ceilings);
}

std::string reproducer(const Plan& plan, const PlannedCase& c, const RunOptions& options) {
  std::string line = fmt::format("convroof run --networks {} --backends {} --types {} --batches {} --densities {}", quoted(c.network->word), c.backend->name(),
                                 name_of(c.type), c.batch, quoted(c.density_word));
  std::vector<std::string> files;
  std::copy_if(options.accelerators.begin(), options.accelerators.end(), std::back_inserter(files),
               [](const std::string& word) { return looks_like_path(word); });
  if (c.backend->variant_noun() == "accelerator" && !files.empty()) line += " --accelerators " + quoted(fmt::format("{}", fmt::join(files, ",")));
  // The whole name, with what a regular expression would take for a sign escaped.
  std::string pattern = "^";
  for (const char character : c.name) {
    if (character == '+' || character == '.') pattern += '\\';
    pattern += character;
  }
  line += fmt::format(" --variants {} --benchmark_filter={}", quoted("^" + c.variant.name + "$"), quoted(pattern + "$"));
  line += fmt::format(" --threads {} --cache {} --epilogue {} --data {} --seed {}", plan.threads, name_of(plan.cache), name_of(plan.epilogue), name_of(c.data),
                      plan.seed);
  return line;
}

}  // namespace convroof
