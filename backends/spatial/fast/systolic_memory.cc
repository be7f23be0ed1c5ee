#include "backends/spatial/fast/systolic_memory.h"

#include <algorithm>
#include <map>
#include <vector>

#include "backends/spatial/fast/stall_meter.h"
#include "backends/spatial/fast/touched.h"
#include "backends/spatial/model/buffer_policy.h"
#include "workloads/checked.h"

namespace convroof::spatial::fast {
namespace {

std::uint64_t product(std::initializer_list<std::int64_t> factors) { return static_cast<std::uint64_t>(checked_product(factors)); }

// Of the positions [0, a] of one axis, for each a: how many (position, other) pairs meet input. others: the positions of the other side.
std::vector<std::int64_t> pairs_before(std::int64_t count, std::int64_t step, std::int64_t others, std::int64_t other_step, std::int64_t pad,
                                       std::int64_t extent) {
  std::vector<std::int64_t> before(static_cast<std::size_t>(count) + 1, 0);
  for (std::int64_t a = 0; a < count; ++a) {
    const std::int64_t first = a * step - pad;  // of other 0
    const std::int64_t begin = first >= 0 ? 0 : ceil_div(-first, other_step);
    const std::int64_t end = first >= extent ? 0 : std::min(others, (extent - 1 - first) / other_step + 1);
    before[static_cast<std::size_t>(a) + 1] = before[static_cast<std::size_t>(a)] + std::max<std::int64_t>(0, end - begin);
  }
  return before;
}

class OuterMemory {
 public:
  OuterMemory(const Accelerator& a, const SystolicArray& array, const Problem& p, std::int64_t pixels, Outcome& outcome)
      : a_(a), array_(array), p_(p), l_(p.layer), policy_(a, array, p, pixels), o_(outcome), meter_(a.dram_bits_per_cycle) {
    free_channels_ = policy_.channels - policy_.pinned_channels;
  }

 protected:
  std::uint64_t word_bits(std::int64_t words) const { return static_cast<std::uint64_t>(words) * static_cast<std::uint64_t>(a_.word_bits); }
  std::uint64_t sum_bits(std::int64_t words) const { return static_cast<std::uint64_t>(words) * static_cast<std::uint64_t>(a_.accumulator.bits); }
  std::int64_t untouched(const Touched& touched) const { return checked_product({policy_.channels, p_.batch, l_.in_height * l_.in_width - touched.all()}); }

  // Runs sweep(first, columns, times) over `total` in blocks of `side`. Blocks between the first and a partial last one are alike: two are run, and the
  // second stands for the others.
  template <typename Sweep>
  void sweep_blocks(std::int64_t total, std::int64_t side, Sweep sweep) {
    const std::int64_t whole = total / side;
    sweep(0, std::min(side, total), 1);
    if (whole >= 2) sweep(side, side, 1);
    if (whole >= 3) {
      const std::uint64_t mark = meter_.mark();
      sweep(2 * side, side, whole - 2);
      meter_.repeat_since(mark, whole - 3);
    }
    if (whole >= 1 && total % side > 0) sweep(whole * side, total % side, 1);
  }

  void finish(std::int64_t inputs, std::int64_t weights, std::int64_t spilled) {
    const std::int64_t g = l_.groups;
    o_.accesses.at(Level::dram, Operand::input).reads = product({g, inputs});
    o_.accesses.at(Level::dram, Operand::weight).reads = product({g, weights});
    o_.accesses.at(Level::dram, Operand::psum).writes += product({g, spilled});
    o_.accesses.at(Level::dram, Operand::psum).reads += product({g, spilled});
    o_.stall_cycles = meter_.of_groups(g);
  }

  const Accelerator& a_;
  const SystolicArray& array_;
  const Problem& p_;
  const LayerSpec& l_;
  const InputPolicy policy_;
  Outcome& o_;
  StallMeter meter_;
  std::int64_t free_channels_ = 0;
};

// Folds in a row that need the same from memory.
struct Folds {
  std::int64_t rows, pinned, each_time;  // words: fetched once for all; fetched for every block of filters
  std::int64_t times = 1;
};

// The first fold stands for itself: biases and weights come with it.
void append(std::vector<Folds>& folds, const Folds& next) {
  if (folds.size() > 1 && folds.back().rows == next.rows && folds.back().pinned == next.pinned && folds.back().each_time == next.each_time)
    ++folds.back().times;
  else
    folds.push_back(next);
}

class WeightStationary : OuterMemory {
 public:
  WeightStationary(const Accelerator& a, const SystolicArray& array, const Problem& p, Outcome& outcome)
      : OuterMemory(a, array, p, 1, outcome), taps_(l_.kernel_height * l_.kernel_width), touched_(Touched::by_taps(p.layer)) {
    const auto rows = pairs_before(l_.kernel_height, l_.dilation_height, l_.out_height, l_.stride_height, l_.pad_top, l_.in_height);
    const auto columns = pairs_before(l_.kernel_width, l_.dilation_width, l_.out_width, l_.stride_width, l_.pad_left, l_.in_width);
    valid_before_.push_back(0);
    for (std::size_t r = 1; r < rows.size(); ++r)
      for (std::size_t c = 1; c < columns.size(); ++c) valid_before_.push_back(valid_before_.back() + (rows[r] - rows[r - 1]) * (columns[c] - columns[c - 1]));
  }

  void run() {
    const std::int64_t R = array_.rows, C = array_.columns, N = p_.n(), K = p_.k(), M = p_.m();
    std::vector<Folds> folds;
    for (std::int64_t k = 0; k < K; k += R) {
      const Inputs inputs = inputs_of(k, std::min(K, k + R));
      append(folds, {std::min(R, K - k), inputs.pinned, inputs.each_time});
    }
    const std::int64_t untouched_words = untouched(touched_);
    std::int64_t inputs = untouched_words, spilled = 0;
    sweep_blocks(M, C, [&](std::int64_t m, std::int64_t columns, std::int64_t times) {
      const std::int64_t spill = std::max<std::int64_t>(0, checked_product(N, columns) - array_.output_half_words(a_));
      spilled += checked_product({times, ceil_div(K, R) - 1, spill});
      for (std::size_t f = 0; f < folds.size(); ++f) {
        const Folds& fold = folds[f];
        const bool first = f == 0;
        const std::int64_t words = fold.each_time + (m == 0 ? fold.pinned : 0) + (m == 0 && first ? untouched_words : 0);
        inputs += times * fold.times * (fold.each_time + (m == 0 ? fold.pinned : 0));
        const std::int64_t biases = first && !p_.bias.empty() ? columns : 0;
        const std::uint64_t load = word_bits(words + fold.rows * columns) + sum_bits(biases);
        const auto clocks = static_cast<std::uint64_t>(N + 2 * R + C - 2);
        // The last fold writes results where the others write what does not fit the buffer.
        const std::int64_t in = first ? 0 : spill, last = f + 1 == folds.size() ? 1 : 0;
        if (fold.times > last) meter_.add({clocks, load, sum_bits(spill + in)}, fold.times - last);
        if (last == 1) meter_.add({clocks, load, sum_bits(N * columns + in)});
      }
    });
    finish(inputs, checked_product(K, M), spilled);
  }

 private:
  struct Inputs {
    std::int64_t pinned, each_time;
  };

  // Of the pass over reduction indices [k0, k1).
  Inputs inputs_of(std::int64_t k0, std::int64_t k1) {
    std::int64_t pinned = 0, others = 0, uses = 0, other_channels = 0;
    const auto take = [&](std::int64_t channel, std::int64_t count, std::int64_t t0, std::int64_t t1) {
      const std::int64_t in_pin = std::clamp<std::int64_t>(policy_.pinned_channels - channel, 0, count), out = count - in_pin;
      if (in_pin > 0) pinned += in_pin * (touched_.before(t1) - touched_.before(t0));
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
    if (t0 == 0) return touched_.before(t1);
    const auto [place, is_new] = known_.try_emplace({t0, t1}, 0);
    if (is_new) place->second = touched_.count(t0, t1);
    return place->second;
  }

  const std::int64_t taps_;
  const Touched touched_;
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> known_;
  std::vector<std::int64_t> valid_before_;  // (output pixel, tap) pairs inside the input, of the taps before
};

// Output and input stationary: windows of output pixels sweep over the input.
class Sweeping : protected OuterMemory {
 public:
  Sweeping(const Accelerator& a, const SystolicArray& array, const Problem& p, std::int64_t pixels, Outcome& outcome)
      : OuterMemory(a, array, p, pixels, outcome),
        touched_(Touched::by_pixels(p.layer)),
        valid_rows_(pairs_before(l_.out_height, l_.stride_height, l_.kernel_height, l_.dilation_height, l_.pad_top, l_.in_height)),
        valid_columns_(pairs_before(l_.out_width, l_.stride_width, l_.kernel_width, l_.dilation_width, l_.pad_left, l_.in_width)),
        keeps_rows_(policy_.window_fits(free_channels_)) {}

 protected:
  struct Window {
    std::int64_t pinned = 0;     // words fetched in the first sweep only
    std::int64_t each_time = 0;  // words fetched in every sweep
  };

  // Of output pixels [n0, n1) of the batch.
  Window window_of(std::int64_t n0, std::int64_t n1) const {
    const std::int64_t P = p_.pixels();
    std::int64_t fresh = 0, distinct = 0;  // of one channel
    for (std::int64_t image = n0 / P; image * P < n1; ++image) {
      const std::int64_t first = std::max<std::int64_t>(0, n0 - image * P), last = std::min(P, n1 - image * P);
      fresh += touched_.before(last) - touched_.before(first);
      if (!keeps_rows_) distinct += touched_.count(first, last);
    }
    Window window;
    window.pinned = policy_.pinned_channels * fresh;
    if (keeps_rows_)
      window.each_time = free_channels_ * fresh;
    else if (free_channels_ * distinct <= policy_.half_words)
      window.each_time = free_channels_ * distinct;
    else  // too large for the buffer: fetched again at every use
      window.each_time = (uses_before(n1) - uses_before(n0)) * free_channels_;
    return window;
  }

  const Touched touched_;

 private:
  // (n, k) pairs inside the input, of one channel and all pixels before.
  std::int64_t uses_before(std::int64_t n) const {
    const std::int64_t P = p_.pixels();
    const auto y = static_cast<std::size_t>(n % P / l_.out_width), x = static_cast<std::size_t>(n % P % l_.out_width);
    const std::int64_t whole = valid_columns_.back(), row = y + 1 < valid_rows_.size() ? valid_rows_[y + 1] - valid_rows_[y] : 0;
    return n / P * valid_rows_.back() * whole + valid_rows_[y] * whole + row * valid_columns_[x];
  }

  std::vector<std::int64_t> valid_rows_, valid_columns_;  // filter rows and columns inside the input, of the output rows and columns before
  const bool keeps_rows_;                                 // rows stay from one window to the next
};

class OutputStationary : Sweeping {
 public:
  OutputStationary(const Accelerator& a, const SystolicArray& array, const Problem& p, Outcome& outcome) : Sweeping(a, array, p, array.rows, outcome) {}

  void run() {
    const std::int64_t R = array_.rows, C = array_.columns, N = p_.n(), K = p_.k(), M = p_.m();
    std::vector<Folds> folds;
    for (std::int64_t n = 0; n < N; n += R) {
      const Window window = window_of(n, std::min(N, n + R));
      append(folds, {std::min(R, N - n), window.pinned, window.each_time});
    }
    const std::int64_t untouched_words = untouched(touched_);
    std::int64_t inputs = untouched_words, weights = 0;
    sweep_blocks(M, C, [&](std::int64_t m, std::int64_t columns, std::int64_t times) {
      const std::int64_t tile = checked_product(K, columns), again = std::max<std::int64_t>(0, tile - array_.weight_half_words(a_));
      for (std::size_t f = 0; f < folds.size(); ++f) {
        const Folds& fold = folds[f];
        const std::int64_t words = fold.each_time + (m == 0 ? fold.pinned : 0), tile_words = f == 0 ? tile : again;
        inputs += times * fold.times * words, weights += times * fold.times * tile_words;
        const std::int64_t biases = f == 0 && !p_.bias.empty() ? columns : 0;
        meter_.add({static_cast<std::uint64_t>(K + R + C - 2), word_bits(words + tile_words + (m == 0 && f == 0 ? untouched_words : 0)) + sum_bits(biases),
                    sum_bits(fold.rows * columns)},
                   fold.times);
      }
    });
    finish(inputs, weights, 0);
  }
};

class InputStationary : Sweeping {
 public:
  InputStationary(const Accelerator& a, const SystolicArray& array, const Problem& p, Outcome& outcome) : Sweeping(a, array, p, array.columns, outcome) {}

  void run() {
    const std::int64_t R = array_.rows, C = array_.columns, N = p_.n(), K = p_.k(), M = p_.m();
    const std::int64_t k_folds = ceil_div(K, R), kept = std::min(array_.weight_half_words(a_), checked_product(K, M));
    // Folds between these borders are alike: the first and the last stand alone, and so does the one in which the kept weights end.
    std::vector<std::int64_t> borders = {0, 1, kept / (R * M), kept / (R * M) + 1, k_folds - 1, k_folds};
    std::ranges::sort(borders);
    const std::int64_t untouched_words = untouched(touched_);
    std::int64_t inputs = untouched_words, weights = 0, spilled = 0;
    for (std::int64_t n = 0; n < N; n += C) {
      const std::int64_t columns = std::min(C, N - n);
      const Window window = window_of(n, n + columns);
      const std::int64_t spill = std::max<std::int64_t>(0, checked_product(M, columns) - array_.output_half_words(a_));
      const std::int64_t words = window.pinned + window.each_time;
      inputs += words;
      spilled += checked_product(spill, k_folds - 1);
      for (std::size_t b = 0; b + 1 < borders.size(); ++b) {
        const std::int64_t times = std::min(borders[b + 1], k_folds) - borders[b];
        if (times <= 0) continue;
        const std::int64_t k = borders[b] * R, k1 = std::min(K, k + R);
        const bool last = k1 == K;
        // The window's words come evenly over its passes.
        const std::uint64_t input_bits = static_cast<std::uint64_t>(ceil_div(checked_product({words, a_.word_bits, k1 - k}), K));
        // Of this pass's weights, the part beyond what stays in the buffer.
        const std::int64_t tile = n == 0 ? (k1 - k) * M : std::max<std::int64_t>(0, k1 * M - std::max(k * M, kept));
        weights += times * tile;
        const std::int64_t out = last ? M * columns : spill, in = k == 0 ? 0 : spill;
        const std::int64_t biases = n == 0 && k == 0 && !p_.bias.empty() ? M : 0;
        meter_.add({static_cast<std::uint64_t>(M + 2 * R + C - 2), input_bits + word_bits(tile + (n == 0 && k == 0 ? untouched_words : 0)) + sum_bits(biases),
                    sum_bits(out + in)},
                   times);
      }
    }
    finish(inputs, weights, spilled);
  }
};

// Memory that never waits, and everything fits: each word crosses once.
bool stays_inside(const Accelerator& a, const SystolicArray& array, const Problem& p) {
  if (a.dram_bits_per_cycle) return false;
  const std::int64_t K = p.k(), M = p.m(), held = array.stationary == Stationary::input ? M : p.n();
  const std::int64_t inputs = checked_product({p.layer.in_channels_per_group(), p.batch, p.layer.in_height, p.layer.in_width});
  if (inputs > array.input_half_words(a)) return false;
  if (array.stationary != Stationary::weight && checked_product(K, M) > array.weight_half_words(a)) return false;
  return array.stationary == Stationary::output || checked_product(held, array.columns) <= array.output_half_words(a);
}

}  // namespace

void add_outer_memory(const Accelerator& accelerator, const SystolicArray& array, const Problem& problem, Outcome& outcome) {
  if (stays_inside(accelerator, array, problem)) {
    outcome.accesses.at(Level::dram, Operand::input).reads = static_cast<std::uint64_t>(checked_product(problem.batch, input_elements(problem.layer)));
    outcome.accesses.at(Level::dram, Operand::weight).reads = static_cast<std::uint64_t>(weight_count(problem.layer));
    return;
  }
  switch (array.stationary) {
    case Stationary::weight:
      return WeightStationary(accelerator, array, problem, outcome).run();
    case Stationary::input:
      return InputStationary(accelerator, array, problem, outcome).run();
    case Stationary::output:
      return OutputStationary(accelerator, array, problem, outcome).run();
  }
}

}  // namespace convroof::spatial::fast
