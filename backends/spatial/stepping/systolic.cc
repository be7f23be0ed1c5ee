#include "backends/spatial/stepping/systolic.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <vector>

#include "backends/spatial/stepping/memory.h"

namespace convroof::spatial::stepping {
namespace {

constexpr std::int32_t kNone = -1;

// An R x C field of registers, one kind.
template <typename T>
class Registers {
 public:
  Registers(std::int64_t rows, std::int64_t columns, T empty) : columns_(columns), values_(static_cast<std::size_t>(rows * columns), empty) {}
  T* row(std::int64_t r) { return values_.data() + r * columns_; }
  const T* row(std::int64_t r) const { return values_.data() + r * columns_; }
  void fill(T value) { std::ranges::fill(values_, value); }
  // Every register of the row takes its left neighbour's value; the first takes `edge`.
  void shift_right(std::int64_t r, T edge) {
    std::memmove(row(r) + 1, row(r), static_cast<std::size_t>(columns_ - 1) * sizeof(T));
    row(r)[0] = edge;
  }

 private:
  std::int64_t columns_;
  std::vector<T> values_;
};

std::uint64_t filled(const std::int32_t* indices, std::int64_t begin, std::int64_t end) {
  std::uint64_t count = 0;
  for (std::int64_t i = begin; i < end; ++i) count += indices[i] != kNone ? 1 : 0;
  return count;
}

// What both kinds of array share: the problem, the books, the clock.
class Machine {
 public:
  Machine(const Accelerator& a, const SystolicArray& array, const Problem& p, std::span<std::int64_t> output, const SystolicObserver& observer,
          std::int64_t pixels, bool sweeps)
      : a_(a), array_(array), p_(p), output_(output), observer_(observer), memory_(a, array, p, pixels, sweeps, outcome_) {}

 protected:
  // A word of the inputs for the array's edge: from the buffer, or a zero made on the spot.
  std::int16_t fetch_input(std::int64_t n, std::int64_t k) {
    const std::int64_t index = p_.input_index(group_, n, k);
    if (index < 0) {
      ++outcome_.padding_words;
      return 0;
    }
    memory_.input_used(index);
    return p_.input[static_cast<std::size_t>(index)];
  }
  std::int16_t fetch_weight(std::int64_t k, std::int64_t m) {
    ++count(Level::global, Operand::weight).reads;
    return p_.weights[static_cast<std::size_t>(p_.weight_index(group_, k, m))];
  }
  void finish(std::int64_t n, std::int64_t m, std::int64_t sum) {
    const std::int64_t index = p_.output_index(group_, n, m);
    output_[static_cast<std::size_t>(index)] = p_.finished(group_, m, sum);
    ++count(Level::global, Operand::output).writes;
    memory_.output_written();
    if (observer_) finished_.push_back(index);
  }
  // `macs` multiply-accumulates in one clock: both factors and the running sum come from the PE's registers, the sum goes back.
  void multiplied(std::uint64_t macs) {
    outcome_.macs += macs;
    count(Level::local, Operand::input).reads += macs;
    count(Level::local, Operand::weight).reads += macs;
    count(Level::local, Operand::psum).reads += macs;
    count(Level::local, Operand::psum).writes += macs;
  }
  Access& count(Level level, Operand operand) { return outcome_.accesses.at(level, operand); }
  void tick(bool loading, const std::function<SystolicCell(std::int64_t, std::int64_t)>& cell) {
    ++outcome_.cycles;
    if (observer_) observer_({outcome_.cycles, group_, pass_, loading, cell, finished_});
    finished_.clear();
  }
  void uses_pes(std::int64_t rows, std::int64_t columns) { outcome_.pe_active = std::max(outcome_.pe_active, static_cast<std::uint64_t>(rows * columns)); }

  const Accelerator& a_;
  const SystolicArray& array_;
  const Problem& p_;
  std::span<std::int64_t> output_;
  const SystolicObserver& observer_;
  Outcome outcome_;
  Memory memory_;
  std::int64_t group_ = 0, pass_ = 0;
  std::vector<std::int64_t> finished_;
};

// Weights or inputs stay. "Held": the stationary operand's other axis (m for weights, n for inputs); "streamed": the moving one's (n or m).
class StationaryOperand : Machine {
 public:
  StationaryOperand(const Accelerator& a, const SystolicArray& array, const Problem& p, std::span<std::int64_t> output, const SystolicObserver& observer)
      : Machine(a, array, p, output, observer, array.stationary == Stationary::input ? array.columns : 1, array.stationary == Stationary::input),
        weights_stay_(array.stationary == Stationary::weight),
        held_(array.rows, array.columns, 0),
        stream_(array.rows, array.columns, 0),
        stream_index_(array.rows, array.columns, kNone),
        psum_(array.rows, array.columns, 0),
        psum_index_(array.rows, array.columns, kNone) {}

  Outcome run() {
    const std::int64_t held = weights_stay_ ? p_.m() : p_.n(), streamed = weights_stay_ ? p_.n() : p_.m();
    waiting_.assign(static_cast<std::size_t>(streamed * array_.columns), 0);
    for (group_ = 0, pass_ = 0; group_ < p_.layer.groups; ++group_, pass_ = 0) {
      memory_.begin_group(group_);
      memory_.begin_sweep();
      for (std::int64_t q = 0; q < held; q += array_.columns) {
        if (!weights_stay_) memory_.begin_window();
        for (std::int64_t k = 0; k < p_.k(); k += array_.rows, ++pass_) {
          if (weights_stay_) memory_.begin_window();
          pass(q, std::min(array_.columns, held - q), k, std::min(array_.rows, p_.k() - k), streamed);
          if (weights_stay_) memory_.end_window();
        }
        if (!weights_stay_) memory_.end_window();
      }
      memory_.end_group();
    }
    outcome_.stall_cycles = memory_.stall_clocks();
    return outcome_;
  }

 private:
  void pass(std::int64_t q0, std::int64_t columns, std::int64_t k0, std::int64_t rows, std::int64_t streamed) {
    q0_ = q0, k0_ = k0, columns_ = columns, rows_ = rows;
    const bool first = k0 == 0, last = k0 + rows == p_.k();
    memory_.begin_pass(rows);
    if (!p_.bias.empty() && first && (weights_stay_ || q0 == 0)) memory_.biases_loaded(static_cast<std::uint64_t>(weights_stay_ ? columns : p_.m()));
    if (weights_stay_) memory_.weights_loaded(static_cast<std::uint64_t>(rows * columns));
    uses_pes(rows, columns);
    const std::uint64_t before = outcome_.cycles;
    load();
    stream_index_.fill(kNone), psum_index_.fill(kNone);
    // The last sum enters the last column at clock streamed - 1 + C - 1 and leaves the last row R - 1 clocks later.
    for (std::int64_t clock = 0; clock < streamed + array_.rows + array_.columns - 2; ++clock) step(clock, streamed, first, last);
    memory_.end_pass(outcome_.cycles - before);
  }

  // Shifts the held values in from above, the lowest row's first. R clocks whatever the rows in use: the control counts to the array's height.
  void load() {
    held_.fill(0);
    for (std::int64_t clock = 0; clock < array_.rows; ++clock) {
      for (std::int64_t r = array_.rows - 1; r > 0; --r) {
        std::memcpy(held_.row(r), held_.row(r - 1), static_cast<std::size_t>(array_.columns) * sizeof(std::int16_t));
        // Row r now holds what is meant for the row (clocks still to come) below it; only values that are meant for rows in use are moves.
        const std::int64_t target = r + array_.rows - 1 - clock;
        if (target < rows_) count(Level::array, weights_stay_ ? Operand::weight : Operand::input).reads += static_cast<std::uint64_t>(columns_);
      }
      const std::int64_t row = array_.rows - 1 - clock;
      for (std::int64_t c = 0; c < columns_; ++c)
        held_.row(0)[c] = row >= rows_ ? std::int16_t{0} : weights_stay_ ? fetch_weight(k0_ + row, q0_ + c) : fetch_input(q0_ + c, k0_ + row);
      tick(true, [&](std::int64_t, std::int64_t) { return SystolicCell{}; });
    }
  }

  void step(std::int64_t clock, std::int64_t streamed, bool first, bool last) {
    std::uint64_t macs = 0, stream_moves = 0, psum_moves = 0;
    for (std::int64_t r = array_.rows - 1; r >= 0; --r) {
      const std::int64_t entering = clock - r;  // skew: one clock later per row
      const bool enters = r < rows_ && entering >= 0 && entering < streamed;
      stream_.shift_right(r, enters ? (weights_stay_ ? fetch_input(entering, k0_ + r) : stream_weight(k0_ + r, entering)) : std::int16_t{0});
      stream_index_.shift_right(r, enters ? static_cast<std::int32_t>(entering) : kNone);
      // Columns out of use are not clocked: what would move into them stops.
      std::fill(stream_index_.row(r) + columns_, stream_index_.row(r) + array_.columns, kNone);

      std::int64_t* sums = psum_.row(r);
      std::int32_t* indices = psum_index_.row(r);
      if (r == 0) {
        for (std::int64_t c = 0; c < columns_; ++c) {
          const std::int64_t t = clock - c;  // skew: one clock later per column
          const bool starts = t >= 0 && t < streamed;
          indices[c] = starts ? static_cast<std::int32_t>(t) : kNone;
          sums[c] = starts && !first ? read_back(t, c) : 0;
        }
      } else {
        std::memcpy(sums, psum_.row(r - 1), static_cast<std::size_t>(columns_) * sizeof(std::int64_t));
        std::memcpy(indices, psum_index_.row(r - 1), static_cast<std::size_t>(columns_) * sizeof(std::int32_t));
        psum_moves += filled(indices, 0, columns_);
      }
      if (r < rows_) {
        const std::int16_t* held = held_.row(r);
        const std::int16_t* stream = stream_.row(r);
        const std::int32_t* stream_indices = stream_index_.row(r);
        for (std::int64_t c = 0; c < columns_; ++c) {
          assert(stream_indices[c] == indices[c]);  // a sum meets its own factor
          if (stream_indices[c] != kNone) sums[c] += std::int64_t{held[c]} * stream[c];
        }
        macs += filled(stream_indices, 0, columns_);
        stream_moves += filled(stream_indices, 1, columns_);
      }
    }
    multiplied(macs);
    count(Level::array, weights_stay_ ? Operand::input : Operand::weight).reads += stream_moves;
    count(Level::array, Operand::psum).reads += psum_moves;
    const std::int32_t* leaving = psum_index_.row(array_.rows - 1);
    for (std::int64_t c = 0; c < columns_; ++c) {
      if (leaving[c] == kNone) continue;
      const std::int64_t sum = psum_.row(array_.rows - 1)[c];
      if (last)
        weights_stay_ ? finish(leaving[c], q0_ + c, sum) : finish(q0_ + c, leaving[c], sum);
      else
        put_by(leaving[c], c, sum);
    }
    tick(false, [&](std::int64_t r, std::int64_t c) { return cell(r, c); });
  }

  std::int16_t stream_weight(std::int64_t k, std::int64_t m) {
    // The weights of a group pass once for each block of inputs; the first words that fit the buffer's half stay from the first time on.
    if (const std::int64_t place = k * p_.m() + m; q0_ == 0 || place >= array_.weight_half_words(a_)) memory_.weights_loaded(1);
    return fetch_weight(k, m);
  }

  // Partial sums wait in the output buffer; those beyond its half wait outside.
  bool waits_outside(std::int64_t t, std::int64_t c) const { return t * columns_ + c >= array_.output_half_words(a_); }
  void put_by(std::int64_t t, std::int64_t c, std::int64_t sum) {
    ++count(Level::global, Operand::psum).writes;
    if (waits_outside(t, c)) memory_.psum_written_out();
    waiting_[static_cast<std::size_t>(t * array_.columns + c)] = sum;
  }
  std::int64_t read_back(std::int64_t t, std::int64_t c) {
    ++count(Level::global, Operand::psum).reads;
    if (waits_outside(t, c)) memory_.psum_read_in();
    return waiting_[static_cast<std::size_t>(t * array_.columns + c)];
  }

  SystolicCell cell(std::int64_t r, std::int64_t c) const {
    SystolicCell result;
    const std::int32_t t = stream_index_.row(r)[c];
    if (r >= rows_ || c >= columns_ || t == kNone) return result;
    result.multiplies = true;
    result.k = k0_ + r;
    result.n = weights_stay_ ? t : q0_ + c, result.m = weights_stay_ ? q0_ + c : t;
    result.input = weights_stay_ ? stream_.row(r)[c] : held_.row(r)[c];
    result.weight = weights_stay_ ? held_.row(r)[c] : stream_.row(r)[c];
    result.sum = psum_.row(r)[c];
    return result;
  }

  const bool weights_stay_;
  Registers<std::int16_t> held_, stream_;
  Registers<std::int32_t> stream_index_;
  Registers<std::int64_t> psum_;
  Registers<std::int32_t> psum_index_;
  std::vector<std::int64_t> waiting_;
  std::int64_t q0_ = 0, k0_ = 0, columns_ = 0, rows_ = 0;
};

// Outputs stay: rows are pixels, columns are filters, the reduction streams.
class StationaryOutput : Machine {
 public:
  StationaryOutput(const Accelerator& a, const SystolicArray& array, const Problem& p, std::span<std::int64_t> output, const SystolicObserver& observer)
      : Machine(a, array, p, output, observer, array.rows, true),
        input_(array.rows, array.columns, 0),
        weight_(array.rows, array.columns, 0),
        input_k_(array.rows, array.columns, kNone),
        weight_k_(array.rows, array.columns, kNone),
        sum_(array.rows, array.columns, 0) {}

  Outcome run() {
    for (group_ = 0, pass_ = 0; group_ < p_.layer.groups; ++group_, pass_ = 0) {
      memory_.begin_group(group_);
      for (std::int64_t m = 0; m < p_.m(); m += array_.columns) {
        memory_.begin_sweep();
        for (std::int64_t n = 0; n < p_.n(); n += array_.rows, ++pass_) {
          memory_.begin_window();
          pass(n, std::min(array_.rows, p_.n() - n), m, std::min(array_.columns, p_.m() - m));
          memory_.end_window();
        }
      }
      memory_.end_group();
    }
    outcome_.stall_cycles = memory_.stall_clocks();
    return outcome_;
  }

 private:
  void pass(std::int64_t n0, std::int64_t rows, std::int64_t m0, std::int64_t columns) {
    n0_ = n0, m0_ = m0, rows_ = rows, columns_ = columns;
    memory_.begin_pass(rows);
    if (!p_.bias.empty() && n0 == 0) memory_.biases_loaded(static_cast<std::uint64_t>(columns));
    uses_pes(rows, columns);
    const std::uint64_t before = outcome_.cycles;
    input_k_.fill(kNone), weight_k_.fill(kNone), sum_.fill(0);
    for (std::int64_t clock = 0; clock < p_.k() + array_.rows + array_.columns - 2; ++clock) step(clock);
    memory_.end_pass(outcome_.cycles - before);
  }

  void step(std::int64_t clock) {
    std::uint64_t macs = 0, input_moves = 0, weight_moves = 0;
    for (std::int64_t r = rows_ - 1; r >= 0; --r) {
      const std::int64_t k = clock - r;
      const bool enters = k >= 0 && k < p_.k();
      input_.shift_right(r, enters ? fetch_input(n0_ + r, k) : std::int16_t{0});
      input_k_.shift_right(r, enters ? static_cast<std::int32_t>(k) : kNone);
      std::fill(input_k_.row(r) + columns_, input_k_.row(r) + array_.columns, kNone);
      input_moves += filled(input_k_.row(r), 1, columns_);
      if (r == 0) {
        for (std::int64_t c = 0; c < columns_; ++c) {
          const std::int64_t at = clock - c;
          const bool starts = at >= 0 && at < p_.k();
          weight_.row(0)[c] = starts ? stream_weight(at, m0_ + c, c) : std::int16_t{0};
          weight_k_.row(0)[c] = starts ? static_cast<std::int32_t>(at) : kNone;
        }
      } else {
        std::memcpy(weight_.row(r), weight_.row(r - 1), static_cast<std::size_t>(columns_) * sizeof(std::int16_t));
        std::memcpy(weight_k_.row(r), weight_k_.row(r - 1), static_cast<std::size_t>(columns_) * sizeof(std::int32_t));
        weight_moves += filled(weight_k_.row(r), 0, columns_);
      }
      for (std::int64_t c = 0; c < columns_; ++c) {
        assert(input_k_.row(r)[c] == weight_k_.row(r)[c]);  // both factors belong to the same product
        if (input_k_.row(r)[c] == kNone) continue;
        sum_.row(r)[c] += std::int64_t{input_.row(r)[c]} * weight_.row(r)[c];
        ++macs;
        if (input_k_.row(r)[c] == p_.k() - 1) finish(n0_ + r, m0_ + c, sum_.row(r)[c]);
      }
    }
    multiplied(macs);
    count(Level::array, Operand::input).reads += input_moves;
    count(Level::array, Operand::weight).reads += weight_moves;
    tick(false, [&](std::int64_t r, std::int64_t c) { return cell(r, c); });
  }

  std::int16_t stream_weight(std::int64_t k, std::int64_t m, std::int64_t c) {
    if (const std::int64_t place = k * columns_ + c; n0_ == 0 || place >= array_.weight_half_words(a_)) memory_.weights_loaded(1);
    return fetch_weight(k, m);
  }

  SystolicCell cell(std::int64_t r, std::int64_t c) const {
    if (r >= rows_ || c >= columns_ || input_k_.row(r)[c] == kNone) return {};
    return {true, n0_ + r, input_k_.row(r)[c], m0_ + c, input_.row(r)[c], weight_.row(r)[c], sum_.row(r)[c]};
  }

  Registers<std::int16_t> input_, weight_;
  Registers<std::int32_t> input_k_, weight_k_;
  Registers<std::int64_t> sum_;
  std::int64_t n0_ = 0, m0_ = 0, rows_ = 0, columns_ = 0;
};

}  // namespace

Outcome run(const Accelerator& accelerator, const SystolicArray& array, const Problem& problem, std::span<std::int64_t> output,
            const SystolicObserver& observer) {
  if (array.stationary == Stationary::output) return StationaryOutput(accelerator, array, problem, output, observer).run();
  return StationaryOperand(accelerator, array, problem, output, observer).run();
}

}  // namespace convroof::spatial::stepping
