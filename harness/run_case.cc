#include "harness/run_case.h"

#include <fmt/format.h>
#include <malloc.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <new>
#include <sstream>
#include <stdexcept>

#include "backends/host_cpu.h"
#include "harness/registered_benchmark.h"
#include "harness/statistics.h"
#include "workloads/checked.h"

namespace convroof {
namespace {

double gibibytes(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

std::int64_t first_number(const char* path) {
  std::ifstream stream(path);
  std::int64_t value = -1;
  return stream >> value ? value : -1;
}

// What a case frees serves the next one. By default every large block goes back to the system and comes again page by page; a quarter of the time of
// emulating a small layer went into that. Not where the host is timed: there memory should come as it does in other people's programs.
void keep_freed_memory() {
#if defined(__GLIBC__)
  static const bool once = [] {
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    return true;
  }();
  static_cast<void>(once);
#endif
}

double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// All repetitions as one series. Their order is the order of time.
Measurement pooled(const std::vector<Measurement>& parts, double half_width) {
  Measurement whole = parts.front();
  if (parts.size() == 1) return whole;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    whole.samples.insert(whole.samples.end(), parts[i].samples.begin(), parts[i].samples.end());
    whole.warm_up_runs += parts[i].warm_up_runs;
    whole.stop_reason = parts[i].stop_reason;
    whole.waiting_share = std::max(whole.waiting_share, parts[i].waiting_share);
  }
  whole.seconds = median(whole.samples);
  const Interval interval = median_interval_of_series(whole.samples);
  whole.ci_lo = interval.lo;
  whole.ci_hi = interval.hi;
  const auto is_contended = [](const Measurement& part) { return part.stop_reason == name_of(StopReason::contended); };
  const bool contended = std::any_of(parts.begin(), parts.end(), is_contended);
  if (contended) whole.stop_reason = name_of(StopReason::contended);
  if (whole.clock != Clock::simulated) whole.noisy = contended || !(interval.half_width() <= half_width * whole.seconds);
  return whole;
}

}  // namespace

std::int64_t available_memory_bytes() {
  std::ifstream stream("/proc/meminfo");
  std::string line;
  std::int64_t available = INT64_MAX;
  while (std::getline(stream, line))
    if (line.starts_with("MemAvailable:")) {
      std::int64_t kibibytes = 0;
      if (std::istringstream(line.substr(13)) >> kibibytes) available = kibibytes * 1024;
    }
  // A container may be allowed less than the machine has.
  const std::int64_t limit = first_number("/sys/fs/cgroup/memory.max"), used = first_number("/sys/fs/cgroup/memory.current");
  if (limit >= 0 && used >= 0) available = std::min(available, std::max<std::int64_t>(limit - used, 0));
  return available;
}

std::string memory_objection(const Case& c, std::int64_t available_bytes) {
  std::int64_t needed = 0;
  try {
    const NumberFormat format = format_of(c.type);
    const std::int64_t inputs = checked_product({c.batch, input_elements(c.layer), std::int64_t{bytes_per_element(format.activation)}});
    const std::int64_t weights = checked_product(weight_count(c.layer), bytes_per_element(format.weight));
    const std::int64_t outputs = checked_product({c.batch, output_elements(c.layer), std::int64_t{bytes_per_element(format.output)}});
    // The kernel holds everything once more in its own layout, and the output is copied out of it.
    needed = checked_sum(checked_product(2, checked_sum(inputs, checked_sum(weights, outputs))), expected_bytes(c));
  } catch (const std::overflow_error&) {
    return "too large: its sizes exceed 2^63 bytes";
  }
  if (needed <= available_bytes - available_bytes / 4) return "";
  return fmt::format("too large: needs about {:.2f} GiB, {:.2f} GiB are available", gibibytes(needed), gibibytes(available_bytes));
}

CaseRunner::CaseRunner(const Plan& plan, const RunOptions& options) : plan_(plan), options_(options) {}

Row CaseRunner::run(std::size_t index) {
  const PlannedCase& planned = plan_.cases[index];
  const Case c = plan_.case_of(planned);
  Row row = planned_row(plan_, planned);
  if (const std::string device = planned.backend->device_of(planned.variant); !device.empty()) row["device"] = device;
  Support support = planned.backend->available();
  if (support) support = planned.backend->supports(planned.variant, c);
  try {
    if (!support) {
      end_row(row, "skipped", support.reason.empty() ? "not supported" : support.reason);
      for (const auto& [key, value] : planned.backend->facts_when_skipped(planned.variant, c)) row["facts"][key] = value;
      return row;
    }
    if (const std::string objection = memory_objection(c, available_memory_bytes()); !objection.empty()) {
      end_row(row, "skipped", objection);
      return row;
    }
    run_supported(planned, c, row);
  } catch (const std::bad_alloc&) {
    shared_ = {};
    end_row(row, support ? "failed" : "skipped", "out of memory");
  } catch (const std::exception& error) {
    // A description that fails does not turn a case that could not run anyway into a failed one.
    end_row(row, support ? "failed" : "skipped", support ? std::string(error.what()) : support.reason);
  }
  drop_non_finite(row);
  return row;
}

const CaseRunner::Shared& CaseRunner::shared_for(const PlannedCase& planned, const Case& c, const ErrorModel& model) {
  const std::string key = operands_key(plan_, planned) + (planned.backend->takes_byte_weights() ? "|bytes" : "");
  const bool with_magnitudes = model.relative_to_magnitude != 0 || model.relative_to_largest_magnitude != 0;
  if (shared_.key == key && shared_.expected && (shared_.expected->has_magnitudes() || !with_magnitudes)) return shared_;
  shared_ = {};
  omp_set_num_threads(planned.backend->clock() == Clock::simulated ? c.threads : host_cpu().physical_cores);
  shared_.operands = make_operands(c.layer, c.type, c.batch, c.density, planned.data, plan_.seed, planned.backend->takes_byte_weights());
  shared_.expected = std::make_unique<Expected>(c, shared_.operands.view(), with_magnitudes);
  shared_.key = key;
  return shared_;
}

void CaseRunner::run_supported(const PlannedCase& planned, const Case& c, Row& row) {
  // A simulated clock has no noise to keep out: the one run that gives the time gives the output that is checked.
  const bool is_simulated = planned.backend->clock() == Clock::simulated;
  if (is_simulated) keep_freed_memory();
  const ErrorModel model = planned.backend->error(planned.variant, c);
  const Shared& shared = shared_for(planned, c, model);
  omp_set_num_threads(c.threads);
  const double start = seconds_now();
  const Operands operands = shared.operands.view();
  const std::unique_ptr<Kernel> kernel = planned.backend->prepare(planned.variant, c, operands);
  if (kernel == nullptr) throw std::logic_error("the backend prepared no kernel");
  Numbers numbers;
  numbers.prepare_seconds = seconds_now() - start;

  // Right before it is timed, and still right afterwards: a kernel that adds to its output or overwrites its operands is caught by the second check.
  Tensor output = Tensor::poisoned(format_of(c.type).output, c.output_shape());
  bool is_poisoned = true;
  const auto check = [&] {
    if (!is_poisoned) output.poison();
    is_poisoned = false;
    kernel->read_output(output);
    numbers.verdict = verify(output, *shared.expected, model);
    return numbers.verdict.right;
  };
  const auto proves_something = [&] {
    if (numbers.verdict.share_nonzero >= kFewestNonZero) return true;
    end_row(row, "untrusted", fmt::format("only {:.2g} % of the output is not zero; such an output proves nothing", 100 * numbers.verdict.share_nonzero));
    return false;
  };
  if (!is_simulated) {
    kernel->poison_output();
    kernel->run(1);
    if (!check()) return end_row(row, "wrong", numbers.verdict.reason);
    if (!proves_something()) return;
  }
  kernel->poison_output();
  const Sampling sampling = options_.sampling();
  std::vector<Measurement> parts;
  numbers.repetition_seconds = run_registered(planned.name, options_.repetitions, [&] {
    parts.push_back(measure(*kernel, planned.backend->clock(), c.cache, sampling));
    return parts.back().seconds;
  });
  numbers.measurement = pooled(parts, sampling.half_width);
  if (!check()) return end_row(row, "wrong", (is_simulated ? "" : "after the timed runs: ") + numbers.verdict.reason);
  if (is_simulated && !proves_something()) return;
  kernel->observe();
  numbers.work = kernel->work();
  add_numbers(row, numbers);
  if (!model.derivation.empty()) row["facts"]["error_model"] = model.derivation;
}

}  // namespace convroof
