#include "tools/versus/contest.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <regex>
#include <set>

#include "backends/host_cpu.h"
#include "backends/registry.h"
#include "harness/statistics.h"
#include "harness/verify.h"

namespace convroof::versus {
namespace {

constexpr int kFewestRounds = 5;
constexpr int kRoundsBeforeLeaving = 2;  // after these, who is far behind its own side's best leaves
constexpr double kFarBehind = 1.5;
constexpr double kShort = 20e-3;
constexpr int kPatience = 8;  // disturbed probes that are waited out, for each round that is asked for

struct Contender {
  Times times;
  std::unique_ptr<Kernel> kernel;
  int runs = 1;           // in one sample
  bool is_short = false;  // its operands may have left the caches since its last turn: it runs once before it is timed
  std::vector<double> samples;
  bool left = false;
  double fastest() const { return samples.empty() ? std::numeric_limits<double>::infinity() : *std::ranges::min_element(samples); }
};

double seconds_of(Kernel& kernel, int runs) {
  const auto start = std::chrono::steady_clock::now();
  kernel.run(runs);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / runs;
}

// Reads more than all caches hold, with the threads that will run the kernel. Reading, and not writing: lines that were written would have to go back to memory
// while the kernel reads its weights.
void sweep_caches(int threads) {
  static const std::vector<float> lines(static_cast<std::size_t>(std::max<std::int64_t>(host_cpu().l3_bytes, 32 << 20)) * 3 / sizeof(float), 1.0f);
  const auto count = static_cast<std::int64_t>(lines.size());
  float sum = 0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : sum)
  for (std::int64_t i = 0; i < count; i += 16) sum += lines[static_cast<std::size_t>(i)];
  asm volatile("" : : "m"(sum));
}

Side side_of(const Backend& backend, const Variant& variant) {
  if (backend.name() == "onednn") return variant.name.starts_with("winograd") ? Side::vendor_winograd : Side::vendor_direct;
  return variant.name.starts_with("sparse") ? Side::ours_sparse : Side::ours;
}

// `direct` is the fastest of several that the backend tried; `auto` is what the library takes. Forced families would repeat one of them.
bool takes_part(const Backend& backend, const Variant& variant, const Case& c, const std::regex& ours) {
  if (backend.name() == "onednn") {
    static const std::set<std::string> kVariants{"auto", "direct", "winograd2x2", "winograd4x4", "winograd-rounded"};
    return kVariants.contains(variant.name);
  }
  if (backend.name() != "highway" || !std::regex_search(variant.name, ours)) return false;
  return side_of(backend, variant) == Side::ours || !c.density.is_dense();
}

std::vector<Contender> prepared(const Case& c, const Operands& operands, const Expected& expected, const Rules& rules) {
  const std::regex ours(rules.our_variants);
  std::vector<Contender> contenders;
  std::set<std::string> vendor_implementations;
  Tensor output(format_of(c.type).output, c.output_shape());
  for (const auto& backend : backends()) {
    if (!backend->available()) continue;
    for (const Variant& variant : backend->variants()) {
      if (!takes_part(*backend, variant, c, ours) || !backend->supports(variant, c)) continue;
      Contender contender;
      contender.times.variant = variant.name;
      contender.times.side = side_of(*backend, variant);
      contender.kernel = backend->prepare(variant, c, operands);
      contender.kernel->poison_output();
      contender.kernel->run(1);
      output.poison();
      contender.kernel->read_output(output);
      const Verdict verdict = verify(output, expected, backend->error(variant, c));
      omp_set_num_threads(c.threads);
      if (!verdict.right) throw std::runtime_error(fmt::format("{}/{} is wrong: {}", backend->name(), variant.name, verdict.reason));
      contender.times.relative_l2 = verdict.relative_l2_error;
      const Work work = contender.kernel->work();
      for (const char* key : {"implementation", "picked", "plan"})
        if (const auto fact = work.facts.find(key); fact != work.facts.end() && contender.times.implementation.empty())
          contender.times.implementation = fact->second;
      // What `direct` chose may be what `auto` runs already.
      if (backend->name() == "onednn" && !vendor_implementations.insert(contender.times.implementation).second) continue;
      const double first = seconds_of(*contender.kernel, 1);
      contender.is_short = first < kShort;
      contender.runs = c.cache == CacheState::cold ? 1 : std::clamp(static_cast<int>(std::ceil(rules.sample_seconds / first)), 1, 10000);
      contenders.push_back(std::move(contender));
    }
  }
  return contenders;
}

void dismiss_the_slow(std::vector<Contender>& contenders) {
  for (Contender& contender : contenders) {
    double best = std::numeric_limits<double>::infinity();
    for (const Contender& other : contenders)
      if (other.times.side == contender.times.side) best = std::min(best, other.fastest());
    contender.left = contender.left || contender.fastest() > kFarBehind * best;
  }
}

}  // namespace

std::vector<Times> contest(const Case& c, const Operands& operands, const Expected& expected, const Rules& rules, QuietGuard& guard) {
  omp_set_num_threads(c.threads);
  std::vector<Contender> contenders = prepared(c, operands, expected, rules);

  int clean = 0, spent = 0;  // samples that were thrown away
  for (; clean < rules.rounds; ++clean) {
    if (clean == kRoundsBeforeLeaving) dismiss_the_slow(contenders);
    bool is_complete = true;
    bool was_quiet = guard.quiet();
    for (std::size_t turn = 0; turn < contenders.size() && is_complete; ++turn) {
      Contender& contender = contenders[clean % 2 == 0 ? turn : contenders.size() - 1 - turn];
      if (contender.left) continue;
      for (bool is_taken = false; !is_taken;) {
        while (!was_quiet && spent < kPatience * rules.rounds) ++spent, was_quiet = guard.quiet();
        if (!was_quiet) {
          is_complete = false;
          break;
        }
        if (c.cache == CacheState::cold) {
          sweep_caches(c.threads);
        } else if (contender.is_short) {
          contender.kernel->run(1);
        }
        const double seconds = seconds_of(*contender.kernel, contender.runs);
        was_quiet = guard.quiet();
        if (was_quiet) {
          contender.samples.push_back(seconds);
          is_taken = true;
        }
      }
    }
    if (!is_complete) break;
  }
  if (clean < std::min(kFewestRounds, rules.rounds))
    throw Disturbed(
        fmt::format("{} of {} probes were disturbed, and layer {} got {} complete rounds only", guard.disturbed(), guard.probes(), c.layer.name, clean));

  std::vector<Times> result;
  for (Contender& contender : contenders) {
    contender.times.best = contender.fastest();
    contender.times.median = median(contender.samples);
    contender.times.samples = std::move(contender.samples);
    result.push_back(std::move(contender.times));
  }
  return result;
}

const Times* fastest(const std::vector<Times>& times, std::initializer_list<Side> sides) {
  const Times* best = nullptr;
  for (const Times& t : times)
    if (std::ranges::find(sides, t.side) != sides.end() && (best == nullptr || t.best < best->best)) best = &t;
  return best;
}

}  // namespace convroof::versus
