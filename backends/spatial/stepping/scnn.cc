#include "backends/spatial/stepping/scnn.h"

#include <algorithm>
#include <deque>
#include <vector>

#include "backends/spatial/stepping/bus.h"

namespace convroof::spatial::stepping {
namespace {

using State = ScnnPeClock::State;

// A stored input or weight. A placeholder has no value.
struct Entry {
  std::int64_t value = 0;
  std::int64_t row = 0, column = 0;  // of an input in its plane; of a weight in its filter
  std::int64_t filter = 0;           // weight: within the block of filters
};
using Entries = std::vector<Entry>;

// Writes one stream in its stored form.
class Compressor {
 public:
  explicit Compressor(const Scnn& a) : a_(a) {}
  void add(const Entry& entry) {
    if (entry.value == 0) {
      ++zeros_;
      return;
    }
    for (std::int64_t i = 0; i < a_.placeholders(zeros_); ++i) entries_.emplace_back(), ++placeholders;
    entries_.push_back(entry);
    zeros_ = 0;
  }
  Entries take() { return std::move(entries_); }
  std::uint64_t placeholders = 0;

 private:
  const Scnn& a_;
  Entries entries_;
  std::int64_t zeros_ = 0;
};

class Base {
 protected:
  Base(const Accelerator& shared, const Scnn& a, const Problem& p, std::span<std::int64_t> output, const ScnnObserver& observer)
      : shared_(shared), a_(a), p_(p), l_(p.layer), output_(output), observer_(observer), pes_now_(static_cast<std::size_t>(a.pes())) {
    o_.counts = {{"contention_clocks", 0}, {"drain_clocks", 0},       {"macs_useful", 0},
                 {"pe_wait_clocks", 0},    {"placeholder_inputs", 0}, {"placeholder_weights", 0}};
  }
  Access& count(Level level, Operand operand) { return o_.accesses.at(level, operand); }
  void load_entries(Operand operand, std::uint64_t entries) {
    count(Level::dram, operand).reads += entries;
    stages_.back().load_bits += entries * static_cast<std::uint64_t>(shared_.word_bits + a_.index_bits);
  }
  void load_biases(std::int64_t filters) {
    if (p_.bias.empty()) return;
    count(Level::dram, Operand::psum).reads += static_cast<std::uint64_t>(filters);
    stages_.back().load_bits += static_cast<std::uint64_t>(filters) * static_cast<std::uint64_t>(shared_.accumulator.bits);
  }
  void finish(std::int64_t index, std::int64_t group, std::int64_t filter, std::int64_t sum) {
    output_[static_cast<std::size_t>(index)] = p_.finished(group, filter, sum);
    ++count(Level::global, Operand::output).writes;
    ++count(Level::dram, Operand::output).writes;
    finished_.push_back(index);
  }
  void tick(std::int64_t image, std::int64_t group, std::int64_t first_filter) {
    ++o_.cycles;
    for (const ScnnPeClock& pe : pes_now_) o_.counts["pe_wait_clocks"] += pe.state == State::waits ? 1 : 0;
    if (std::ranges::all_of(pes_now_, [](const ScnnPeClock& pe) { return pe.state == State::waits; })) ++o_.counts["drain_clocks"];
    if (observer_) observer_({o_.cycles, image, group, first_filter, pes_now_, finished_});
    finished_.clear();
  }

  const Accelerator& shared_;
  const Scnn& a_;
  const Problem& p_;
  const LayerSpec& l_;
  std::span<std::int64_t> output_;
  const ScnnObserver& observer_;
  Outcome o_;
  std::vector<Stage> stages_;
  std::vector<ScnnPeClock> pes_now_;
  std::vector<std::int64_t> finished_;
};

class Planar : Base {
 public:
  Planar(const Accelerator& shared, const Scnn& a, const Problem& p, std::span<std::int64_t> output, const ScnnObserver& observer)
      : Base(shared, a, p, output, observer), plan_(a, p.layer), pes_(static_cast<std::size_t>(a.pes())) {
    for (std::int64_t i = 0; i < a.pes(); ++i) {
      Pe& pe = pes_[static_cast<std::size_t>(i)];
      pe.row = i / a.pe_columns, pe.column = i % a.pe_columns;
      pe.has_inputs = plan_.rows.in_first(pe.row) < plan_.rows.in_last(pe.row) && plan_.columns.in_first(pe.column) < plan_.columns.in_last(pe.column);
      if (pe.has_inputs) o_.pe_active += static_cast<std::uint64_t>(a.weights * a.inputs);
      pe.sums.resize(static_cast<std::size_t>(plan_.filters_at_once * plan_.sums_high * plan_.sums_wide));
    }
  }

  Outcome run() {
    const std::int64_t M = p_.m();
    for (std::int64_t image = 0; image < p_.batch; ++image)
      for (std::int64_t group = 0; group < l_.groups; ++group) {
        store_inputs(image, group);
        for (std::int64_t first = 0; first < M; first += plan_.filters_at_once) {
          block_ = {image, group, first, std::min(plan_.filters_at_once, M - first)};
          stages_.emplace_back();
          load_biases(block_.filters);
          fetch_inputs(first == 0);
          store_weights();
          compute_block();
          hand_over();
        }
      }
    stages_.emplace_back();
    const std::uint64_t before = o_.cycles;
    while (drain_goes_on()) {
      std::ranges::fill(pes_now_, ScnnPeClock{});
      drain_clock();
      tick(block_.image, block_.group, block_.first);
    }
    end_drain();
    stages_.back().clocks = o_.cycles - before;
    o_.stall_cycles = bus_stalls(shared_.dram_bits_per_cycle, stages_);
    return o_;
  }

 private:
  struct Block {
    std::int64_t image = 0, group = 0, first = 0, filters = 0;
  };
  struct Product {
    std::int64_t bank = 0, place = 0, input = 0, weight = 0;
  };
  struct HaloSum {
    std::int64_t filter = 0, row = 0, column = 0;  // of the output plane
    std::int64_t value = 0;
  };
  struct Pe {
    std::int64_t row = 0, column = 0;
    bool has_inputs = false;
    std::vector<Entries> inputs;     // by channel and phase
    std::vector<std::int64_t> sums;  // by filter of the block, row, column of its reach
    std::deque<HaloSum> leaving;     // of the block before
    // Where it is in the block.
    std::size_t stream = 0, input_at = 0, weight_at = 0;  // channel and phase; first entry of the vectors
    bool done = false;
    std::vector<Product> queue;
  };

  std::int64_t phases() const { return l_.stride_height * l_.stride_width; }
  std::size_t stream_of(std::int64_t channel, std::int64_t phase) const { return static_cast<std::size_t>(channel * phases() + phase); }

  void store_inputs(std::int64_t image, std::int64_t group) {
    const std::int64_t channels = l_.in_channels_per_group();
    for (Pe& pe : pes_) {
      pe.inputs.assign(static_cast<std::size_t>(channels * phases()), {});
      for (std::int64_t c = 0; c < channels; ++c)
        for (std::int64_t phase = 0; phase < phases(); ++phase) {
          Compressor stream(a_);
          for (std::int64_t y = plan_.rows.in_first(pe.row); y < plan_.rows.in_last(pe.row); ++y)
            for (std::int64_t x = plan_.columns.in_first(pe.column); x < plan_.columns.in_last(pe.column); ++x) {
              if ((y + l_.pad_top) % l_.stride_height != phase / l_.stride_width || (x + l_.pad_left) % l_.stride_width != phase % l_.stride_width) continue;
              const std::int64_t index = ((image * l_.in_channels + group * channels + c) * l_.in_height + y) * l_.in_width + x;
              stream.add({p_.input[static_cast<std::size_t>(index)], y, x, 0});
            }
          o_.counts["placeholder_inputs"] += stream.placeholders;
          pe.inputs[stream_of(c, phase)] = stream.take();
        }
    }
  }

  // What does not fit a PE's input RAM, counted from the first channel, comes again for every block of filters.
  void fetch_inputs(bool all) {
    for (const Pe& pe : pes_) {
      std::uint64_t held_bits = 0;
      bool fits = true;
      for (std::int64_t c = 0; c < l_.in_channels_per_group(); ++c) {
        std::uint64_t entries = 0;
        for (std::int64_t phase = 0; phase < phases(); ++phase) entries += pe.inputs[stream_of(c, phase)].size();
        held_bits += entries * static_cast<std::uint64_t>(shared_.word_bits + a_.index_bits);
        if (a_.input_ram_bytes && held_bits > static_cast<std::uint64_t>(*a_.input_ram_bytes) * 8) fits = false;
        if (all || !fits) load_entries(Operand::input, entries);
      }
    }
  }

  void store_weights() {
    const std::int64_t channels = l_.in_channels_per_group();
    weights_.assign(static_cast<std::size_t>(channels * phases()), {});
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t phase = 0; phase < phases(); ++phase) {
        Compressor stream(a_);
        const auto add = [&](std::int64_t filter, std::int64_t r, std::int64_t s) {
          if (r * l_.dilation_height % l_.stride_height != phase / l_.stride_width || s * l_.dilation_width % l_.stride_width != phase % l_.stride_width)
            return;
          const std::int64_t k = (c * l_.kernel_height + r) * l_.kernel_width + s;
          stream.add({p_.weights[static_cast<std::size_t>(p_.weight_index(block_.group, k, block_.first + filter))], r, s, filter});
        };
        if (a_.neighbours == Neighbours::filters) {
          for (std::int64_t r = 0; r < l_.kernel_height; ++r)
            for (std::int64_t s = 0; s < l_.kernel_width; ++s)
              for (std::int64_t f = 0; f < block_.filters; ++f) add(f, r, s);
        } else {
          for (std::int64_t f = 0; f < block_.filters; ++f)
            for (std::int64_t r = 0; r < l_.kernel_height; ++r)
              for (std::int64_t s = 0; s < l_.kernel_width; ++s) add(f, r, s);
        }
        if (block_.image == 0) o_.counts["placeholder_weights"] += stream.placeholders;
        Entries& stored = weights_[stream_of(c, phase)];
        stored = stream.take();
        fetch_weights(stored.size(), stream_of(c, phase));
      }
  }

  void fetch_weights(std::size_t entries, std::size_t stream) {
    std::uint64_t times = 1;
    const std::size_t vectors = (entries + static_cast<std::size_t>(a_.weights) - 1) / static_cast<std::size_t>(a_.weights);
    if (a_.weight_fifo_vectors && vectors > static_cast<std::size_t>(*a_.weight_fifo_vectors))
      for (const Pe& pe : pes_) {
        const auto width = static_cast<std::size_t>(a_.inputs);
        times = std::max<std::uint64_t>(times, (pe.inputs[stream].size() + width - 1) / width);
      }
    load_entries(Operand::weight, entries * times);
    for (const Pe& pe : pes_)
      if (pe.has_inputs) count(Level::local, Operand::weight).writes += entries * times;
  }

  void compute_block() {
    const std::uint64_t before = o_.cycles;
    for (Pe& pe : pes_) {
      std::ranges::fill(pe.sums, 0);
      pe.stream = pe.input_at = pe.weight_at = 0;
      pe.done = false;
      find_work(pe);
    }
    const auto works = [](const Pe& pe) { return !pe.done || !pe.queue.empty(); };
    while (std::ranges::any_of(pes_, works) || drain_goes_on()) {
      for (std::size_t i = 0; i < pes_.size(); ++i) pes_now_[i] = {}, pe_clock(pes_[i], pes_now_[i]);
      if (drain_goes_on()) drain_clock();
      tick(block_.image, block_.group, block_.first);
    }
    end_drain();
    stages_.back().clocks = o_.cycles - before;
  }

  // Passes over streams where inputs or weights are missing; that takes no clock.
  void find_work(Pe& pe) {
    while (pe.stream < weights_.size() && (weights_[pe.stream].empty() || pe.inputs[pe.stream].empty())) ++pe.stream;
    if (pe.stream == weights_.size()) pe.done = true;
  }

  void pe_clock(Pe& pe, ScnnPeClock& now) {
    if (!pe.queue.empty()) {
      now.state = State::queues;
      ++o_.counts["contention_clocks"];
    } else if (!pe.done) {
      now.state = State::multiplies;
      multiply(pe, now);
    } else {
      return;
    }
    // Every bank takes the first product that waits for it; without contention it takes all.
    std::vector<bool> busy(static_cast<std::size_t>(a_.banks), false);
    std::vector<Product> rest;
    for (const Product& product : pe.queue) {
      if (a_.contention && busy[static_cast<std::size_t>(product.bank)]) {
        rest.push_back(product);
        continue;
      }
      busy[static_cast<std::size_t>(product.bank)] = true;
      std::int64_t& sum = pe.sums[static_cast<std::size_t>(product.place)];
      ++count(Level::local, Operand::psum).reads;
      sum = shared_.accumulator.add(sum, product.input, product.weight);
      ++count(Level::local, Operand::psum).writes;
      ++now.stored;
    }
    pe.queue = std::move(rest);
  }

  void multiply(Pe& pe, ScnnPeClock& now) {
    const Entries &inputs = pe.inputs[pe.stream], &weights = weights_[pe.stream];
    const std::size_t inputs_end = std::min(inputs.size(), pe.input_at + static_cast<std::size_t>(a_.inputs));
    const std::size_t weights_end = std::min(weights.size(), pe.weight_at + static_cast<std::size_t>(a_.weights));
    now.channel = static_cast<std::int64_t>(pe.stream) / phases();
    if (pe.weight_at == 0) count(Level::global, Operand::input).reads += inputs_end - pe.input_at;
    count(Level::local, Operand::weight).reads += weights_end - pe.weight_at;
    for (std::size_t i = pe.input_at; i < inputs_end; ++i)
      for (std::size_t w = pe.weight_at; w < weights_end; ++w)
        if (inputs[i].value != 0 && weights[w].value != 0) pe.queue.push_back(product_of(pe, inputs[i], weights[w])), ++now.products;
    o_.macs += static_cast<std::uint64_t>(now.products);
    pe.weight_at = weights_end;
    if (pe.weight_at < weights.size()) return;
    pe.weight_at = 0, pe.input_at = inputs_end;
    if (pe.input_at < inputs.size()) return;
    pe.input_at = 0, ++pe.stream;
    find_work(pe);
  }

  Product product_of(const Pe& pe, const Entry& input, const Entry& weight) {
    const std::int64_t y = (input.row + l_.pad_top - weight.row * l_.dilation_height) / l_.stride_height - plan_.rows.reach_first(pe.row);
    const std::int64_t x = (input.column + l_.pad_left - weight.column * l_.dilation_width) / l_.stride_width - plan_.columns.reach_first(pe.column);
    const std::int64_t oy = y + plan_.rows.reach_first(pe.row), ox = x + plan_.columns.reach_first(pe.column);
    if (oy >= 0 && oy < l_.out_height && ox >= 0 && ox < l_.out_width) ++o_.counts["macs_useful"];
    return {(a_.inputs * weight.filter + y * plan_.bank_row + x) % a_.banks, (weight.filter * plan_.sums_high + y) * plan_.sums_wide + x, input.value,
            weight.value};
  }

  // The block is done: its own sums go to the outputs' side, those of the halo queue for their way.
  void hand_over() {
    draining_ = block_;
    owned_.assign(static_cast<std::size_t>(block_.filters * l_.out_height * l_.out_width), 0);
    for (Pe& pe : pes_) {
      if (!pe.has_inputs) continue;
      const std::int64_t y0 = plan_.rows.reach_first(pe.row), x0 = plan_.columns.reach_first(pe.column);
      for (std::int64_t f = 0; f < block_.filters; ++f)
        for (std::int64_t y = std::max<std::int64_t>(0, y0); y < std::min(l_.out_height, plan_.rows.reach_last(pe.row)); ++y)
          for (std::int64_t x = std::max<std::int64_t>(0, x0); x < std::min(l_.out_width, plan_.columns.reach_last(pe.column)); ++x) {
            const std::int64_t sum = pe.sums[static_cast<std::size_t>((f * plan_.sums_high + y - y0) * plan_.sums_wide + x - x0)];
            ++count(Level::local, Operand::psum).reads;
            if (plan_.rows.owner(y) == pe.row && plan_.columns.owner(x) == pe.column)
              owned(f, y, x) = sum;
            else
              pe.leaving.push_back({f, y, x, sum});
          }
    }
  }

  std::int64_t& owned(std::int64_t f, std::int64_t y, std::int64_t x) { return owned_[static_cast<std::size_t>((f * l_.out_height + y) * l_.out_width + x)]; }
  bool drain_goes_on() const {
    return std::ranges::any_of(pes_, [](const Pe& pe) { return !pe.leaving.empty(); });
  }
  void drain_clock() {
    for (std::size_t i = 0; i < pes_.size(); ++i) {
      if (pes_[i].leaving.empty()) continue;
      const HaloSum sum = pes_[i].leaving.front();
      pes_[i].leaving.pop_front();
      ++count(Level::array, Operand::psum).reads;
      ++count(Level::local, Operand::psum).reads;
      ++count(Level::local, Operand::psum).writes;
      std::int64_t& to = owned(sum.filter, sum.row, sum.column);
      to = shared_.accumulator.fit(to + sum.value);
      ++pes_now_[i].sent;
    }
  }
  void end_drain() {
    if (draining_.filters == 0) return;
    for (std::int64_t f = 0; f < draining_.filters; ++f)
      for (std::int64_t y = 0; y < l_.out_height; ++y)
        for (std::int64_t x = 0; x < l_.out_width; ++x) {
          const std::int64_t filter = draining_.first + f;
          finish(p_.output_index(draining_.group, (draining_.image * l_.out_height + y) * l_.out_width + x, filter), draining_.group, filter, owned(f, y, x));
          stages_.back().flow_bits += static_cast<std::uint64_t>(shared_.output_bits);
        }
    draining_.filters = 0;
  }

  const ScnnPlan plan_;
  std::vector<Pe> pes_;
  std::vector<Entries> weights_;  // of the block, by channel and phase
  Block block_, draining_;
  std::vector<std::int64_t> owned_;  // sums of the block before, by filter and output pixel, at their owners
};

// Fully connected: an input goes to all PEs, each has filters of its own.
class Flat : Base {
 public:
  Flat(const Accelerator& shared, const Scnn& a, const Problem& p, std::span<std::int64_t> output, const ScnnObserver& observer)
      : Base(shared, a, p, output, observer), share_(ceil_div(p.m(), a.pes())), pes_(static_cast<std::size_t>(ceil_div(p.m(), share_))) {
    o_.pe_active = pes_.size() * static_cast<std::size_t>(a.weights);
  }

  Outcome run() {
    for (std::int64_t image = 0; image < p_.batch; ++image) {
      stages_.emplace_back();
      if (image > 0) stages_.back().flow_bits = output_bits();
      load_biases(p_.m());
      store(image);
      const std::uint64_t before = o_.cycles;
      while (std::ranges::any_of(pes_, [&](const Pe& pe) { return pe.at < inputs_.size(); })) {
        for (std::size_t i = 0; i < pes_now_.size(); ++i) {
          pes_now_[i] = {};
          if (i < pes_.size() && pes_[i].at < inputs_.size()) pe_clock(pes_[i], pes_now_[i]);
        }
        tick(image, 0, 0);
      }
      stages_.back().clocks = o_.cycles - before;
      for (std::int64_t m = 0; m < p_.m(); ++m)
        finish(p_.output_index(0, image, m), 0, m, pes_[static_cast<std::size_t>(m / share_)].sums[static_cast<std::size_t>(m % share_)]);
    }
    stages_.push_back({0, 0, output_bits()});
    o_.stall_cycles = bus_stalls(shared_.dram_bits_per_cycle, stages_);
    return o_;
  }

 private:
  struct Pe {
    std::vector<Entries> columns;    // weights by input
    std::vector<std::int64_t> sums;  // by filter of its own
    std::size_t at = 0, weight_at = 0;
  };

  std::uint64_t output_bits() const { return static_cast<std::uint64_t>(p_.m()) * static_cast<std::uint64_t>(shared_.output_bits); }

  void store(std::int64_t image) {
    Compressor stream(a_);
    for (std::int64_t k = 0; k < p_.k(); ++k) stream.add({p_.input[static_cast<std::size_t>(image * p_.k() + k)], k, 0, 0});
    o_.counts["placeholder_inputs"] += stream.placeholders;
    inputs_ = stream.take();
    load_entries(Operand::input, inputs_.size());
    for (std::size_t i = 0; i < pes_.size(); ++i) {
      Pe& pe = pes_[i];
      const std::int64_t first = static_cast<std::int64_t>(i) * share_, last = std::min(p_.m(), first + share_);
      pe.sums.assign(static_cast<std::size_t>(share_), 0);
      pe.columns.clear();
      pe.at = pe.weight_at = 0;
      for (std::int64_t k = 0; k < p_.k(); ++k) {
        Compressor column(a_);
        for (std::int64_t m = first; m < last; ++m) column.add({p_.weights[static_cast<std::size_t>(p_.weight_index(0, k, m))], 0, 0, m - first});
        if (image == 0) o_.counts["placeholder_weights"] += column.placeholders;
        pe.columns.push_back(column.take());
        load_entries(Operand::weight, pe.columns.back().size());
        count(Level::local, Operand::weight).writes += pe.columns.back().size();
      }
    }
  }

  // A placeholder, or an input without weights, passes in one clock.
  void pe_clock(Pe& pe, ScnnPeClock& now) {
    now.state = State::multiplies;
    const Entry& input = inputs_[pe.at];
    if (pe.weight_at == 0) ++count(Level::global, Operand::input).reads;
    if (input.value == 0 || pe.columns[static_cast<std::size_t>(input.row)].empty()) {
      ++pe.at;
      return;
    }
    const Entries& weights = pe.columns[static_cast<std::size_t>(input.row)];
    const std::size_t end = std::min(weights.size(), pe.weight_at + static_cast<std::size_t>(a_.weights));
    for (; pe.weight_at < end; ++pe.weight_at) {
      ++count(Level::local, Operand::weight).reads;
      const Entry& weight = weights[pe.weight_at];
      if (weight.value == 0) continue;
      std::int64_t& sum = pe.sums[static_cast<std::size_t>(weight.filter)];
      sum = shared_.accumulator.add(sum, input.value, weight.value);
      ++count(Level::local, Operand::psum).reads;
      ++count(Level::local, Operand::psum).writes;
      ++o_.macs, ++o_.counts["macs_useful"];
      ++now.products, ++now.stored;
    }
    if (pe.weight_at == weights.size()) pe.weight_at = 0, ++pe.at;
  }

  const std::int64_t share_;
  std::vector<Pe> pes_;  // with filters
  Entries inputs_;
};

}  // namespace

Outcome run(const Accelerator& shared, const Scnn& array, const Problem& problem, std::span<std::int64_t> output, const ScnnObserver& observer) {
  if (ScnnPlan::is_flat(problem.layer)) return Flat(shared, array, problem, output, observer).run();
  return Planar(shared, array, problem, output, observer).run();
}

}  // namespace convroof::spatial::stepping
