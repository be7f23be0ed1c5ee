#include "backends/spatial/fast/systolic.h"

#include <algorithm>

#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/systolic_memory.h"
#include "workloads/checked.h"

namespace convroof::spatial::fast {
namespace {

std::uint64_t product(std::initializer_list<std::int64_t> factors) { return static_cast<std::uint64_t>(checked_product(factors)); }

// How often a value that sinks to its row moves from neighbour to neighbour, over all rows of all folds of K.
std::int64_t sinking_moves(std::int64_t K, std::int64_t R) {
  const std::int64_t folds = ceil_div(K, R), last_rows = K - (folds - 1) * R;
  return (folds - 1) * (R * (R - 1) / 2) + last_rows * (last_rows - 1) / 2;
}

// Everything but the outer memory's traffic of inputs, weights and spilled sums: closed forms of N, K, M, R and C.
Outcome on_chip(const SystolicArray& array, const Problem& p) {
  const LayerSpec& l = p.layer;
  const std::int64_t R = array.rows, C = array.columns, N = p.n(), K = p.k(), M = p.m(), g = l.groups;
  const std::int64_t k_folds = ceil_div(K, R), m_folds = ceil_div(M, C), n_row_folds = ceil_div(N, R), n_column_folds = ceil_div(N, C);
  // (n, k) pairs inside the input, of one group.
  const std::int64_t valid = checked_product({l.in_channels_per_group(), p.batch,
                                              valid_taps(l.in_height, l.out_height, l.kernel_height, l.stride_height, l.dilation_height, l.pad_top),
                                              valid_taps(l.in_width, l.out_width, l.kernel_width, l.stride_width, l.dilation_width, l.pad_left)});
  Outcome o;
  const auto at = [&](Level level, Operand operand) -> Access& { return o.accesses.at(level, operand); };
  o.cycles = systolic_clocks(array, p);
  o.macs = product({g, N, K, M});
  at(Level::local, Operand::input).reads = at(Level::local, Operand::weight).reads = o.macs;
  at(Level::local, Operand::psum) = {o.macs, o.macs};
  at(Level::global, Operand::output).writes = at(Level::dram, Operand::output).writes = product({g, N, M});
  if (!p.bias.empty()) at(Level::dram, Operand::psum).reads = product({g, M});

  std::int64_t sweeps = m_folds;  // over all (n, k) of a group
  switch (array.stationary) {
    case Stationary::weight:
      o.pe_active = product({std::min(R, K), std::min(C, M)});
      at(Level::global, Operand::weight).reads = product({g, K, M});
      // Inputs move right through the columns in use, sums fall through all rows, weights sink to their row.
      at(Level::array, Operand::input).reads = product({g, N, K, M - m_folds});
      at(Level::array, Operand::weight).reads = product({g, M, sinking_moves(K, R)});
      break;
    case Stationary::input:
      sweeps = 1;
      o.pe_active = product({std::min(R, K), std::min(C, N)});
      at(Level::global, Operand::weight).reads = product({g, K, M, n_column_folds});
      at(Level::array, Operand::weight).reads = product({g, M, K, N - n_column_folds});
      at(Level::array, Operand::input).reads = product({g, N, sinking_moves(K, R)});
      break;
    case Stationary::output:
      o.pe_active = product({std::min(R, N), std::min(C, M)});
      at(Level::global, Operand::weight).reads = product({g, K, M, n_row_folds});
      at(Level::array, Operand::input).reads = product({g, N, K, M - m_folds});
      at(Level::array, Operand::weight).reads = product({g, K, M, N - n_row_folds});
      break;
  }
  if (array.stationary != Stationary::output) {
    at(Level::global, Operand::psum).reads = at(Level::global, Operand::psum).writes = product({g, N, M, k_folds - 1});
    at(Level::array, Operand::psum).reads = product({g, N, M, k_folds, R - 1});
  }
  at(Level::global, Operand::input).reads = product({g, sweeps, valid});
  o.padding_words = product({g, sweeps, checked_product(N, K) - valid});
  return o;
}

}  // namespace

std::uint64_t systolic_clocks(const SystolicArray& array, const Problem& p) {
  const std::int64_t R = array.rows, C = array.columns, N = p.n(), K = p.k(), M = p.m(), g = p.layer.groups;
  switch (array.stationary) {
    case Stationary::weight:
      return product({g, ceil_div(K, R), ceil_div(M, C), N + 2 * R + C - 2});
    case Stationary::input:
      return product({g, ceil_div(K, R), ceil_div(N, C), M + 2 * R + C - 2});
    case Stationary::output:
      return product({g, ceil_div(N, R), ceil_div(M, C), K + R + C - 2});
  }
  return 0;
}

Outcome count(const Accelerator& accelerator, const SystolicArray& array, const Problem& problem, int /*threads*/) {
  Outcome outcome = on_chip(array, problem);
  add_outer_memory(accelerator, array, problem, outcome);
  return outcome;
}

void compute(const Accelerator&, const SystolicArray&, const Problem& problem, std::span<std::int64_t> output, int threads) {
  exact_convolution(problem, output, threads);
}

}  // namespace convroof::spatial::fast
