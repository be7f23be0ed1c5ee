#include "backends/spatial/model/row_mapper.h"

#include <tuple>

#include "backends/spatial/model/row_geometry.h"

namespace convroof::spatial {
namespace {

// Chen, Emer, Sze: Eyeriss, ISCA 2016, table IV.
constexpr double kMac = 1, kLocal = 1, kArray = 2, kGlobal = 6, kDram = 200;

double real(std::int64_t value) { return static_cast<double>(value); }

// Words that depend on the width of a strip alone, of one channel of one image, summed over the strips.
struct Strips {
  std::int64_t count = 0;
  std::int64_t rows = 0, rows_inside = 0;  // that PEs take; and those of them that are no padding
  Strips(const LayerSpec& l, std::int64_t e) {
    for (std::int64_t first = 0; first < l.out_height; first += e, ++count) {
      const std::vector<std::int64_t> used = rows_used(l, first, std::min(l.out_height, first + e));
      rows += static_cast<std::int64_t>(used.size()), rows_inside += inside(used, l.in_height);
    }
  }
};

// Blocks of at most `block`, dealt to at most `sets` PE sets each: how many blocks, and how many sets over all of them.
struct Blocks {
  std::int64_t count = 0, sets = 0;
  Blocks(std::int64_t all, std::int64_t each_set, std::int64_t most_sets) {
    const std::int64_t block = each_set * most_sets, full = all / block, rest = all % block;
    count = full + (rest > 0 ? 1 : 0);
    sets = full * most_sets + (rest > 0 ? Split(rest, most_sets).sets : 0);
  }
};

// The filters of a layer: first in blocks of m that share a place in the buffer, each of them in blocks of p t for a pass.
struct FilterBlocks {
  std::int64_t residencies = 0, passes = 0, sets = 0;
  FilterBlocks(std::int64_t filters, const RowMapping& map) {
    const std::int64_t full = filters / map.m, rest = filters % map.m;
    residencies = full + (rest > 0 ? 1 : 0);
    const Blocks whole(map.m, map.p, map.t), last(rest, map.p, map.t);
    passes = full * whole.count + last.count, sets = full * whole.sets + last.sets;
  }
};

class Costs {
 public:
  Costs(const Accelerator& a, const LayerSpec& l, std::int64_t batch) : l_(l), batch_(batch) {
    if (a.energy) mac_ = a.energy->mac, local_ = a.energy->local, array_ = a.energy->array, global_ = a.energy->global, dram_ = a.energy->dram;
    const std::vector<std::int64_t> columns = columns_used(l);
    columns_ = real(static_cast<std::int64_t>(columns.size())), columns_inside_ = real(inside(columns, l.in_width));
    channels_ = real(l.in_channels_per_group()), filters_ = l.out_channels_per_group();
    weights_ = channels_ * real(l.kernel_height) * real(l.kernel_width) * real(filters_);
    outputs_ = real(batch) * real(filters_) * real(l.out_height) * real(l.out_width);
    macs_ = outputs_ * channels_ * real(l.kernel_height) * real(l.kernel_width);
  }

  // Of one group.
  double energy(const RowMapping& map, const Strips& strips, const Blocks& channel_blocks, const FilterBlocks& filters) const {
    const double images = real(batch_) * channels_, image_blocks = real(ceil_div(batch_, map.n)), loads = image_blocks * real(strips.count);
    const double input_bus = images * real(strips.rows) * columns_ * real(filters.passes);
    const double input_taken = images * real(l_.kernel_height) * real(l_.out_height) * columns_ * real(filters.sets);
    const double weights_taken = weights_ * real(l_.out_height) * image_blocks;
    const double hops = outputs_ * real(l_.kernel_height * channel_blocks.sets - channel_blocks.count);
    const double dram = images * real(strips.rows_inside) * real(l_.in_width) * real(filters.residencies) + weights_ * loads + outputs_;
    const double global =
        images * real(strips.rows_inside) * columns_inside_ * real(filters.passes) + weights_ * loads + outputs_ * real(2 * channel_blocks.count - 1);
    const double array = input_taken - input_bus + weights_taken - weights_ * loads + hops;
    return dram_ * dram + global_ * global + array_ * array + (4 * local_ + mac_) * macs_;
  }

 private:
  const LayerSpec& l_;
  const std::int64_t batch_;
  double mac_ = kMac, local_ = kLocal, array_ = kArray, global_ = kGlobal, dram_ = kDram;
  double columns_ = 0, columns_inside_ = 0, channels_ = 0, weights_ = 0, outputs_ = 0, macs_ = 0;
  std::int64_t filters_ = 0;
};

// The smallest sizes of a block for each number of blocks, the largest first: 13, 7, 5, 4, 3, 2, 1 for 13.
std::vector<std::int64_t> block_sizes(std::int64_t all, std::int64_t most) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t size = all; size > 0; size = ceil_div(all, ceil_div(all, size - 1))) {
    if (size <= most) sizes.push_back(size);
    if (size == 1) break;
  }
  return sizes;
}

}  // namespace

double mapping_energy(const Accelerator& a, const LayerSpec& l, std::int64_t batch, const RowMapping& map) {
  const Blocks channels(l.in_channels_per_group(), map.q, map.r);
  return real(l.groups) * Costs(a, l, batch).energy(map, Strips(l, map.e), channels, FilterBlocks(l.out_channels_per_group(), map));
}

std::optional<RowMapping> best_mapping(const Accelerator& a, const RowStationaryArray& array, const LayerSpec& l, std::int64_t batch) {
  const std::int64_t channels = l.in_channels_per_group(), filters = l.out_channels_per_group(), height = l.kernel_height;
  const std::int64_t span = window_span(l), buffer = array.buffer_words(a), weight_buffer = array.weight_buffer_words(a);
  if (height > array.rows || span > array.input_words || l.kernel_width > array.weight_words) return std::nullopt;
  const Costs costs(a, l, batch);
  const std::vector<std::int64_t> image_blocks = block_sizes(batch, batch);
  std::optional<RowMapping> best;
  double least = 0;
  std::int64_t active = 0, passes = 0;
  for (const std::int64_t e : block_sizes(l.out_height, array.rows / height * array.columns)) {
    const std::int64_t sets = array.sets_that_fit(height, e);
    std::optional<Strips> strips;
    for (const std::int64_t n : image_blocks) {
      RowMapping map{.n = n, .e = e};
      const std::int64_t one_filter = psum_share(l, map), one_channel = input_share(l, map);
      if (one_filter + one_channel > buffer) continue;
      if (!strips) strips.emplace(l, e);
      for (map.r = 1; map.r <= std::min(sets, channels); ++map.r) {
        for (map.q = std::min(ceil_div(channels, map.r), array.input_words / span); map.q >= 1; --map.q) {
          const std::int64_t room = (buffer - map.q * map.r * one_channel) / one_filter;  // filters whose sums fit
          if (buffer < map.q * map.r * one_channel) continue;
          map.t = std::min({sets / map.r, room, weight_buffer / (height * l.kernel_width * map.q * map.r)});
          if (map.t == 0) continue;
          const Blocks channel_blocks(channels, map.q, map.r);
          const std::int64_t all = ceil_div(filters, map.t);
          const std::int64_t most = std::min({array.psum_words, array.weight_words / (map.q * l.kernel_width), all, room >= filters ? all : room / map.t,
                                              weight_buffer / (height * l.kernel_width * map.q * map.r * map.t)});
          for (map.p = most; map.p >= 1; --map.p) {
            const std::int64_t block = map.p * map.t;
            map.m = room >= filters ? filters : room / block * block;
            const FilterBlocks filter_blocks(filters, map);
            const double energy = costs.energy(map, *strips, channel_blocks, filter_blocks);
            if (best && energy > least) continue;
            const std::int64_t pes = height * e * map.r * map.t, count = ceil_div(batch, n) * strips->count * channel_blocks.count * filter_blocks.passes;
            if (best && energy == least && std::tuple(-pes, count) >= std::tuple(-active, passes)) continue;
            best = map, least = energy, active = pes, passes = count;
          }
        }
      }
    }
  }
  return best;
}

}  // namespace convroof::spatial
