#include "backends/spatial/model/staircase.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "backends/spatial/model/row_geometry.h"
#include "workloads/checked.h"

namespace convroof::spatial {
namespace {

std::uint64_t product(std::initializer_list<std::int64_t> factors) { return static_cast<std::uint64_t>(checked_product(factors)); }
std::int64_t whole(std::uint64_t value) { return static_cast<std::int64_t>(value); }
std::uint64_t counted(const Outcome& o, const char* what) {
  const auto found = o.counts.find(what);
  return found == o.counts.end() ? 0 : found->second;
}

// What a family tells of the clocks of the array; the PE-clocks that are left over go to the cause named in `rest`.
struct Told {
  std::uint64_t fragmentation = 0, imbalance = 0, conflicts = 0, fill_and_drain = 0;
  std::uint64_t Told::*rest = nullptr;
};

// All folds take the same clocks: `in_use` PEs of each fold together, and clocks of a fold in which each of them multiplies.
Told inside(const SystolicArray& array, const Problem& p, const Outcome& o) {
  const bool sums_stay = array.stationary == Stationary::output, inputs_stay = array.stationary == Stationary::input;
  const std::int64_t rows = sums_stay ? p.n() : p.k(), columns = inputs_stay ? p.n() : p.m(), along = sums_stay ? p.k() : inputs_stay ? p.m() : p.n();
  const std::int64_t folds = checked_product({p.layer.groups, ceil_div(rows, array.rows), ceil_div(columns, array.columns)});
  const std::int64_t in_use = checked_product({p.layer.groups, rows, columns});
  return {.fill_and_drain = product({in_use, whole(o.cycles) / folds - along}), .rest = &Told::fragmentation};
}

// A PE finds an output for a tap of its filter in `taps` of T S clocks of a dense row: the rest of those is fragmentation, what the row's ends cost is fill
// and drain. Where zeros are skipped, which pixels come depends on the data, and PEs without an output are fill and drain.
Told inside(const FeieArray& array, const Problem& p, const Outcome& o) {
  const FeieLayer l(p.layer);
  const FeieMode mode(array, l);
  const std::uint64_t mapped = counted(o, "pe_clocks_mapped");
  Told told{.imbalance = counted(o, "pe_clocks_waiting"), .rest = &Told::fill_and_drain};
  told.fragmentation = product({whole(o.pe_active), whole(o.cycles)}) - mapped;
  if (!array.skips_zeros) {
    const std::int64_t step = array.streams_unused_pixels ? l.stride_x : std::min(l.stride_x, l.reach()), spare = mode.pes * step - l.taps;
    const std::uint64_t between = product({l.groups, p.n(), l.filters, l.channels, l.rows, std::max<std::int64_t>(0, spare)});
    // The last window of a run ends with its last tap where the stride is longer: never more than what is left.
    told.fragmentation += std::min(between, mapped - told.imbalance - o.macs);
  }
  return told;
}

// No clock without a step of every tree; lanes that skip zeros wait for the fullest one at the end of a window. The waits that are counted are those of
// all lanes in all turns of all filters, a turn of fewer filters like one of many.
Told inside(const NoLocalReuse& array, const Problem& p, const Outcome& o) {
  Told told{.rest = &Told::fragmentation};
  if (!array.skips(p.layer)) return told;
  const std::int64_t C = p.layer.in_channels_per_group(), used = ceil_div(C, ceil_div(C, array.lanes)), turns = ceil_div(p.m(), array.filters_at_once());
  const std::int64_t waits = whole(counted(o, "lane_wait_clocks")) - checked_product(array.lanes - used, whole(o.cycles));  // of lanes that have channels
  told.imbalance = product({waits / turns, p.m()});
  return told;
}

// Sets of PEs that got fewer filters or channels than the first ones wait for them; the other clocks of a pass are those in which weights come in, columns
// are waited for or sums move.
Told inside(const RowStationaryArray& array, const Accelerator& a, const Problem& p, const Outcome& o) {
  const LayerSpec l = as_rows(array, p.layer);
  const RowMapping map = mapping_for(a, array, p.layer, p.batch);
  const auto slots = [](std::int64_t all, std::int64_t block, std::int64_t most_sets) {  // of all sets, those without work included
    std::int64_t sum = 0;
    for (std::int64_t at = 0; at < all; at += block) {
      const Split split(std::min(block, all - at), most_sets);
      sum += split.sets * split.each;
    }
    return sum;
  };
  std::int64_t filters = 0;
  for (std::int64_t m = 0; m < l.out_channels_per_group(); m += map.m) filters += slots(std::min(map.m, l.out_channels_per_group() - m), map.p * map.t, map.t);
  const std::int64_t channels = slots(l.in_channels_per_group(), map.q * map.r, map.r);
  Told told{.rest = &Told::fill_and_drain};
  told.fragmentation = product({whole(o.pe_active), whole(o.cycles)}) - counted(o, "pe_clocks_mapped");
  told.imbalance = product({l.groups, p.batch, l.out_height, l.out_width, l.kernel_height, l.kernel_width, filters, channels}) - o.macs;
  return told;
}

// The fullest tile decides; lanes beyond the end of the reduction idle.
Told inside(const Dcnn& array, const Problem& p, const Outcome&) {
  const std::int64_t lanes = std::min(array.lanes, p.k()), pieces = ceil_div(p.k(), array.lanes);
  return {.fragmentation = product({p.layer.groups, p.n(), p.m(), checked_product(pieces, lanes) - p.k()}), .rest = &Told::imbalance};
}

// Vectors that are not full and placeholders are fragmentation; a clock in which no PE multiplies because a halo is still on its way is drain.
Told inside(const Scnn& array, const Problem& p, const Outcome& o) {
  const std::int64_t each = ScnnPlan::is_flat(p.layer) ? array.weights : array.weights * array.inputs, pes = whole(o.pe_active) / each;
  const std::int64_t drain = checked_product(whole(counted(o, "drain_clocks")), pes);
  // The waits that are counted are those of all PEs, the ones that never have work included.
  const std::int64_t waits = whole(counted(o, "pe_wait_clocks")) - checked_product(array.pes() - pes, whole(o.cycles)) - drain;
  return {.imbalance = product({waits, each}),
          .conflicts = product({whole(counted(o, "contention_clocks")), each}),
          .fill_and_drain = product({drain, each}),
          .rest = &Told::fragmentation};
}

// Passes are as long as the filter has taps, and a partial block of filters or pixels as long as a full one.
Told inside(const ShiftingNeighbourArray&, const Problem&, const Outcome&) { return {.rest = &Told::fragmentation}; }

// A PE multiplies wherever a window of stride 1 has it inside; of those windows the stride keeps some. What is left of a pass: weights come in, rows
// change, and sums wait for the engines before theirs.
Told inside(const BroadcastChainArray& array, const Problem& p, const Outcome& o) {
  const LayerSpec& l = p.layer;
  const BroadcastChainMapping map(array, l);
  const std::int64_t images = array.images > 0 ? std::min(array.images, p.batch) : p.batch, channels = l.in_channels_per_group();
  std::uint64_t mapped = 0;
  for (std::int64_t row = 0; row * map.rows < l.kernel_height; ++row)
    for (std::int64_t column = 0; column * map.columns < l.kernel_width; ++column) {
      const BroadcastChainPart part = part_of(l, map, row, column);
      const std::int64_t taps = part.rows * part.columns;
      for (std::int64_t first = 0; first < p.batch; first += images)
        for (std::int64_t c = 0; c < channels; c += map.channels) {
          const std::int64_t chained = std::min(map.channels, channels - c);
          const std::int64_t clocks = taps + checked_product(std::min(images, p.batch - first), part.pixels()) + (chained - 1) * part.latency(l);
          mapped += product({l.groups, p.m(), chained, taps, clocks});
        }
    }
  const std::int64_t at_stride_one = checked_product((l.out_height - 1) * l.stride_height + 1, (l.out_width - 1) * l.stride_width + 1);
  const std::uint64_t strided = product({l.groups, p.batch, p.m(), p.k(), at_stride_one - p.pixels()});
  return {.fragmentation = product({whole(o.pe_active), whole(o.cycles)}) - mapped + strided, .rest = &Told::fill_and_drain};
}

}  // namespace

std::vector<std::pair<std::string_view, std::uint64_t>> Staircase::losses() const {
  return {{"array_shape", array_shape}, {"fragmentation", fragmentation},   {"imbalance", imbalance},
          {"conflicts", conflicts},     {"fill_and_drain", fill_and_drain}, {"stalls", stalls}};
}

Staircase staircase(const Accelerator& a, const Problem& p, const Outcome& o) {
  Staircase s;
  const std::int64_t multipliers = a.multipliers();
  s.total = product({multipliers, whole(o.cycles + o.stall_cycles)});
  s.stalls = product({multipliers, whole(o.stall_cycles)});
  s.useful = o.macs;
  if (o.cycles == 0) return s;
  s.array_shape = product({multipliers - whole(o.pe_active), whole(o.cycles)});
  Told told = std::visit(
      [&](const auto& family) {
        if constexpr (requires { inside(family, a, p, o); })
          return inside(family, a, p, o);
        else
          return inside(family, p, o);
      },
      a.array);
  std::uint64_t left = s.total - s.stalls - s.array_shape - s.useful;
  for (std::uint64_t part : {told.fragmentation, told.imbalance, told.conflicts, told.fill_and_drain}) {
    assert(part <= left && "a cause takes more PE-clocks than there are");
    left -= part;
  }
  if (told.rest != nullptr) told.*told.rest += left;
  s.fragmentation = told.fragmentation, s.imbalance = told.imbalance, s.conflicts = told.conflicts, s.fill_and_drain = told.fill_and_drain;
  return s;
}

std::string descent(const Accelerator& a, const Staircase& s) {
  const double peak = a.peak_ops_per_second();
  std::string text = fmt::format("peak {:.6g}", peak);
  std::uint64_t left = s.total;
  for (const auto& [cause, lost] : s.losses()) {
    std::string words(cause);
    std::ranges::replace(words, '_', ' ');
    left -= lost;
    text += fmt::format(" > {} {:.6g}", words, s.total == 0 ? 0 : peak * static_cast<double>(left) / static_cast<double>(s.total));
  }
  return text;
}

}  // namespace convroof::spatial
