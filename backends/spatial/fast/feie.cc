#include "backends/spatial/fast/feie.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "backends/spatial/fast/nonzero_bits.h"
#include "backends/spatial/fast/ordered_convolution.h"
#include "backends/spatial/fast/stall_meter.h"
#include "workloads/checked.h"
#include "workloads/layer.h"

namespace convroof::spatial::fast {
namespace {

std::uint64_t product(std::initializer_list<std::int64_t> factors) { return static_cast<std::uint64_t>(checked_product(factors)); }

// Neighbouring outputs of one row.
struct Run {
  std::int64_t image, y, x, count;
};

struct Segment {
  std::vector<Run> runs;
  std::int64_t outputs = 0;
};

// Outputs [first, last) of the batch in raster order, cut at the ends of rows.
Segment cut(const FeieLayer& l, std::int64_t first, std::int64_t last) {
  Segment s;
  s.outputs = last - first;
  for (std::int64_t n = first; n < last;) {
    const std::int64_t row = n / l.out_width, x = n % l.out_width, count = std::min(l.out_width - x, last - n);
    s.runs.push_back({row / l.out_height, row % l.out_height, x, count});
    n += count;
  }
  return s;
}

std::vector<Segment> segments_of(const FeieArray& array, const FeieLayer& l, std::int64_t batch, std::int64_t room) {
  const std::int64_t rows = checked_product(batch, l.out_height), outputs = checked_product(rows, l.out_width);
  std::vector<Segment> all;
  if (array.segments == Segments::unlimited) {
    all.push_back(cut(l, 0, outputs));
  } else if (array.segments == Segments::row && l.out_width > room) {
    for (std::int64_t y = 0; y < rows; ++y)
      for (std::int64_t x = 0; x < l.out_width; x += room) all.push_back(cut(l, y * l.out_width + x, y * l.out_width + std::min(x + room, l.out_width)));
  } else {
    const std::int64_t step = array.segments == Segments::row ? room / l.out_width * l.out_width : room;
    for (std::int64_t n = 0; n < outputs; n += step) all.push_back(cut(l, n, std::min(n + step, outputs)));
  }
  return all;
}

// What the pixels of one pass over one segment come to.
struct Flow {
  std::int64_t streamed = 0;      // clocks
  std::int64_t fetched = 0;       // of them words of outer memory; the others are padding
  std::int64_t placeholders = 0;  // of the fetched
};

class Counter {
 public:
  Counter(const Accelerator& a, const FeieArray& array, const Problem& p, int threads)
      : a_(a),
        array_(array),
        p_(p),
        l_(p.layer),
        mode_(array, l_),
        threads_(threads),
        is_contiguous_(l_.stride_x <= l_.reach() || array.streams_unused_pixels),
        segments_(segments_of(array, l_, p.batch, mode_.sums)),
        meter_(a.dram_bits_per_cycle) {}

  Outcome run() {
    const std::int64_t blocks = ceil_div(l_.filters, mode_.filters), g = l_.groups;
    const std::uint64_t macs_dense = product({g, p_.n(), p_.k(), p_.m()});
    o_.counts["passes"] = o_.counts["segments"] = o_.counts["pe_clocks_mapped"] = o_.counts["pe_clocks_waiting"] = 0;
    std::optional<NonzeroBits> bits;
    if (array_.skips_zeros) {
      std::vector<std::int16_t> ones;
      std::span<const std::int16_t> input = p_.input;
      if (input.empty()) {
        ones.assign(static_cast<std::size_t>(product({p_.batch, g, l_.channels, l_.in_height, l_.in_width})), 1);
        input = ones;
      }
      bits.emplace(input, l_.in_width, threads_);
      o_.macs = nonzero_macs(input);
      o_.counts["macs_skipped"] = macs_dense - o_.macs;
      if (array_.index_bits > 0) o_.counts["placeholders"] = o_.counts["index_bits"] = 0;
    } else {
      o_.macs = macs_dense;
      fill_dense_flows();
    }
    at(Level::array, Operand::weight).reads = at(Level::local, Operand::input).reads = at(Level::local, Operand::weight).reads = o_.macs;
    at(Level::local, Operand::psum) = {o_.macs, o_.macs};
    at(Level::dram, Operand::output).writes = product({g, p_.n(), p_.m()});
    if (!p_.bias.empty()) at(Level::dram, Operand::psum).reads = product({g, p_.m()});
    for (std::int64_t group = 0; group < g; ++group) {
      if (bits) fill_sparse_flows(group, *bits);
      for (std::int64_t b = 0; b < blocks; ++b) block(std::min(mode_.filters, l_.filters - b * mode_.filters));
    }
    if (leaving_bits_ > 0) meter_.add({0, 0, leaving_bits_});
    o_.stall_cycles = meter_.of_groups(1);
    return o_;
  }

 private:
  Access& at(Level level, Operand operand) { return o_.accesses.at(level, operand); }

  std::int64_t span_of(const Run& run) const {
    return is_contiguous_ ? checked_sum(checked_product(run.count - 1, l_.stride_x), l_.reach()) : checked_product(run.count, l_.reach());
  }
  std::int64_t input_row(const Run& run, std::int64_t r) const { return run.y * l_.stride_y + r * l_.dilation_y - l_.pad_top; }

  // Columns under a run as stretches [begin, end) without gaps, before they are cut to the input: one, or one a window.
  template <typename F>
  void for_stretches(const Run& run, F&& f) const {
    const std::int64_t begin = run.x * l_.stride_x - l_.pad_left;
    if (is_contiguous_) return f(begin, begin + span_of(run));
    for (std::int64_t i = 0; i < run.count; ++i) f(begin + i * l_.stride_x, begin + i * l_.stride_x + l_.reach());
  }

  // The same for all channels and groups.
  void fill_dense_flows() {
    flows_.assign(static_cast<std::size_t>(product({static_cast<std::int64_t>(segments_.size()), l_.rows})), {});
    for (std::size_t s = 0; s < segments_.size(); ++s)
      for (std::int64_t r = 0; r < l_.rows; ++r) {
        Flow& flow = flows_[s * static_cast<std::size_t>(l_.rows) + static_cast<std::size_t>(r)];
        for (const Run& run : segments_[s].runs) {
          flow.streamed += span_of(run);
          const std::int64_t y = input_row(run, r);
          if (y < 0 || y >= l_.in_height) continue;
          for_stretches(run, [&](std::int64_t begin, std::int64_t end) {
            flow.fetched += std::max<std::int64_t>(0, std::min(end, l_.in_width) - std::max<std::int64_t>(begin, 0));
          });
        }
        if (array_.pads_last_segment && array_.segments != Segments::unlimited)
          flow.streamed += (mode_.sums - segments_[s].outputs) * (is_contiguous_ ? l_.stride_x : l_.reach());
      }
  }

  void fill_sparse_flows(std::int64_t group, const NonzeroBits& bits) {
    flows_.assign(static_cast<std::size_t>(product({static_cast<std::int64_t>(segments_.size()), l_.channels, l_.rows})), {});
#pragma omp parallel for num_threads(threads_) schedule(static)
    for (std::int64_t c = 0; c < l_.channels; ++c)
      for (std::size_t s = 0; s < segments_.size(); ++s)
        for (std::int64_t r = 0; r < l_.rows; ++r) {
          Flow flow;
          std::int64_t base = 0, expected = 0;  // in the order of streaming: the run's first pixel; the pixel after the last non-zero one
          for (const Run& run : segments_[s].runs) {
            const std::int64_t y = input_row(run, r);
            if (y >= 0 && y < l_.in_height) {
              const std::int64_t row = ((run.image * l_.groups + group) * l_.channels + c) * l_.in_height + y;
              std::int64_t passed = base;
              for_stretches(run, [&](std::int64_t begin, std::int64_t end) {
                const std::int64_t low = std::max<std::int64_t>(begin, 0), high = std::min(end, l_.in_width);
                if (array_.index_bits == 0) {
                  flow.streamed += bits.count(row, low, high);
                } else {
                  for (std::int64_t x = bits.next(row, low, high); x < high; x = bits.next(row, x + 1, high)) {
                    const std::int64_t place = passed + x - begin;
                    flow.placeholders += (place - expected) >> array_.index_bits;
                    ++flow.streamed;
                    expected = place + 1;
                  }
                }
                passed += end - begin;
              });
            }
            base += span_of(run);
          }
          flow.streamed += flow.placeholders;
          flow.fetched = flow.streamed;
          flows_[(s * static_cast<std::size_t>(l_.channels) + static_cast<std::size_t>(c)) * static_cast<std::size_t>(l_.rows) + static_cast<std::size_t>(r)] =
              flow;
        }
  }

  const Flow& flow_of(std::size_t segment, std::int64_t c, std::int64_t r) const {
    const std::size_t channels = array_.skips_zeros ? static_cast<std::size_t>(l_.channels) : 1, channel = array_.skips_zeros ? static_cast<std::size_t>(c) : 0;
    return flows_[(segment * channels + channel) * static_cast<std::size_t>(l_.rows) + static_cast<std::size_t>(r)];
  }

  // Products with inputs that are not zero: each input counts for the windows that it lies in.
  std::uint64_t nonzero_macs(std::span<const std::int16_t> input) const {
    const auto windows = [](std::int64_t extent, std::int64_t outputs, std::int64_t stride, std::int64_t taps, std::int64_t dilation, std::int64_t pad) {
      std::vector<std::int32_t> uses(static_cast<std::size_t>(extent), 0);
      for (std::int64_t o = 0; o < outputs; ++o)
        for (std::int64_t t = 0; t < taps; ++t)
          if (const std::int64_t i = o * stride + t * dilation - pad; i >= 0 && i < extent) ++uses[static_cast<std::size_t>(i)];
      return uses;
    };
    const auto columns = windows(l_.in_width, l_.out_width, l_.stride_x, l_.taps, l_.dilation_x, l_.pad_left);
    const auto rows = windows(l_.in_height, l_.out_height, l_.stride_y, l_.rows, l_.dilation_y, l_.pad_top);
    const std::int64_t all_rows = p_.batch * l_.groups * l_.channels * l_.in_height;
    std::int64_t sum = 0;
#pragma omp parallel for num_threads(threads_) schedule(static) reduction(+ : sum)
    for (std::int64_t row = 0; row < all_rows; ++row) {
      const std::int16_t* values = input.data() + row * l_.in_width;
      std::int64_t of_row = 0;
      constexpr std::int64_t kChunk = 1024;  // sums of so many stay inside 32 bits
      for (std::int64_t x0 = 0; x0 < l_.in_width; x0 += kChunk) {
        std::int32_t part = 0;
        for (std::int64_t x = x0; x < std::min(x0 + kChunk, l_.in_width); ++x) part += values[x] != 0 ? columns[static_cast<std::size_t>(x)] : 0;
        of_row += part;
      }
      sum += of_row * rows[static_cast<std::size_t>(row % l_.in_height)];
    }
    return product({sum, l_.filters});
  }

  // A block of filters over all segments.
  void block(std::int64_t filters) {
    const auto count = static_cast<std::int64_t>(segments_.size());
    o_.counts["segments"] += static_cast<std::uint64_t>(count);
    new_bias_bits_ = p_.bias.empty() ? 0 : static_cast<std::uint64_t>(filters) * static_cast<std::uint64_t>(a_.accumulator.bits);
    if (!array_.packs_ragged_filters || filters == mode_.filters) {
      for (std::int64_t s = 0; s < count; ++s)
        round(s, filters, {filters}, static_cast<std::uint64_t>(segments_[static_cast<std::size_t>(s)].outputs * filters));
      return;
    }
    // (segment, filter) pairs, segment by segment, as many at a time as the array holds filters.
    const std::int64_t pairs = checked_product(count, filters);
    for (std::int64_t first = 0; first < pairs; first += mode_.filters) {
      const std::int64_t last = std::min(first + mode_.filters, pairs), s0 = first / filters, s1 = (last - 1) / filters + 1;
      std::uint64_t outputs = 0;
      std::vector<std::int64_t> copies;
      for (std::int64_t s = s0; s < s1; ++s) {
        const std::int64_t of_segment = std::min(last, (s + 1) * filters) - std::max(first, s * filters);
        copies.push_back(of_segment);
        outputs += static_cast<std::uint64_t>(of_segment * segments_[static_cast<std::size_t>(s)].outputs);
      }
      round(s0, std::min(filters, last - first), copies, outputs);
    }
  }

  // All passes over the segments from s0 on that the array takes at the same time. `filters`: different ones; `copies`: filters of each of the segments.
  void round(std::int64_t s0, std::int64_t filters, const std::vector<std::int64_t>& copies, std::uint64_t outputs) {
    const std::int64_t s1 = s0 + std::ssize(copies), pairs = std::accumulate(copies.begin(), copies.end(), std::int64_t{0});
    std::uint64_t round_clocks = 0, waits = 0;
    o_.pe_active = std::max(o_.pe_active, static_cast<std::uint64_t>(pairs * mode_.pes));
    const std::uint64_t passes = product({l_.channels, l_.rows}), weights = product({filters, l_.taps});
    const auto rate = static_cast<std::uint64_t>(array_.weight_words_per_clock);
    const std::uint64_t floor = rate == 0 ? 0 : (weights + rate - 1) / rate;
    o_.counts["passes"] += passes;
    at(Level::dram, Operand::weight).reads += passes * weights;
    std::uint64_t number = 0;
    for (std::int64_t c = 0; c < l_.channels; ++c)
      for (std::int64_t r = 0; r < l_.rows; ++r, ++number) {
        std::int64_t streamed = 0, fetched = 0;
        for (std::int64_t s = s0; s < s1; ++s) {
          const Flow& flow = flow_of(static_cast<std::size_t>(s), c, r);
          streamed = std::max(streamed, flow.streamed);
          fetched += flow.fetched;
          if (!array_.skips_zeros) o_.padding_words += static_cast<std::uint64_t>(flow.streamed - flow.fetched);
          if (array_.index_bits > 0) o_.counts["placeholders"] += static_cast<std::uint64_t>(flow.placeholders);
        }
        at(Level::dram, Operand::input).reads += static_cast<std::uint64_t>(fetched);
        const std::uint64_t clocks = std::max(static_cast<std::uint64_t>(streamed), floor) + static_cast<std::uint64_t>(array_.pass_overhead);
        o_.cycles += clocks;
        round_clocks += clocks;
        if (copies.size() > 1)
          for (std::int64_t s = s0; s < s1; ++s)
            waits += static_cast<std::uint64_t>((streamed - flow_of(static_cast<std::size_t>(s), c, r).streamed) * copies[static_cast<std::size_t>(s - s0)]);
        if (!a_.dram_bits_per_cycle) continue;
        const std::uint64_t leaves = leaving_bits_ * (number + 1) / passes - leaving_bits_ * number / passes;
        meter_.add({clocks, weights * static_cast<std::uint64_t>(a_.word_bits) + new_bias_bits_,
                    leaves + static_cast<std::uint64_t>(fetched) * static_cast<std::uint64_t>(a_.word_bits + array_.index_bits)});
        new_bias_bits_ = 0;
      }
    o_.counts["pe_clocks_mapped"] += round_clocks * product({pairs, mode_.pes});
    o_.counts["pe_clocks_waiting"] += waits * static_cast<std::uint64_t>(mode_.pes);
    if (array_.index_bits > 0) o_.counts["index_bits"] = at(Level::dram, Operand::input).reads * static_cast<std::uint64_t>(array_.index_bits);
    leaving_bits_ = outputs * static_cast<std::uint64_t>(a_.output_bits);
  }

  const Accelerator& a_;
  const FeieArray& array_;
  const Problem& p_;
  const FeieLayer l_;
  const FeieMode mode_;
  const int threads_;
  const bool is_contiguous_;  // all pixels between the first and the last of a run are streamed
  const std::vector<Segment> segments_;
  std::vector<Flow> flows_;  // [segment][row], where zeros are skipped [segment][channel][row] of one group
  StallMeter meter_;
  std::uint64_t leaving_bits_ = 0, new_bias_bits_ = 0;
  Outcome o_;
};

}  // namespace

Outcome count(const Accelerator& accelerator, const FeieArray& array, const Problem& problem, int threads) {
  return Counter(accelerator, array, problem, threads).run();
}

void compute(const Accelerator& accelerator, const FeieArray&, const Problem& problem, std::span<std::int64_t> output, int threads) {
  ordered_convolution(problem, accelerator.accumulator, output, threads);
}

std::uint64_t feie_words_as_published(const FeieArray& array, const LayerSpec& layer) {
  const FeieLayer l(layer);
  const FeieMode mode(array, l);
  const std::int64_t blocks = ceil_div(l.filters, mode.filters), segments = ceil_div(checked_product(l.out_height, l.out_width), mode.sums);
  const std::int64_t again = std::max<std::int64_t>(0, l.reach() - l.stride_x), step = std::min(l.stride_x, l.reach());
  const std::int64_t pixels = checked_sum(checked_product(segments, mode.sums * step + again), checked_product(l.out_height, again));
  return product({l.groups, blocks, l.channels, l.rows, pixels}) + product({l.groups, segments, l.rows, l.taps, l.channels, l.filters}) +
         product({l.groups, l.out_height, l.out_width, l.filters});
}

}  // namespace convroof::spatial::fast
