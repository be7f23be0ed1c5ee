// SCNN's output where sums may meet the accumulator's ends: the products of one output are added vector pair by vector pair, then the halo arrives.
#include <algorithm>
#include <vector>

#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/never_overflows.h"
#include "backends/spatial/fast/scnn.h"

namespace convroof::spatial::fast {
namespace {

// A stored value; a placeholder is 0.
struct Stored {
  std::int64_t value = 0;
  std::int64_t row = 0, column = 0;  // input: its phase's coordinates; weight: how far its tap reaches back, in outputs
  std::int64_t filter = 0;
};

void store(std::vector<Stored>& stream, const Scnn& a, std::int64_t& zeros, const Stored& next) {
  if (next.value == 0) {
    ++zeros;
    return;
  }
  stream.resize(stream.size() + static_cast<std::size_t>(a.placeholders(zeros)));
  stream.push_back(next);
  zeros = 0;
}

class OrderedBlock {
 public:
  OrderedBlock(const Accelerator& shared, const Scnn& a, const Problem& p) : add_(shared.accumulator), a_(a), p_(p), l_(p.layer), plan_(a, p.layer) {}

  void compute(std::int64_t image, std::int64_t group, std::int64_t block, std::span<std::int64_t> output) const {
    const std::int64_t first = block * plan_.filters_at_once, filters = std::min(plan_.filters_at_once, p_.m() - first);
    std::vector<std::int64_t> owned(static_cast<std::size_t>(filters * p_.pixels()), 0);
    std::vector<std::vector<std::pair<std::size_t, std::int64_t>>> leaving;  // by PE: place in `owned`, value
    for (std::int64_t row = 0; row < a_.pe_rows; ++row)
      for (std::int64_t column = 0; column < a_.pe_columns; ++column) {
        if (plan_.rows.in_first(row) >= plan_.rows.in_last(row) || plan_.columns.in_first(column) >= plan_.columns.in_last(column)) continue;
        leaving.emplace_back();
        const std::vector<std::int64_t> sums = sums_of(image, group, first, filters, row, column);
        for (std::int64_t f = 0; f < filters; ++f)
          for (std::int64_t y = std::max<std::int64_t>(0, plan_.rows.reach_first(row)); y < std::min(l_.out_height, plan_.rows.reach_last(row)); ++y)
            for (std::int64_t x = std::max<std::int64_t>(0, plan_.columns.reach_first(column)); x < std::min(l_.out_width, plan_.columns.reach_last(column));
                 ++x) {
              const std::int64_t sum = sums[static_cast<std::size_t>((f * plan_.sums_high + y - plan_.rows.reach_first(row)) * plan_.sums_wide + x -
                                                                     plan_.columns.reach_first(column))];
              const auto place = static_cast<std::size_t>(f * p_.pixels() + y * l_.out_width + x);
              if (plan_.rows.owner(y) == row && plan_.columns.owner(x) == column)
                owned[place] = sum;
              else
                leaving.back().emplace_back(place, sum);
            }
      }
    std::size_t longest = 0;
    for (const auto& sums : leaving) longest = std::max(longest, sums.size());
    for (std::size_t clock = 0; clock < longest; ++clock)
      for (const auto& sums : leaving)
        if (clock < sums.size()) owned[sums[clock].first] = add_.fit(owned[sums[clock].first] + sums[clock].second);
    for (std::int64_t f = 0; f < filters; ++f)
      for (std::int64_t i = 0; i < p_.pixels(); ++i)
        output[static_cast<std::size_t>(p_.output_index(group, image * p_.pixels() + i, first + f))] =
            p_.finished(group, first + f, owned[static_cast<std::size_t>(f * p_.pixels() + i)]);
  }

 private:
  std::vector<std::int64_t> sums_of(std::int64_t image, std::int64_t group, std::int64_t first, std::int64_t filters, std::int64_t row,
                                    std::int64_t column) const {
    std::vector<std::int64_t> sums(static_cast<std::size_t>(filters * plan_.sums_high * plan_.sums_wide), 0);
    const std::int64_t y0 = plan_.rows.reach_first(row), x0 = plan_.columns.reach_first(column);
    for (std::int64_t c = 0; c < l_.in_channels_per_group(); ++c)
      for (std::int64_t py = 0; py < l_.stride_height; ++py)
        for (std::int64_t px = 0; px < l_.stride_width; ++px) {
          const std::vector<Stored> inputs = inputs_of(image, group, c, py, px, row, column), weights = weights_of(group, first, filters, c, py, px);
          for (std::size_t i0 = 0; i0 < inputs.size(); i0 += static_cast<std::size_t>(a_.inputs))
            for (std::size_t w0 = 0; w0 < weights.size(); w0 += static_cast<std::size_t>(a_.weights))
              for (std::size_t i = i0; i < std::min(inputs.size(), i0 + static_cast<std::size_t>(a_.inputs)); ++i)
                for (std::size_t w = w0; w < std::min(weights.size(), w0 + static_cast<std::size_t>(a_.weights)); ++w) {
                  if (inputs[i].value == 0 || weights[w].value == 0) continue;
                  const std::int64_t y = inputs[i].row - weights[w].row - y0, x = inputs[i].column - weights[w].column - x0;
                  std::int64_t& sum = sums[static_cast<std::size_t>((weights[w].filter * plan_.sums_high + y) * plan_.sums_wide + x)];
                  sum = add_.add(sum, inputs[i].value, weights[w].value);
                }
        }
    return sums;
  }

  std::vector<Stored> inputs_of(std::int64_t image, std::int64_t group, std::int64_t c, std::int64_t py, std::int64_t px, std::int64_t row,
                                std::int64_t column) const {
    std::vector<Stored> stream;
    std::int64_t zeros = 0;
    const std::int16_t* plane = p_.input.data() + (image * l_.in_channels + group * l_.in_channels_per_group() + c) * l_.in_height * l_.in_width;
    for (std::int64_t y = plan_.rows.in_first(row); y < plan_.rows.in_last(row); ++y)
      for (std::int64_t x = plan_.columns.in_first(column); x < plan_.columns.in_last(column); ++x)
        if ((y + l_.pad_top) % l_.stride_height == py && (x + l_.pad_left) % l_.stride_width == px)
          store(stream, a_, zeros, {plane[y * l_.in_width + x], (y + l_.pad_top) / l_.stride_height, (x + l_.pad_left) / l_.stride_width, 0});
    return stream;
  }

  std::vector<Stored> weights_of(std::int64_t group, std::int64_t first, std::int64_t filters, std::int64_t c, std::int64_t py, std::int64_t px) const {
    std::vector<Stored> stream;
    std::int64_t zeros = 0;
    const std::int64_t taps = l_.kernel_height * l_.kernel_width, places = taps * filters;
    for (std::int64_t i = 0; i < places; ++i) {
      const bool by_filter = a_.neighbours == Neighbours::filters;
      const std::int64_t tap = by_filter ? i / filters : i % taps, filter = by_filter ? i % filters : i / taps;
      const std::int64_t dy = tap / l_.kernel_width * l_.dilation_height, dx = tap % l_.kernel_width * l_.dilation_width;
      if (dy % l_.stride_height != py || dx % l_.stride_width != px) continue;
      store(
          stream, a_, zeros,
          {p_.weights[static_cast<std::size_t>(p_.weight_index(group, c * taps + tap, first + filter))], dy / l_.stride_height, dx / l_.stride_width, filter});
    }
    return stream;
  }

  const Accumulator add_;
  const Scnn& a_;
  const Problem& p_;
  const LayerSpec& l_;
  const ScnnPlan plan_;
};

}  // namespace

void compute(const Accelerator& shared, const Scnn& a, const Problem& p, std::span<std::int64_t> output, int threads) {
  if (never_overflows(shared.accumulator, p)) return exact_convolution(p, output, threads);
  if (ScnnPlan::is_flat(p.layer)) {  // input by input
#pragma omp parallel for num_threads(threads) collapse(2) schedule(static)
    for (std::int64_t n = 0; n < p.batch; ++n)
      for (std::int64_t m = 0; m < p.m(); ++m) {
        std::int64_t sum = 0;
        for (std::int64_t k = 0; k < p.k(); ++k) {
          const std::int16_t x = p.input[static_cast<std::size_t>(n * p.k() + k)], w = p.weights[static_cast<std::size_t>(m * p.k() + k)];
          if (x != 0 && w != 0) sum = shared.accumulator.add(sum, x, w);
        }
        output[static_cast<std::size_t>(p.output_index(0, n, m))] = p.finished(0, m, sum);
      }
    return;
  }
  const OrderedBlock ordered(shared, a, p);
  const std::int64_t blocks = ScnnPlan(a, p.layer).blocks;
#pragma omp parallel for num_threads(threads) collapse(3) schedule(dynamic, 1)
  for (std::int64_t image = 0; image < p.batch; ++image)
    for (std::int64_t group = 0; group < p.layer.groups; ++group)
      for (std::int64_t block = 0; block < blocks; ++block) ordered.compute(image, group, block, output);
}

}  // namespace convroof::spatial::fast
