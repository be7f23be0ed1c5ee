#include "backends/spatial/fast/systolic.h"

#include <algorithm>
#include <map>
#include <vector>

#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/stall_meter.h"
#include "backends/spatial/fast/touched.h"
#include "backends/spatial/model/buffer_policy.h"
#include "workloads/checked.h"

namespace convroof::spatial::fast {
namespace {

std::uint64_t product(std::initializer_list<std::int64_t> factors) { return static_cast<std::uint64_t>(checked_product(factors)); }

// How often position `at` of one axis meets input, over all positions of the other side.
std::vector<std::int64_t> valid_counts(std::int64_t count, std::int64_t step, std::int64_t others, std::int64_t other_step, std::int64_t pad,
                                       std::int64_t extent) {
  std::vector<std::int64_t> valid(static_cast<std::size_t>(count), 0);
  for (std::int64_t a = 0; a < count; ++a)
    for (std::int64_t b = 0; b < others; ++b) {
      const std::int64_t i = a * step + b * other_step - pad;
      if (i >= 0 && i < extent) ++valid[static_cast<std::size_t>(a)];
    }
  return valid;
}

class Counter {
 public:
  Counter(const Accelerator& a, const SystolicArray& array, const Problem& p, std::int64_t pixels)
      : a_(a), array_(array), p_(p), l_(p.layer), policy_(a, array, p, pixels), taps_(l_.kernel_height * l_.kernel_width), meter_(a.dram_bits_per_cycle) {
    valid_ =
        checked_product({policy_.channels, p.batch, valid_taps(l_.in_height, l_.out_height, l_.kernel_height, l_.stride_height, l_.dilation_height, l_.pad_top),
                         valid_taps(l_.in_width, l_.out_width, l_.kernel_width, l_.stride_width, l_.dilation_width, l_.pad_left)});
    untouched_ = checked_product({policy_.channels, p.batch, l_.in_height * l_.in_width - Touched::by_taps(l_).all()});
    free_channels_ = policy_.channels - policy_.pinned_channels;
  }

 protected:
  Access& at(Level level, Operand operand) { return o_.accesses.at(level, operand); }
  std::uint64_t word_bits(std::int64_t words) const { return static_cast<std::uint64_t>(words) * static_cast<std::uint64_t>(a_.word_bits); }
  std::uint64_t sum_bits(std::int64_t words) const { return static_cast<std::uint64_t>(words) * static_cast<std::uint64_t>(a_.accumulator.bits); }

  // What every multiplication costs inside a PE, and how often the array's edge takes an input; `times`: sweeps over all (n, k) of a group.
  void count_common(std::int64_t times) {
    const std::int64_t g = l_.groups;
    o_.cycles = systolic_clocks(array_, p_);
    o_.macs = product({g, p_.n(), p_.k(), p_.m()});
    at(Level::local, Operand::input).reads = at(Level::local, Operand::weight).reads = o_.macs;
    at(Level::local, Operand::psum) = {o_.macs, o_.macs};
    at(Level::global, Operand::input).reads = product({g, times, valid_});
    o_.padding_words = product({g, times, checked_product(p_.n(), p_.k()) - valid_});
    at(Level::global, Operand::output).writes = at(Level::dram, Operand::output).writes = product({g, p_.n(), p_.m()});
    if (!p_.bias.empty()) at(Level::dram, Operand::psum).reads += product({g, p_.m()});
  }

  const Accelerator& a_;
  const SystolicArray& array_;
  const Problem& p_;
  const LayerSpec& l_;
  const InputPolicy policy_;
  const std::int64_t taps_;
  StallMeter meter_;
  Outcome o_;
  std::int64_t valid_ = 0, untouched_ = 0, free_channels_ = 0;  // of one group
};

class WeightStationary : Counter {
 public:
  WeightStationary(const Accelerator& a, const SystolicArray& array, const Problem& p) : Counter(a, array, p, 1), touched_(Touched::by_taps(p.layer)) {
    const auto rows = valid_counts(l_.kernel_height, l_.dilation_height, l_.out_height, l_.stride_height, l_.pad_top, l_.in_height);
    const auto columns = valid_counts(l_.kernel_width, l_.dilation_width, l_.out_width, l_.stride_width, l_.pad_left, l_.in_width);
    valid_before_.push_back(0);
    for (const std::int64_t r : rows)
      for (const std::int64_t c : columns) valid_before_.push_back(valid_before_.back() + r * c);
  }

  Outcome run() {
    const std::int64_t R = array_.rows, C = array_.columns, N = p_.n(), K = p_.k(), M = p_.m(), g = l_.groups;
    const std::int64_t k_folds = ceil_div(K, R), m_folds = ceil_div(M, C);
    count_common(m_folds);
    o_.pe_active = static_cast<std::uint64_t>(std::min(R, K) * std::min(C, M));
    at(Level::global, Operand::weight).reads = at(Level::dram, Operand::weight).reads = product({g, K, M});
    at(Level::global, Operand::psum).reads = at(Level::global, Operand::psum).writes = product({g, N, M, k_folds - 1});
    // Inputs move right through the columns in use, sums fall through all rows, weights sink to their row.
    at(Level::array, Operand::input).reads = product({g, N, K, M - m_folds});
    at(Level::array, Operand::psum).reads = product({g, N, M, k_folds, R - 1});
    const std::int64_t last_rows = K - (k_folds - 1) * R;
    at(Level::array, Operand::weight).reads = product({g, M, (k_folds - 1) * (R * (R - 1) / 2) + last_rows * (last_rows - 1) / 2});

    struct Fold {
      std::int64_t rows, pinned, each_time;
    };
    std::vector<Fold> folds;
    for (std::int64_t k = 0; k < K; k += R) {
      const Inputs inputs = inputs_of(k, std::min(K, k + R));
      folds.push_back({std::min(R, K - k), inputs.pinned, inputs.each_time});
    }
    std::int64_t inputs = untouched_, spilled = 0;
    for (std::int64_t m = 0; m < M; m += C) {
      const std::int64_t columns = std::min(C, M - m);
      const std::int64_t spill = std::max<std::int64_t>(0, checked_product(N, columns) - array_.output_half_words(a_));
      for (std::size_t f = 0; f < folds.size(); ++f) {
        const bool last = f + 1 == folds.size();
        const std::int64_t words = folds[f].each_time + (m == 0 ? folds[f].pinned : 0) + (m == 0 && f == 0 ? untouched_ : 0);
        inputs += folds[f].each_time + (m == 0 ? folds[f].pinned : 0);
        const std::int64_t out = last ? N * columns : spill, in = f == 0 ? 0 : spill;
        if (!last) spilled += spill;
        const std::int64_t biases = f == 0 && !p_.bias.empty() ? columns : 0;
        meter_.add({static_cast<std::uint64_t>(N + 2 * R + C - 2), word_bits(words + folds[f].rows * columns) + sum_bits(biases), sum_bits(out + in)});
      }
    }
    at(Level::dram, Operand::input).reads = product({g, inputs});
    at(Level::dram, Operand::psum).writes += product({g, spilled});
    at(Level::dram, Operand::psum).reads += product({g, spilled});
    o_.stall_cycles = meter_.of_groups(g);
    return o_;
  }

 private:
  struct Inputs {
    std::int64_t pinned, each_time;  // words: fetched once for all; fetched for every block of filters
  };

  // Of the pass over reduction indices [k0, k1).
  Inputs inputs_of(std::int64_t k0, std::int64_t k1) {
    std::int64_t pinned = 0, others = 0, uses = 0, other_channels = 0;
    const auto take = [&](std::int64_t channel, std::int64_t count, std::int64_t t0, std::int64_t t1) {
      const std::int64_t in_pin = std::clamp<std::int64_t>(policy_.pinned_channels - channel, 0, count), out = count - in_pin;
      if (in_pin > 0) pinned += in_pin * (pixels(0, t1) - pixels(0, t0));
      if (out == 0) return;
      const std::int64_t words = pixels(t0, t1);
      others += out * words;
      uses += out * (valid_before_[static_cast<std::size_t>(t1)] - valid_before_[static_cast<std::size_t>(t0)]);
      if (words > 0) other_channels += out;
    };
    const std::int64_t c0 = k0 / taps_, c1 = (k1 - 1) / taps_;
    if (c0 == c1) {
      take(c0, 1, k0 % taps_, (k1 - 1) % taps_ + 1);
    } else {
      take(c0, 1, k0 % taps_, taps_);
      if (c1 - c0 > 1) take(c0 + 1, c1 - c0 - 1, 0, taps_);
      take(c1, 1, 0, (k1 - 1) % taps_ + 1);
    }
    return {pinned * p_.batch, (policy_.window_fits(other_channels) ? others : uses) * p_.batch};
  }

  std::int64_t pixels(std::int64_t t0, std::int64_t t1) {
    const auto [place, is_new] = known_.try_emplace({t0, t1}, 0);
    if (is_new) place->second = touched_.count(t0, t1);
    return place->second;
  }

  const Touched touched_;
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> known_;
  std::vector<std::int64_t> valid_before_;  // (output pixel, tap) pairs inside the input, of the taps before
};

// Output and input stationary: windows of output pixels sweep over the input.
class Sweeping : protected Counter {
 public:
  Sweeping(const Accelerator& a, const SystolicArray& array, const Problem& p, std::int64_t pixels)
      : Counter(a, array, p, pixels),
        touched_(Touched::by_pixels(p.layer)),
        valid_rows_(valid_counts(l_.out_height, l_.stride_height, l_.kernel_height, l_.dilation_height, l_.pad_top, l_.in_height)),
        valid_columns_(valid_counts(l_.out_width, l_.stride_width, l_.kernel_width, l_.dilation_width, l_.pad_left, l_.in_width)) {}

 protected:
  struct Window {
    std::int64_t pinned = 0;     // words fetched in the first sweep only
    std::int64_t each_time = 0;  // words fetched in every sweep, before the first pass of the window
    bool per_use = false;        // too large for the buffer: fetched again at every use instead (each_time is 0)
  };

  // Of output pixels [n0, n1) of the batch.
  Window window_of(std::int64_t n0, std::int64_t n1) const {
    const std::int64_t P = p_.pixels();
    std::int64_t fresh = 0, distinct = 0;  // of one channel
    for (std::int64_t image = n0 / P; image * P < n1; ++image) {
      const std::int64_t first = std::max<std::int64_t>(0, n0 - image * P), last = std::min(P, n1 - image * P);
      fresh += touched_.count(0, last) - touched_.count(0, first);
      if (first > 0 || last < P)
        distinct += touched_.count(first, last);
      else
        distinct += touched_.count(0, P);
    }
    Window window;
    window.pinned = policy_.pinned_channels * fresh;
    if (policy_.window_fits(free_channels_))
      window.each_time = free_channels_ * fresh;
    else if (free_channels_ * distinct <= policy_.half_words)
      window.each_time = free_channels_ * distinct;
    else
      window.per_use = true;
    return window;
  }

  // (n, k) pairs inside the input, of channels that are not pinned.
  std::int64_t uses_of(std::int64_t n0, std::int64_t n1) const {
    std::int64_t uses = 0;
    for (std::int64_t n = n0; n < n1; ++n) {
      const std::int64_t pixel = n % p_.pixels();
      uses += valid_rows_[static_cast<std::size_t>(pixel / l_.out_width)] * valid_columns_[static_cast<std::size_t>(pixel % l_.out_width)];
    }
    return uses * free_channels_;
  }

  const Touched touched_;

 private:
  std::vector<std::int64_t> valid_rows_, valid_columns_;  // filter rows and columns inside the input, by output row and column
};

class OutputStationary : Sweeping {
 public:
  OutputStationary(const Accelerator& a, const SystolicArray& array, const Problem& p) : Sweeping(a, array, p, array.rows) {}

  Outcome run() {
    const std::int64_t R = array_.rows, C = array_.columns, N = p_.n(), K = p_.k(), M = p_.m(), g = l_.groups;
    const std::int64_t n_folds = ceil_div(N, R), m_folds = ceil_div(M, C);
    count_common(m_folds);
    o_.pe_active = static_cast<std::uint64_t>(std::min(R, N) * std::min(C, M));
    at(Level::global, Operand::weight).reads = product({g, K, M, n_folds});
    at(Level::array, Operand::input).reads = product({g, N, K, M - m_folds});
    at(Level::array, Operand::weight).reads = product({g, K, M, N - n_folds});

    struct Fold {
      std::int64_t rows, pinned, each_time;
    };
    std::vector<Fold> folds;
    for (std::int64_t n = 0; n < N; n += R) {
      const Window window = window_of(n, std::min(N, n + R));
      folds.push_back({std::min(R, N - n), window.pinned, window.per_use ? uses_of(n, std::min(N, n + R)) : window.each_time});
    }
    std::int64_t inputs = untouched_, weights = 0;
    for (std::int64_t m = 0; m < M; m += C) {
      const std::int64_t columns = std::min(C, M - m), tile = checked_product(K, columns);
      const std::int64_t again = std::max<std::int64_t>(0, tile - array_.weight_half_words(a_));
      for (std::size_t f = 0; f < folds.size(); ++f) {
        const std::int64_t words = folds[f].each_time + (m == 0 ? folds[f].pinned : 0);
        const std::int64_t tile_words = f == 0 ? tile : again;
        inputs += words, weights += tile_words;
        const std::int64_t biases = f == 0 && !p_.bias.empty() ? columns : 0;
        meter_.add({static_cast<std::uint64_t>(K + R + C - 2), word_bits(words + tile_words + (m == 0 && f == 0 ? untouched_ : 0)) + sum_bits(biases),
                    sum_bits(folds[f].rows * columns)});
      }
    }
    at(Level::dram, Operand::input).reads = product({g, inputs});
    at(Level::dram, Operand::weight).reads = product({g, weights});
    o_.stall_cycles = meter_.of_groups(g);
    return o_;
  }
};

class InputStationary : Sweeping {
 public:
  InputStationary(const Accelerator& a, const SystolicArray& array, const Problem& p) : Sweeping(a, array, p, array.columns) {}

  Outcome run() {
    const std::int64_t R = array_.rows, C = array_.columns, N = p_.n(), K = p_.k(), M = p_.m(), g = l_.groups;
    const std::int64_t k_folds = ceil_div(K, R), n_folds = ceil_div(N, C);
    count_common(1);
    o_.pe_active = static_cast<std::uint64_t>(std::min(R, K) * std::min(C, N));
    at(Level::global, Operand::weight).reads = product({g, K, M, n_folds});
    at(Level::global, Operand::psum).reads = at(Level::global, Operand::psum).writes = product({g, N, M, k_folds - 1});
    at(Level::array, Operand::weight).reads = product({g, M, K, N - n_folds});
    at(Level::array, Operand::psum).reads = product({g, N, M, k_folds, R - 1});
    const std::int64_t last_rows = K - (k_folds - 1) * R;
    at(Level::array, Operand::input).reads = product({g, N, (k_folds - 1) * (R * (R - 1) / 2) + last_rows * (last_rows - 1) / 2});

    std::int64_t inputs = untouched_, weights = 0, spilled = 0;
    for (std::int64_t n = 0; n < N; n += C) {
      const std::int64_t columns = std::min(C, N - n);
      const Window window = window_of(n, n + columns);
      const std::int64_t spill = std::max<std::int64_t>(0, checked_product(M, columns) - array_.output_half_words(a_));
      const std::int64_t words = window.pinned + (window.per_use ? uses_of(n, n + columns) : window.each_time);
      inputs += words;
      for (std::int64_t k = 0; k < K; k += R) {
        const std::int64_t k1 = std::min(K, k + R);
        const bool last = k1 == K;
        // The window's words come evenly over its passes.
        const std::uint64_t input_bits = static_cast<std::uint64_t>(ceil_div(checked_product({words, a_.word_bits, k1 - k}), K));
        // Of this pass's weights, the part beyond what stays in the buffer.
        const std::int64_t tile = n == 0 ? (k1 - k) * M : std::max<std::int64_t>(0, k1 * M - std::max(k * M, array_.weight_half_words(a_)));
        weights += tile;
        if (!last) spilled += spill;
        const std::int64_t out = last ? M * columns : spill, in = k == 0 ? 0 : spill;
        const std::int64_t biases = n == 0 && k == 0 && !p_.bias.empty() ? M : 0;
        meter_.add({static_cast<std::uint64_t>(M + 2 * R + C - 2), input_bits + word_bits(tile + (n == 0 && k == 0 ? untouched_ : 0)) + sum_bits(biases),
                    sum_bits(out + in)});
      }
    }
    at(Level::dram, Operand::input).reads = product({g, inputs});
    at(Level::dram, Operand::weight).reads = product({g, weights});
    at(Level::dram, Operand::psum).writes += product({g, spilled});
    at(Level::dram, Operand::psum).reads += product({g, spilled});
    o_.stall_cycles = meter_.of_groups(g);
    return o_;
  }
};

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
  switch (array.stationary) {
    case Stationary::weight:
      return WeightStationary(accelerator, array, problem).run();
    case Stationary::input:
      return InputStationary(accelerator, array, problem).run();
    case Stationary::output:
      return OutputStationary(accelerator, array, problem).run();
  }
  return {};
}

void compute(const Accelerator&, const SystolicArray&, const Problem& problem, std::span<std::int64_t> output, int threads) {
  exact_convolution(problem, output, threads);
}

}  // namespace convroof::spatial::fast
