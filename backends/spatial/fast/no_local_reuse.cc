#include "backends/spatial/fast/no_local_reuse.h"

#include <algorithm>
#include <vector>

#include "backends/spatial/fast/axis.h"
#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/never_overflows.h"
#include "backends/spatial/fast/stall_meter.h"
#include "backends/spatial/fast/touched.h"

namespace convroof::spatial::fast {
namespace {

std::uint64_t product(std::initializer_list<std::int64_t> factors) { return static_cast<std::uint64_t>(checked_product(factors)); }

// One group's windows.
struct Windows {
  std::vector<std::int64_t> clocks_before;  // by window, batch outermost: clocks of all windows before it
  std::int64_t non_zero = 0;                // inputs multiplied, over all windows
  std::int64_t lane_clocks = 0;             // skipping: that lanes were at work, over all lanes and windows
};

class Counter {
 public:
  Counter(const Accelerator& shared, const NoLocalReuse& a, const Problem& p, int threads)
      : shared_(shared),
        a_(a),
        p_(p),
        l_(p.layer),
        loops_(a, p, shared.word_bits),
        skips_(a.skips(p.layer)),
        threads_(threads),
        rows_{l_.out_height, l_.in_height, l_.kernel_height, l_.stride_height, l_.dilation_height, l_.pad_top},
        columns_{l_.out_width, l_.in_width, l_.kernel_width, l_.stride_width, l_.dilation_width, l_.pad_left},
        meter_(shared.dram_bits_per_cycle) {
    const auto inside_rows = rows_.taps_inside(), inside_columns = columns_.taps_inside();
    valid_before_.push_back(0);
    for (const std::int64_t r : inside_rows)
      for (const std::int64_t c : inside_columns) valid_before_.push_back(valid_before_.back() + r * c);
  }

  Outcome run() {
    const std::int64_t N = p_.n(), M = p_.m(), C = loops_.channels, g = l_.groups, at_once = a_.filters_at_once(), folds = ceil_div(M, at_once);
    const std::int64_t valid = checked_product({valid_before_.back(), p_.batch, C}), plane = l_.in_height * l_.in_width;
    const std::int64_t group_words = checked_product({p_.batch, C, plane});
    const bool group_fits = group_words <= loops_.input_half_words;
    const std::int64_t brought_along = group_fits ? group_words : checked_product({p_.batch, C, plane - Touched::by_taps(l_).all()});
    describe_tiles(group_fits);
    std::int64_t inputs = 0, weights = 0;
    for (std::int64_t group = 0; group < g; ++group) {
      const Windows w = skips_ ? skipping_windows(group) : dense_windows();
      const std::int64_t clocks = w.clocks_before.back();
      o_.cycles += product({folds, clocks});
      o_.macs += product({w.non_zero, M});
      at(Level::local, Operand::psum).writes += product({clocks, M});
      if (skips_) {
        at(Level::global, Operand::input).reads += product({folds, w.non_zero});
        o_.counts["inputs_skipped"] += product({folds, valid - w.non_zero});
        o_.counts["lane_wait_clocks"] += product({folds, checked_product(a_.lanes, clocks) - w.lane_clocks});
        o_.counts["empty_brick_clocks"] += product({folds, w.lane_clocks - w.non_zero});
      } else {
        at(Level::global, Operand::input).reads += product({folds, valid});
        o_.padding_words += product({folds, w.non_zero - valid});
      }
      for (std::int64_t m = 0; m < M; m += at_once) {
        const std::int64_t active = std::min(at_once, M - m), block = checked_product({p_.k(), active});
        for (std::int64_t t = 0; t < static_cast<std::int64_t>(tiles_.size()); ++t) {
          const Tile& tile = tiles_[static_cast<std::size_t>(t)];
          const std::int64_t first = t * loops_.tile, last = std::min(N, first + loops_.tile);
          const std::int64_t words = tile.words + (m == 0 && t == 0 ? brought_along : 0), weight_words = t == 0 || loops_.chunks > 1 ? block : 0;
          inputs = checked_sum(inputs, words), weights = checked_sum(weights, weight_words);
          const std::int64_t biases = t == 0 && !p_.bias.empty() ? active : 0;
          meter_.add({static_cast<std::uint64_t>(w.clocks_before[static_cast<std::size_t>(last)] - w.clocks_before[static_cast<std::size_t>(first)]),
                      bits(words + weight_words, shared_.word_bits) + bits(biases, shared_.accumulator.bits),
                      bits((last - first) * active, shared_.output_bits)});
        }
      }
    }
    at(Level::global, Operand::weight).reads = o_.macs;
    at(Level::local, Operand::psum).reads = at(Level::local, Operand::psum).writes;
    at(Level::global, Operand::psum).reads = at(Level::global, Operand::psum).writes = product({g, N, M, loops_.chunks - 1});
    at(Level::global, Operand::output).writes = at(Level::dram, Operand::output).writes = product({g, N, M});
    at(Level::dram, Operand::input).reads = static_cast<std::uint64_t>(inputs);
    at(Level::dram, Operand::weight).reads = static_cast<std::uint64_t>(weights);
    if (!p_.bias.empty()) at(Level::dram, Operand::psum).reads = product({g, M});
    o_.pe_active = static_cast<std::uint64_t>((skips_ ? ceil_div(C, loops_.lane_channels) : std::min(C, a_.lanes)) * std::min(M, at_once));
    o_.stall_cycles = meter_.of_groups(1);
    return o_;
  }

 private:
  struct Tile {
    std::int64_t words = 0;  // inputs fetched for it, for every block of filters
  };

  void describe_tiles(bool group_fits) {
    const std::int64_t N = p_.n(), P = p_.pixels();
    const Touched touched = Touched::by_pixels(l_);
    tiles_.resize(static_cast<std::size_t>(ceil_div(N, loops_.tile)));
    if (group_fits) return;
    for (std::size_t t = 0; t < tiles_.size(); ++t) {
      const std::int64_t n0 = static_cast<std::int64_t>(t) * loops_.tile, n1 = std::min(N, n0 + loops_.tile);
      std::int64_t distinct = 0, uses = 0;  // of one channel
      for (std::int64_t image = n0 / P; image * P < n1; ++image) {
        const std::int64_t first = std::max<std::int64_t>(0, n0 - image * P), last = std::min(P, n1 - image * P);
        distinct += touched.count(first, last);
        uses += valid_before_[static_cast<std::size_t>(last)] - valid_before_[static_cast<std::size_t>(first)];
      }
      distinct = checked_product(distinct, loops_.channels);
      tiles_[t].words = distinct <= loops_.input_half_words ? distinct : checked_product(uses, loops_.channels);
    }
  }

  Windows dense_windows() const {
    Windows w;
    w.clocks_before.reserve(static_cast<std::size_t>(p_.n() + 1));
    w.clocks_before.push_back(0);
    for (std::int64_t image = 0; image < p_.batch; ++image)
      for (std::size_t i = 1; i < valid_before_.size(); ++i) {
        const std::int64_t taps = a_.streams_padding ? loops_.taps : valid_before_[i] - valid_before_[i - 1];
        w.clocks_before.push_back(checked_sum(w.clocks_before.back(), taps * loops_.channel_steps));
      }
    w.non_zero = checked_product({a_.streams_padding ? loops_.taps * p_.pixels() : valid_before_.back(), p_.batch, loops_.channels});
    return w;
  }

  // What a lane finds at each pixel: its clocks there where a tap takes whole bricks, else its non-zero inputs.
  void lane_plane(std::int64_t group, std::int64_t image, std::int64_t lane, std::int32_t* plane, std::int64_t* non_zero) const {
    const std::int64_t pixels = l_.in_height * l_.in_width, first = lane * loops_.lane_channels;
    const std::int64_t last = std::min(first + loops_.lane_channels, loops_.channels);
    const bool whole = loops_.taps_per_brick == 1;
    std::fill(plane, plane + pixels, 0);
    std::vector<std::int32_t> brick(static_cast<std::size_t>(pixels));
    for (std::int64_t c0 = first; c0 < last; c0 += a_.brick) {
      std::ranges::fill(brick, 0);
      for (std::int64_t c = c0; c < std::min(c0 + a_.brick, last); ++c) {
        if (p_.input.empty()) {
          for (std::int32_t& count : brick) ++count;
          continue;
        }
        const std::int16_t* values = p_.input.data() + (image * l_.in_channels + group * loops_.channels + c) * pixels;
        for (std::int64_t i = 0; i < pixels; ++i) brick[static_cast<std::size_t>(i)] += values[i] != 0 ? 1 : 0;
      }
      const auto empty = static_cast<std::int32_t>(whole ? a_.empty_brick_clocks : 0);
      for (std::int64_t i = 0; i < pixels; ++i) plane[i] += std::max(empty, brick[static_cast<std::size_t>(i)]);
      for (std::int64_t i = 0; i < pixels; ++i) non_zero[i] += brick[static_cast<std::size_t>(i)];
    }
  }

  Windows skipping_windows(std::int64_t group) const {
    const std::int64_t pixels = l_.in_height * l_.in_width, used = ceil_div(loops_.channels, loops_.lane_channels), P = p_.pixels();
    const auto row_uses = rows_.uses(), column_uses = columns_.uses();
    std::vector<std::int32_t> planes(static_cast<std::size_t>(used * pixels)), clocks(static_cast<std::size_t>(p_.n()));
    std::int64_t non_zero = 0, lane_clocks = 0;
    for (std::int64_t image = 0; image < p_.batch; ++image) {
#pragma omp parallel num_threads(threads_) reduction(+ : non_zero, lane_clocks)
      {
        std::vector<std::int64_t> counts(static_cast<std::size_t>(pixels), 0);
#pragma omp for schedule(dynamic, 1)
        for (std::int64_t lane = 0; lane < used; ++lane) lane_plane(group, image, lane, planes.data() + lane * pixels, counts.data());
        for (std::int64_t i = 0; i < pixels; ++i)
          non_zero += counts[static_cast<std::size_t>(i)] * row_uses[static_cast<std::size_t>(i / l_.in_width)] *
                      column_uses[static_cast<std::size_t>(i % l_.in_width)];
        std::vector<std::int32_t> lane_row(static_cast<std::size_t>(l_.out_width)), brick_row(lane_row.size());
        std::vector<std::uint8_t> begun(lane_row.size());
#pragma omp for schedule(dynamic, 4)
        for (std::int64_t y = 0; y < l_.out_height; ++y)
          for (std::int64_t lane = 0; lane < used; ++lane) {
            row_of(planes.data() + lane * pixels, y, lane_row, brick_row, begun);
            std::int32_t* row = clocks.data() + image * P + y * l_.out_width;
            for (std::int64_t x = 0; x < l_.out_width; ++x) {
              const std::int32_t own = lane_row[static_cast<std::size_t>(x)];
              lane_clocks += own;
              row[x] = std::max(row[x], own);
            }
          }
      }
    }
    Windows w;
    w.non_zero = non_zero, w.lane_clocks = lane_clocks;
    w.clocks_before.reserve(clocks.size() + 1);
    w.clocks_before.push_back(0);
    for (const std::int32_t c : clocks) w.clocks_before.push_back(w.clocks_before.back() + c);
    return w;
  }

  // One lane's clocks for the windows of one output row.
  void row_of(const std::int32_t* plane, std::int64_t y, std::vector<std::int32_t>& lane_row, std::vector<std::int32_t>& brick_row,
              std::vector<std::uint8_t>& begun) const {
    std::ranges::fill(lane_row, 0);
    const bool whole = loops_.taps_per_brick == 1;
    const auto empty = static_cast<std::int32_t>(a_.empty_brick_clocks);
    for (std::int64_t first = 0; first < loops_.taps; first += loops_.taps_per_brick) {
      std::vector<std::int32_t>& sums = whole ? lane_row : brick_row;
      if (!whole) std::ranges::fill(brick_row, 0), std::ranges::fill(begun, std::uint8_t{0});
      for (std::int64_t tap = first; tap < std::min(first + loops_.taps_per_brick, loops_.taps); ++tap) {
        const std::int64_t row = y * rows_.stride + rows_.offset(tap / columns_.kernel), s = tap % columns_.kernel;
        if (row < 0 || row >= rows_.in) continue;
        const std::int32_t* from = plane + row * columns_.in + columns_.offset(s);
        const std::int64_t x1 = columns_.last_inside(s);
        for (std::int64_t x = columns_.first_inside(s); x < x1; ++x) sums[static_cast<std::size_t>(x)] += from[x * columns_.stride];
        if (!whole)
          for (std::int64_t x = columns_.first_inside(s); x < x1; ++x) begun[static_cast<std::size_t>(x)] = 1;
      }
      if (whole) continue;
      for (std::size_t x = 0; x < lane_row.size(); ++x) lane_row[x] += begun[x] != 0 ? std::max(empty, brick_row[x]) : 0;
    }
  }

  Access& at(Level level, Operand operand) { return o_.accesses.at(level, operand); }
  static std::uint64_t bits(std::int64_t words, int each) { return static_cast<std::uint64_t>(words) * static_cast<std::uint64_t>(each); }

  const Accelerator& shared_;
  const NoLocalReuse& a_;
  const Problem& p_;
  const LayerSpec& l_;
  const NlrLoops loops_;
  const bool skips_;
  const int threads_;
  const TapAxis rows_, columns_;
  StallMeter meter_;
  Outcome o_;
  std::vector<std::int64_t> valid_before_;  // by output pixel: taps inside the input of all pixels before it
  std::vector<Tile> tiles_;
};

// The machine's own order of additions, where sums may meet the accumulator's ends.
class Ordered {
 public:
  Ordered(const Accelerator& shared, const NoLocalReuse& a, const Problem& p)
      : add_(shared.accumulator), a_(a), p_(p), loops_(a, p, shared.word_bits), skips_(a.skips(p.layer)) {}

  void window(std::int64_t group, std::int64_t n, std::span<std::int64_t> sums) const {
    std::ranges::fill(sums, 0);
    std::vector<std::vector<std::int64_t>> clocks;  // the reduction indices that are multiplied in one clock
    if (skips_)
      lanes(group, n, clocks);
    else
      steps(group, n, clocks);
    for (const auto& together : clocks)
      for (std::int64_t m = 0; m < p_.m(); ++m) {
        std::int64_t tree = 0;
        for (const std::int64_t k : together)
          tree +=
              add_.product(p_.input[static_cast<std::size_t>(p_.input_index(group, n, k))], p_.weights[static_cast<std::size_t>(p_.weight_index(group, k, m))]);
        std::int64_t& sum = sums[static_cast<std::size_t>(m)];
        sum = add_.fit(sum + tree);
      }
  }

 private:
  void steps(std::int64_t group, std::int64_t n, std::vector<std::vector<std::int64_t>>& clocks) const {
    for (std::int64_t tap = 0; tap < loops_.taps; ++tap) {
      if (p_.input_index(group, n, tap) < 0) continue;  // padding adds nothing
      for (std::int64_t c = 0; c < loops_.channels; ++c) {
        if (c % a_.lanes == 0) clocks.emplace_back();
        clocks.back().push_back(c * loops_.taps + tap);
      }
    }
  }
  void lanes(std::int64_t group, std::int64_t n, std::vector<std::vector<std::int64_t>>& clocks) const {
    for (std::int64_t first = 0; first < loops_.channels; first += loops_.lane_channels) {
      std::size_t clock = 0;
      for (std::int64_t t0 = 0; t0 < loops_.taps; t0 += loops_.taps_per_brick)
        for (std::int64_t piece = 0; piece < loops_.bricks_per_tap; ++piece) {
          const std::int64_t c0 = first + piece * a_.brick, c1 = std::min({c0 + a_.brick, first + loops_.lane_channels, loops_.channels});
          bool inside = false;
          const std::size_t before = clock;
          for (std::int64_t tap = t0; tap < std::min(t0 + loops_.taps_per_brick, loops_.taps); ++tap)
            for (std::int64_t c = c0; c < c1; ++c) {
              const std::int64_t k = c * loops_.taps + tap, index = p_.input_index(group, n, k);
              if (index < 0) continue;
              inside = true;
              if (p_.input[static_cast<std::size_t>(index)] == 0) continue;
              if (clock == clocks.size()) clocks.emplace_back();
              clocks[clock++].push_back(k);
            }
          if (inside && clock == before && a_.empty_brick_clocks == 1) {
            if (clock == clocks.size()) clocks.emplace_back();
            ++clock;
          }
        }
    }
  }

  const Accumulator add_;
  const NoLocalReuse& a_;
  const Problem& p_;
  const NlrLoops loops_;
  const bool skips_;
};

}  // namespace

Outcome count(const Accelerator& shared, const NoLocalReuse& array, const Problem& problem, int threads) {
  return Counter(shared, array, problem, threads).run();
}

void compute(const Accelerator& shared, const NoLocalReuse& array, const Problem& p, std::span<std::int64_t> output, int threads) {
  if (never_overflows(shared.accumulator, p)) return exact_convolution(p, output, threads);
  const Ordered ordered(shared, array, p);
#pragma omp parallel num_threads(threads)
  {
    std::vector<std::int64_t> sums(static_cast<std::size_t>(p.m()));
#pragma omp for schedule(dynamic, 8) collapse(2)
    for (std::int64_t group = 0; group < p.layer.groups; ++group)
      for (std::int64_t n = 0; n < p.n(); ++n) {
        ordered.window(group, n, sums);
        for (std::int64_t m = 0; m < p.m(); ++m)
          output[static_cast<std::size_t>(p.output_index(group, n, m))] = p.finished(group, m, sums[static_cast<std::size_t>(m)]);
      }
  }
}

}  // namespace convroof::spatial::fast
