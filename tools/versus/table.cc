#include "tools/versus/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <tuple>

namespace convroof::versus {
namespace {

struct Mean {  // geometric
  double logs = 0, lowest = 0;
  int count = 0;
  void add(double ratio) {
    lowest = count == 0 ? ratio : std::min(lowest, ratio);
    logs += std::log(ratio), ++count;
  }
  double value() const { return std::exp(logs / count); }
};

const Times* direct_of(const Row& r) { return fastest(r.times, {Side::vendor_direct}); }
const Times* vendor_of(const Row& r) { return fastest(r.times, {Side::vendor_direct, Side::vendor_winograd}); }
const Times* ours_of(const Row& r) { return fastest(r.times, {Side::ours}); }
// Exact in 8 bits, and as accurate as the vendor's in the others.
const Times* ours_without_winograd_of(const Row& r) {
  const Times* best = nullptr;
  for (const Times& t : r.times)
    if (t.side == Side::ours && t.variant.find("winograd") == std::string::npos && t.implementation.find("winograd") == std::string::npos &&
        (best == nullptr || t.best < best->best))
      best = &t;
  return best;
}
const Times* sparse_of(const Row& r) { return fastest(r.times, {Side::ours_sparse}); }
const Times* dense_of(const Row& r) { return fastest(r.times, {Side::ours, Side::vendor_direct, Side::vendor_winograd}); }

double median_of(const Row& r, std::initializer_list<Side> sides) {
  double best = 0;
  for (const Times& t : r.times)
    for (const Side side : sides)
      if (t.side == side && (best == 0 || t.median < best)) best = t.median;
  return best;
}

std::string ratio(double numerator, double denominator) { return denominator > 0 && numerator > 0 ? fmt::format("{:.3f}", numerator / denominator) : "-"; }

struct Class {
  const char* name;
  std::function<bool(const LayerSpec&)> holds;
};

bool is_winograd_shape(const LayerSpec& l) {
  return l.op == Op::conv && l.kernel_height == 3 && l.kernel_width == 3 && l.stride_height == 1 && l.stride_width == 1 && l.in_channels > 4;
}

const std::vector<Class>& classes() {
  static const std::vector<Class> all = {
      {"first layers (3 channels)", [](const LayerSpec& l) { return l.op == Op::conv && l.in_channels <= 4; }},
      {"3x3 stride 1", [](const LayerSpec& l) { return is_winograd_shape(l) && l.groups == 1; }},
      {"3x3 stride 1, grouped", [](const LayerSpec& l) { return is_winograd_shape(l) && l.groups > 1; }},
      {"1x1", [](const LayerSpec& l) { return l.op == Op::conv && l.kernel_height == 1 && l.kernel_width == 1; }},
      {"other convolutions",
       [](const LayerSpec& l) { return l.op == Op::conv && l.in_channels > 4 && !is_winograd_shape(l) && !(l.kernel_height == 1 && l.kernel_width == 1); }},
      {"all without Winograd in the vendor's reach", [](const LayerSpec& l) { return l.op == Op::conv && !(is_winograd_shape(l) && l.groups == 1); }},
      {"fully connected", [](const LayerSpec& l) { return l.op == Op::fc; }},
  };
  return all;
}

std::string scaling_of(const Row& r, std::initializer_list<Side> sides) {
  const Times *two = fastest(r.times, sides), *one = fastest(r.one_thread, sides);
  return two != nullptr && one != nullptr ? fmt::format("{:.2f}", one->best / two->best) : "-";
}

std::string dense_rows(const std::vector<Row>& rows, const Machine& machine) {
  const bool has_scaling = std::ranges::any_of(rows, [](const Row& r) { return !r.one_thread.empty(); });
  std::string text = "| layer | x | D ms | by | V ms | by | ours ms | by | D/ours | (medians) | V/ours | (medians) | D/ours direct | ours, % of peak | error |";
  text += has_scaling ? " ours, 2 threads/1 | D, 2 threads/1 |\n" : "\n";
  text += "|---|---:|---:|---|---:|---|---:|---|---:|---:|---:|---:|---:|---:|---:|";
  text += has_scaling ? "---:|---:|\n" : "\n";
  for (const Row& r : rows) {
    if (r.disturbed) {
      text += fmt::format("| {} | {} | disturbed: discarded{}\n", r.layer, r.repeats, has_scaling ? " |||||||||||||||" : " |||||||||||||");
      continue;
    }
    const Times *d = direct_of(r), *v = vendor_of(r), *o = ours_of(r), *plain = ours_without_winograd_of(r);
    const auto cell = [](const Times* t) {
      return t == nullptr ? std::string("- | -")
                          : fmt::format("{:.4g} | {}", t->best * 1e3, t->side == Side::ours || t->implementation.empty() ? t->variant : t->implementation);
    };
    const double d_best = d != nullptr ? d->best : 0, v_best = v != nullptr ? v->best : 0, o_best = o != nullptr ? o->best : 0;
    const double o_median = median_of(r, {Side::ours});
    // Of valid taps, whatever the algorithm: above 100 is what the algorithm saves.
    const std::string share =
        o_best > 0 && machine.peak > 0 ? fmt::format("{:.0f}", 100 * 2.0 * static_cast<double>(r.batch * macs_valid(r.spec)) / o_best / machine.peak) : "-";
    text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |", r.layer, r.repeats, cell(d), cell(v), cell(o), ratio(d_best, o_best),
                        ratio(median_of(r, {Side::vendor_direct}), o_median), ratio(v_best, o_best),
                        ratio(median_of(r, {Side::vendor_direct, Side::vendor_winograd}), o_median), ratio(d_best, plain != nullptr ? plain->best : 0), share,
                        o != nullptr && o->relative_l2 > 0 ? fmt::format("{:.1e}", o->relative_l2) : "exact");
    if (has_scaling) text += fmt::format(" {} | {} |", scaling_of(r, {Side::ours}), scaling_of(r, {Side::vendor_direct}));
    text += "\n";
  }
  return text;
}

std::string means(const std::vector<Row>& rows) {
  std::string text =
      "\n| geometric means | layers | D/ours | lowest | V/ours | lowest | D/ours direct | lowest | auto/best of ours |\n"
      "|---|---:|---:|---:|---:|---:|---:|---:|---:|\n";
  for (const Class& kind : classes()) {
    Mean d, v, plain, pick;
    for (const Row& r : rows) {
      const Times* o = ours_of(r);
      if (o == nullptr || !kind.holds(r.spec) || direct_of(r) == nullptr) continue;
      d.add(direct_of(r)->best / o->best), v.add(vendor_of(r)->best / o->best);
      if (const Times* p = ours_without_winograd_of(r)) plain.add(direct_of(r)->best / p->best);
      for (const Times& t : r.times)
        if (t.side == Side::ours && t.variant == "auto") pick.add(t.best / o->best);
    }
    if (d.count == 0) continue;
    text += fmt::format("| {} | {} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {} | {} | {} |\n", kind.name, d.count, d.value(), d.lowest, v.value(), v.lowest,
                        plain.count > 0 ? fmt::format("{:.3f}", plain.value()) : "-", plain.count > 0 ? fmt::format("{:.3f}", plain.lowest) : "-",
                        pick.count > 0 ? fmt::format("{:.3f}", pick.value()) : "-");
  }
  return text;
}

std::string totals(const std::vector<Row>& rows) {
  double d = 0, v = 0, o = 0;
  int layers = 0, missing = 0;
  for (const Row& r : rows) {
    if (r.spec.op != Op::conv) continue;
    if (direct_of(r) == nullptr || ours_of(r) == nullptr) {
      ++missing;
      continue;
    }
    const auto count = static_cast<double>(r.repeats);
    d += count * direct_of(r)->best, v += count * vendor_of(r)->best, o += count * ours_of(r)->best, ++layers;
  }
  if (layers == 0) return "";
  return fmt::format("\nConvolutions in all (real layer counts): D {:.3f} ms, V {:.3f} ms, ours {:.3f} ms: D/ours **{:.3f}**, V/ours **{:.3f}**{}.\n", d * 1e3,
                     v * 1e3, o * 1e3, d / o, v / o, missing > 0 ? fmt::format(" ({} layers that one side lacks are not in it)", missing) : "");
}

// A weight stream: the share of what the memory could deliver.
std::string streams(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& r : rows) {
    if (r.spec.op != Op::fc || !r.cold || r.disturbed) continue;
    const double bytes = static_cast<double>(weight_count(r.spec) * bytes_per_element(format_of(r.type).weight));
    const auto cell = [&](const Times* t) {
      if (t == nullptr) return std::string("- | -");
      return fmt::format("{:.1f} | {}", bytes / t->best * 1e-9, r.dram_read > 0 ? fmt::format("{:.0f}", 100 * bytes / t->best / r.dram_read) : "-");
    };
    text += fmt::format("| {} | {:.1f} | {:.1f} | {} | {} |\n", r.layer, bytes * 1e-6, r.dram_read * 1e-9, cell(vendor_of(r)), cell(ours_of(r)));
  }
  if (text.empty()) return text;
  return fmt::format("\n| weights from memory | MB | DRAM read GB/s | oneDNN GB/s | % of it | ours GB/s | % of it |\n|---|---:|---:|---:|---:|---:|---:|\n{}",
                     text);
}

std::string pruned_rows(const std::vector<Row>& rows) {
  std::string text =
      "| layer | x | best dense ms | by | sparse ms | by | dense/sparse | (medians) |\n"
      "|---|---:|---:|---|---:|---|---:|---:|\n";
  std::map<std::string, Mean> by_class;
  for (const Row& r : rows) {
    const Times *dense = dense_of(r), *sparse = sparse_of(r);
    if (dense == nullptr || sparse == nullptr) continue;
    text +=
        fmt::format("| {} | {} | {:.4g} | {}{} | {:.4g} | {} | {} | {} |\n", r.layer, r.repeats, dense->best * 1e3,
                    dense->side == Side::ours ? "ours, " : "oneDNN, ", dense->variant, sparse->best * 1e3, sparse->variant, ratio(dense->best, sparse->best),
                    ratio(median_of(r, {Side::ours, Side::vendor_direct, Side::vendor_winograd}), median_of(r, {Side::ours_sparse})));
    for (const Class& kind : classes())
      if (kind.holds(r.spec)) by_class[kind.name].add(dense->best / sparse->best);
  }
  text += "\n| geometric means | layers | dense/sparse | lowest |\n|---|---:|---:|---:|\n";
  for (const auto& [name, mean] : by_class) text += fmt::format("| {} | {} | {:.3f} | {:.3f} |\n", name, mean.count, mean.value(), mean.lowest);
  return text;
}

}  // namespace

std::string table_of(const std::vector<Row>& rows, const Machine& machine) {
  const Row& first = rows.front();
  std::string text = fmt::format("\n### {}, {}, batch {}, {} thread{}{}\n\n", first.network, name_of(first.type), first.batch, first.threads,
                                 first.threads == 1 ? "" : "s", first.density == "dense" ? "" : ", " + first.density);
  if (first.density != "dense") return text + pruned_rows(rows);
  return text + dense_rows(rows, machine) + means(rows) + totals(rows) + streams(rows);
}

std::string scaling_of(const std::vector<Row>& rows) {
  using Key = std::tuple<std::string, std::string, DataType, std::int64_t, std::string>;
  std::map<Key, const Row*> one;
  for (const Row& r : rows)
    if (r.threads == 1) one[{r.network, r.layer, r.type, r.batch, r.density}] = &r;
  std::map<std::tuple<std::string, std::string, std::int64_t>, std::pair<Mean, Mean>> means_of;
  for (const Row& r : rows) {
    const auto found = one.find({r.network, r.layer, r.type, r.batch, r.density});
    if (r.threads != 2 || found == one.end()) continue;
    auto& [ours, vendor] = means_of[{r.network, std::string(name_of(r.type)), r.batch}];
    if (ours_of(r) != nullptr && ours_of(*found->second) != nullptr) ours.add(ours_of(*found->second)->best / ours_of(r)->best);
    if (direct_of(r) != nullptr && direct_of(*found->second) != nullptr) vendor.add(direct_of(*found->second)->best / direct_of(r)->best);
  }
  if (means_of.empty()) return "";
  std::string text = "\n### Two threads over one\n\n| network | type | batch | ours | lowest | oneDNN direct | lowest |\n|---|---|---:|---:|---:|---:|---:|\n";
  for (const auto& [key, both] : means_of) {
    const auto& [ours, vendor] = both;
    if (ours.count == 0 || vendor.count == 0) continue;
    text += fmt::format("| {} | {} | {} | {:.3f} | {:.3f} | {:.3f} | {:.3f} |\n", std::get<0>(key), std::get<1>(key), std::get<2>(key), ours.value(),
                        ours.lowest, vendor.value(), vendor.lowest);
  }
  return text;
}

}  // namespace convroof::versus
