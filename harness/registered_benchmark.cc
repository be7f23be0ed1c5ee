#include "harness/registered_benchmark.h"

#include <benchmark/benchmark.h>

#include <exception>
#include <stdexcept>

namespace convroof {
namespace {

class Listener final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Iteration && !run.error_occurred) seconds.push_back(run.real_accumulated_time / static_cast<double>(run.iterations));
  }
  std::vector<double> seconds;
};

}  // namespace

std::vector<double> run_registered(const std::string& name, int repetitions, const std::function<double()>& sample) {
  std::exception_ptr failure;
  benchmark::ClearRegisteredBenchmarks();
  benchmark::RegisterBenchmark(name.c_str(),
                               [&](benchmark::State& state) {
                                 for (auto _ : state) {
                                   if (failure) {
                                     state.SkipWithError("an earlier repetition failed");
                                     break;
                                   }
                                   try {
                                     state.SetIterationTime(sample());
                                   } catch (...) {  // thrown on below: the library's frames must not be unwound
                                     failure = std::current_exception();
                                     state.SkipWithError("failed");
                                     break;
                                   }
                                 }
                               })
      ->UseManualTime()
      ->Iterations(1)
      ->Repetitions(repetitions);
  Listener listener;
  benchmark::RunSpecifiedBenchmarks(&listener, ".");  // the only one registered; the spec overrides any flag
  benchmark::ClearRegisteredBenchmarks();
  if (failure) std::rethrow_exception(failure);
  if (listener.seconds.size() != static_cast<std::size_t>(repetitions))
    throw std::logic_error("Google Benchmark reported another number of repetitions than it was asked for");
  return listener.seconds;
}

}  // namespace convroof
