#include "backends/spatial/model/staircase.h"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/checked.h"

namespace convroof::spatial {
namespace {

double ratio(std::uint64_t part, std::uint64_t whole) { return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole); }
double full(std::int64_t total, std::int64_t side) { return static_cast<double>(total) / static_cast<double>(ceil_div(total, side) * std::min(total, side)); }

// What a family says about the way from the multipliers in use (`share` of them busy in an average clock) to the work that they did. An overload for each
// family that can tell causes apart; the others have one step.
template <typename Family>
std::vector<Step> inside(const Family&, const Problem&, const Outcome&, double share) {
  return {{"fragmentation, fill and drain, imbalance", share}};
}

std::vector<Step> inside(const SystolicArray& array, const Problem& p, const Outcome&, double share) {
  const std::int64_t rows = array.stationary == Stationary::output ? p.n() : p.k(), columns = array.stationary == Stationary::input ? p.n() : p.m();
  const double folds = full(rows, array.rows) * full(columns, array.columns);
  return {{"fragmentation", folds}, {"fill and drain", share / folds}};
}

// Lanes that skip zeros wait for the fullest one at the end of a window.
std::vector<Step> inside(const NoLocalReuse& array, const Problem&, const Outcome& o, double share) {
  const auto waits = o.counts.find("lane_wait_clocks");
  if (waits == o.counts.end()) return {{"fragmentation", share}};
  const double busy = 1 - ratio(waits->second, o.cycles * static_cast<std::uint64_t>(array.lanes));
  if (!(busy > 0) || share > busy) return {{"fragmentation, imbalance", share}};
  return {{"imbalance", busy}, {"fragmentation", share / busy}};
}

}  // namespace

std::vector<Step> staircase(const Accelerator& a, const Problem& p, const Outcome& o) {
  const auto multipliers = static_cast<std::uint64_t>(a.multipliers());
  const double used = ratio(o.macs, multipliers * o.cycles);
  // Never above 1, and never below what was done.
  const double shape = std::clamp(ratio(o.pe_active, multipliers), std::min(used, 1.0), 1.0);
  std::vector<Step> steps = {{"array shape", shape}};
  const double share = shape > 0 ? used / shape : 0;
  for (Step& step : std::visit([&](const auto& family) { return inside(family, p, o, share); }, a.array)) steps.push_back(std::move(step));
  steps.push_back({"memory stalls", ratio(o.cycles, o.cycles + o.stall_cycles)});
  return steps;
}

std::string descent(const Accelerator& a, const Problem& p, const Outcome& o) {
  double rate = a.peak_ops_per_second();
  std::string text = fmt::format("peak {:.6g}", rate);
  for (const Step& step : staircase(a, p, o)) text += fmt::format(" > {} {:.6g}", step.cause, rate *= step.share);
  return text;
}

}  // namespace convroof::spatial
