#include "backends/spatial/fast/dcnn.h"

#include <algorithm>

#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/never_overflows.h"
#include "backends/spatial/fast/non_zero_pairs.h"
#include "backends/spatial/fast/stall_meter.h"

namespace convroof::spatial::fast {
namespace {

std::uint64_t product(std::initializer_list<std::int64_t> factors) { return static_cast<std::uint64_t>(checked_product(factors)); }

}  // namespace

Outcome count(const Accelerator& shared, const Dcnn& a, const Problem& p, int threads) {
  const LayerSpec& l = p.layer;
  const std::int64_t K = p.k(), M = p.m(), g = l.groups, batch = p.batch, pieces = ceil_div(K, a.lanes);
  const TileAxis rows = TileAxis::rows(l, a.pe_rows), columns = TileAxis::columns(l, a.pe_columns);
  const bool flat = Dcnn::is_flat(l);
  const std::int64_t share = ceil_div(M, a.pes());
  const std::int64_t active = flat ? ceil_div(M, share) : ceil_div(l.out_height, rows.out_share()) * ceil_div(l.out_width, columns.out_share());
  const std::int64_t clocks = flat ? checked_product(pieces, share) : checked_product({pieces, rows.out_share(), columns.out_share(), M});
  const std::int64_t windows = flat ? active : p.pixels();  // that latch their inputs, of an image and group
  const std::int64_t valid =
      flat ? checked_product(K, active)
           : checked_product({l.in_channels_per_group(), valid_taps(l.in_height, l.out_height, l.kernel_height, l.stride_height, l.dilation_height, l.pad_top),
                              valid_taps(l.in_width, l.out_width, l.kernel_width, l.stride_width, l.dilation_width, l.pad_left)});
  Outcome o;
  const auto at = [&](Level level, Operand operand) -> Access& { return o.accesses.at(level, operand); };
  o.cycles = product({batch, g, clocks});
  o.macs = product({batch, g, p.pixels(), K, M});
  o.pe_active = product({active, std::min(a.lanes, K)});
  o.padding_words = product({batch, g, checked_product(windows, K) - valid});
  at(Level::global, Operand::input).reads = product({batch, g, valid});
  at(Level::local, Operand::weight) = {o.macs, product({batch, g, K, M, flat ? 1 : active})};
  const std::uint64_t sums = product({batch, g, p.pixels(), M, pieces});
  at(Level::local, Operand::psum) = {sums, sums};
  const std::int64_t inputs = checked_product({l.in_channels_per_group(), l.in_height, l.in_width}), weights = checked_product(K, M),
                     biases = p.bias.empty() ? 0 : M;
  const std::int64_t outputs = checked_product(p.pixels(), M);
  at(Level::dram, Operand::input).reads = product({batch, g, inputs});
  at(Level::dram, Operand::weight).reads = product({batch, g, weights});
  at(Level::dram, Operand::psum).reads = product({batch, g, biases});
  at(Level::global, Operand::output).writes = at(Level::dram, Operand::output).writes = product({batch, g, outputs});
  const auto bits = [](std::int64_t words, int each) { return product({words, each}); };
  StallMeter meter(shared.dram_bits_per_cycle);
  meter.add({static_cast<std::uint64_t>(clocks), bits(inputs + weights, shared.word_bits) + bits(biases, shared.accumulator.bits),
             bits(outputs, shared.output_bits)});
  o.stall_cycles = meter.of_groups(checked_product(batch, g));
  if (a.gates_zeros) {
    std::uint64_t pairs = 0;
    for (std::int64_t image = 0; image < batch; ++image)
      for (std::int64_t group = 0; group < g; ++group) pairs += non_zero_pairs(p, image, group, threads);
    o.macs_gated = o.macs - pairs;
  }
  return o;
}

void compute(const Accelerator& shared, const Dcnn& a, const Problem& p, std::span<std::int64_t> output, int threads) {
  if (never_overflows(shared.accumulator, p)) return exact_convolution(p, output, threads);
#pragma omp parallel for num_threads(threads) collapse(3) schedule(static)
  for (std::int64_t group = 0; group < p.layer.groups; ++group)
    for (std::int64_t m = 0; m < p.m(); ++m)
      for (std::int64_t n = 0; n < p.n(); ++n) {
        std::int64_t sum = 0;
        for (std::int64_t first = 0; first < p.k(); first += a.lanes) {
          std::int64_t dot = 0;
          for (std::int64_t k = first; k < std::min(p.k(), first + a.lanes); ++k) {
            const std::int64_t index = p.input_index(group, n, k);
            if (index >= 0)
              dot += shared.accumulator.product(p.input[static_cast<std::size_t>(index)], p.weights[static_cast<std::size_t>(p.weight_index(group, k, m))]);
          }
          sum = shared.accumulator.fit(sum + dot);
        }
        output[static_cast<std::size_t>(p.output_index(group, n, m))] = p.finished(group, m, sum);
      }
}

}  // namespace convroof::spatial::fast
