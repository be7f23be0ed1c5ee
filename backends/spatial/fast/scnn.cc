#include "backends/spatial/fast/scnn.h"

#include <algorithm>
#include <vector>

#include "backends/spatial/fast/bank_conflicts.h"
#include "backends/spatial/fast/non_zero_pairs.h"
#include "backends/spatial/fast/stall_meter.h"

namespace convroof::spatial::fast {
namespace {

// A compressed stream, as far as clocks depend on it.
struct Stream {
  std::int64_t entries = 0, real = 0;  // with and without placeholders
  std::vector<BankPattern> patterns;   // of its vectors; empty without contention

  std::int64_t vectors(std::int64_t width) const { return ceil_div(entries, width); }
};

// Takes one stream's values in order. `number`: what the value adds to the number of its products' bank.
class StreamCounter {
 public:
  StreamCounter(const Scnn& a, std::int64_t width) : a_(a), width_(width) {}

  void add(bool is_zero, std::int64_t number) {
    if (is_zero) {
      ++zeros_;
      return;
    }
    for (std::int64_t i = a_.placeholders(zeros_); i > 0; --i) place();
    zeros_ = 0;
    ++stream_.real;
    if (a_.contention) numbers_.push_back(number);
    place();
  }
  Stream take() {
    if (stream_.entries % width_ != 0) end_vector();
    merge(stream_.patterns);
    return std::move(stream_);
  }

 private:
  void place() {
    if (++stream_.entries % width_ == 0) end_vector();
  }
  void end_vector() {
    if (!a_.contention) return;
    stream_.patterns.emplace_back(numbers_, a_.banks);
    numbers_.clear();
  }

  const Scnn& a_;
  const std::int64_t width_;
  Stream stream_;
  std::int64_t zeros_ = 0;
  std::vector<std::int64_t> numbers_;
};

class Planar {
 public:
  Planar(const Accelerator& shared, const Scnn& a, const Problem& p, int threads)
      : shared_(shared),
        a_(a),
        p_(p),
        l_(p.layer),
        plan_(a, p.layer),
        threads_(threads),
        channels_(l_.in_channels_per_group()),
        phases_(l_.stride_height * l_.stride_width),
        meter_(shared.dram_bits_per_cycle) {
    for (std::int64_t row = 0; row < a.pe_rows; ++row)
      for (std::int64_t column = 0; column < a.pe_columns; ++column)
        if (plan_.rows.in_first(row) < plan_.rows.in_last(row) && plan_.columns.in_first(column) < plan_.columns.in_last(column)) pes_.push_back({row, column});
  }

  Outcome run() {
    const std::int64_t M = p_.m(), g = l_.groups;
    const Halo halo = halo_of_a_filter();
    std::uint64_t placeholder_inputs = 0, placeholder_weights = 0, contention = 0, useful = 0, busy_clocks = 0, drain_clocks = 0;
    std::int64_t drain_before = 0, filters_before = 0;  // of the block that is being drained
    for (std::int64_t image = 0; image < p_.batch; ++image)
      for (std::int64_t group = 0; group < g; ++group) {
        store_inputs(image, group);
        for (const Stream& s : inputs_) placeholder_inputs += static_cast<std::uint64_t>(s.entries - s.real);
        useful += non_zero_pairs(p_, image, group, threads_);
        const auto [first_fetch, later_fetch] = input_fetches();
        const std::vector<Block> blocks = count_blocks(group);
        for (std::size_t b = 0; b < blocks.size(); ++b) {
          const Block& block = blocks[b];
          const std::int64_t filters = std::min(plan_.filters_at_once, M - static_cast<std::int64_t>(b) * plan_.filters_at_once);
          const std::int64_t slowest = *std::ranges::max_element(block.busy), clocks = std::max(slowest, drain_before);
          drain_clocks += static_cast<std::uint64_t>(clocks - slowest);
          for (const std::int64_t busy : block.busy) busy_clocks += static_cast<std::uint64_t>(busy);
          contention += static_cast<std::uint64_t>(block.contention);
          if (image == 0) placeholder_weights += static_cast<std::uint64_t>(block.weight_placeholders);
          o_.cycles += static_cast<std::uint64_t>(clocks);
          o_.macs += static_cast<std::uint64_t>(block.macs);
          at(Level::global, Operand::input).reads += static_cast<std::uint64_t>(block.input_entries_read);
          at(Level::local, Operand::weight).reads += static_cast<std::uint64_t>(block.weight_entries_read);
          at(Level::local, Operand::weight).writes += static_cast<std::uint64_t>(block.weight_entries_fetched) * pes_.size();
          at(Level::dram, Operand::weight).reads += static_cast<std::uint64_t>(block.weight_entries_fetched);
          const std::int64_t inputs = b == 0 ? first_fetch : later_fetch, biases = p_.bias.empty() ? 0 : filters;
          at(Level::dram, Operand::input).reads += static_cast<std::uint64_t>(inputs);
          at(Level::dram, Operand::psum).reads += static_cast<std::uint64_t>(biases);
          meter_.add({static_cast<std::uint64_t>(clocks), entry_bits(inputs + block.weight_entries_fetched) + bits(biases, shared_.accumulator.bits),
                      bits(filters_before * p_.pixels(), shared_.output_bits)});
          drain_before = checked_product(filters, halo.slowest), filters_before = filters;
        }
      }
    o_.cycles += static_cast<std::uint64_t>(drain_before);
    meter_.add({static_cast<std::uint64_t>(drain_before), 0, bits(filters_before * p_.pixels(), shared_.output_bits)});
    const std::int64_t planes = checked_product({p_.batch, g, M});
    const auto reached = static_cast<std::uint64_t>(checked_product(planes, halo.reached)),
               sent = static_cast<std::uint64_t>(checked_product(planes, halo.sent));
    at(Level::local, Operand::psum) = {o_.macs + reached + sent, o_.macs + sent};
    at(Level::array, Operand::psum).reads = sent;
    at(Level::global, Operand::output).writes = at(Level::dram, Operand::output).writes = static_cast<std::uint64_t>(checked_product(planes, p_.pixels()));
    o_.pe_active = pes_.size() * static_cast<std::size_t>(a_.weights * a_.inputs);
    o_.counts = {{"contention_clocks", contention},
                 {"drain_clocks", drain_clocks + static_cast<std::uint64_t>(drain_before)},
                 {"macs_useful", useful},
                 {"pe_wait_clocks", o_.cycles * static_cast<std::uint64_t>(a_.pes()) - busy_clocks},
                 {"placeholder_inputs", placeholder_inputs},
                 {"placeholder_weights", placeholder_weights}};
    o_.stall_cycles = meter_.of_groups(1);
    return o_;
  }

 private:
  struct Pe {
    std::int64_t row, column;
  };
  // Sums of one filter.
  struct Halo {
    std::int64_t slowest = 0;            // that the busiest PE sends
    std::int64_t sent = 0, reached = 0;  // that all PEs send; that they hold and some output needs
  };
  // One block of filters at one image.
  struct Block {
    std::vector<std::int64_t> busy;  // by PE
    std::int64_t macs = 0, contention = 0, input_entries_read = 0, weight_entries_read = 0, weight_entries_fetched = 0, weight_placeholders = 0;
  };

  Halo halo_of_a_filter() const {
    const auto along = [](const TileAxis& axis, std::int64_t pe) {
      const std::int64_t first = std::max<std::int64_t>(0, axis.reach_first(pe)), last = std::min(axis.out, axis.reach_last(pe));
      const std::int64_t own = std::min(last, axis.out_last(pe)) - std::max(first, axis.out_first(pe));
      return std::pair{std::max<std::int64_t>(0, last - first), std::max<std::int64_t>(0, own)};
    };
    Halo halo;
    for (const Pe& pe : pes_) {
      const auto [high, own_high] = along(plan_.rows, pe.row);
      const auto [wide, own_wide] = along(plan_.columns, pe.column);
      const std::int64_t sent = high * wide - own_high * own_wide;
      halo.slowest = std::max(halo.slowest, sent), halo.sent += sent, halo.reached += high * wide;
    }
    return halo;
  }

  Stream& inputs_of(std::int64_t channel, std::int64_t phase, std::size_t pe) {
    return inputs_[static_cast<std::size_t>(channel * phases_ + phase) * pes_.size() + pe];
  }

  void store_inputs(std::int64_t image, std::int64_t group) {
    inputs_.assign(static_cast<std::size_t>(channels_ * phases_) * pes_.size(), {});
    const std::int64_t Sy = l_.stride_height, Sx = l_.stride_width;
#pragma omp parallel for num_threads(threads_) schedule(dynamic, 1)
    for (std::int64_t c = 0; c < channels_; ++c) {
      const std::int16_t* plane = p_.input.empty() ? nullptr : p_.input.data() + (image * l_.in_channels + group * channels_ + c) * l_.in_height * l_.in_width;
      for (std::int64_t phase = 0; phase < phases_; ++phase)
        for (std::size_t pe = 0; pe < pes_.size(); ++pe) {
          StreamCounter stream(a_, a_.inputs);
          const std::int64_t y0 = plan_.rows.in_first(pes_[pe].row), x0 = plan_.columns.in_first(pes_[pe].column);
          for (std::int64_t y = y0 + first_of_phase(y0 + l_.pad_top, phase / Sx, Sy); y < plan_.rows.in_last(pes_[pe].row); y += Sy)
            for (std::int64_t x = x0 + first_of_phase(x0 + l_.pad_left, phase % Sx, Sx); x < plan_.columns.in_last(pes_[pe].column); x += Sx)
              stream.add(plane != nullptr && plane[y * l_.in_width + x] == 0, (y + l_.pad_top) / Sy * plan_.bank_row + (x + l_.pad_left) / Sx);
          inputs_of(c, phase, pe) = stream.take();
        }
    }
  }

  // Steps from `at` to the next position with this remainder.
  static std::int64_t first_of_phase(std::int64_t at, std::int64_t phase, std::int64_t stride) { return (phase - at % stride + stride) % stride; }

  // Entries that come with the first block of filters, and again with every later one.
  std::pair<std::int64_t, std::int64_t> input_fetches() {
    std::int64_t all = 0, again = 0;
    for (std::size_t pe = 0; pe < pes_.size(); ++pe) {
      std::int64_t held = 0;
      for (std::int64_t c = 0; c < channels_; ++c) {
        std::int64_t entries = 0;
        for (std::int64_t phase = 0; phase < phases_; ++phase) entries += inputs_of(c, phase, pe).entries;
        all += entries, held += entries;
        if (a_.input_ram_bytes && entry_bits(held) > static_cast<std::uint64_t>(*a_.input_ram_bytes) * 8) again += entries;
      }
    }
    return {all, again};
  }

  Stream weights_of(std::int64_t group, std::int64_t block, std::int64_t channel, std::int64_t phase) const {
    const std::int64_t first = block * plan_.filters_at_once, filters = std::min(plan_.filters_at_once, p_.m() - first);
    const std::int64_t Sy = l_.stride_height, Sx = l_.stride_width, R = l_.kernel_height, S = l_.kernel_width, K = p_.k();
    StreamCounter stream(a_, a_.weights);
    const auto add = [&](std::int64_t filter, std::int64_t r, std::int64_t s) {
      const std::int64_t dy = r * l_.dilation_height, dx = s * l_.dilation_width;
      if (dy % Sy != phase / Sx || dx % Sx != phase % Sx) return;
      const std::int64_t k = (channel * R + r) * S + s;
      const bool is_zero = !p_.weights.empty() && p_.weights[static_cast<std::size_t>((group * p_.m() + first + filter) * K + k)] == 0;
      stream.add(is_zero, a_.inputs * filter - dy / Sy * plan_.bank_row - dx / Sx);
    };
    if (a_.neighbours == Neighbours::filters) {
      for (std::int64_t r = 0; r < R; ++r)
        for (std::int64_t s = 0; s < S; ++s)
          for (std::int64_t f = 0; f < filters; ++f) add(f, r, s);
    } else {
      for (std::int64_t f = 0; f < filters; ++f)
        for (std::int64_t r = 0; r < R; ++r)
          for (std::int64_t s = 0; s < S; ++s) add(f, r, s);
    }
    return stream.take();
  }

  std::vector<Block> count_blocks(std::int64_t group) {
    std::vector<Block> blocks(static_cast<std::size_t>(plan_.blocks));
    for (Block& block : blocks) block.busy.assign(pes_.size(), 0);
#pragma omp parallel for num_threads(threads_) collapse(2) schedule(dynamic, 4)
    for (std::int64_t b = 0; b < plan_.blocks; ++b)
      for (std::int64_t c = 0; c < channels_; ++c) {
        Block part;
        part.busy.assign(pes_.size(), 0);
        for (std::int64_t phase = 0; phase < phases_; ++phase) add_stream(part, weights_of(group, b, c, phase), c, phase);
        Block& block = blocks[static_cast<std::size_t>(b)];
#pragma omp critical(convroof_scnn_block)
        {
          for (std::size_t pe = 0; pe < pes_.size(); ++pe) block.busy[pe] += part.busy[pe];
          block.macs += part.macs, block.contention += part.contention, block.weight_placeholders += part.weight_placeholders;
          block.input_entries_read += part.input_entries_read, block.weight_entries_read += part.weight_entries_read;
          block.weight_entries_fetched += part.weight_entries_fetched;
        }
      }
    return blocks;
  }

  void add_stream(Block& block, const Stream& weights, std::int64_t channel, std::int64_t phase) {
    if (weights.entries == 0) return;
    const std::int64_t weight_vectors = weights.vectors(a_.weights);
    std::int64_t most_vectors = 1;
    for (std::size_t pe = 0; pe < pes_.size(); ++pe) {
      const Stream& inputs = inputs_of(channel, phase, pe);
      const std::int64_t input_vectors = inputs.vectors(a_.inputs), pairs = input_vectors * weight_vectors;
      const std::int64_t clocks = a_.contention ? static_cast<std::int64_t>(crossbar_clocks(weights.patterns, inputs.patterns, a_.banks)) : pairs;
      block.busy[pe] += clocks;
      block.contention += clocks - pairs;
      block.macs += inputs.real * weights.real;
      block.input_entries_read += inputs.entries;
      block.weight_entries_read += input_vectors * weights.entries;
      most_vectors = std::max(most_vectors, input_vectors);
    }
    const bool fits = !a_.weight_fifo_vectors || weight_vectors <= *a_.weight_fifo_vectors;
    block.weight_entries_fetched += weights.entries * (fits ? 1 : most_vectors);
    block.weight_placeholders += weights.entries - weights.real;
  }

  Access& at(Level level, Operand operand) { return o_.accesses.at(level, operand); }
  static std::uint64_t bits(std::int64_t words, int each) { return static_cast<std::uint64_t>(words) * static_cast<std::uint64_t>(each); }
  std::uint64_t entry_bits(std::int64_t entries) const { return bits(entries, shared_.word_bits + a_.index_bits); }

  const Accelerator& shared_;
  const Scnn& a_;
  const Problem& p_;
  const LayerSpec& l_;
  const ScnnPlan plan_;
  const int threads_;
  const std::int64_t channels_, phases_;
  StallMeter meter_;
  Outcome o_;
  std::vector<Pe> pes_;         // with inputs
  std::vector<Stream> inputs_;  // of an image and group, by channel, phase and PE
};

// Fully connected: an input meets its column of weights in every PE at once.
class Flat {
 public:
  Flat(const Accelerator& shared, const Scnn& a, const Problem& p, int threads)
      : shared_(shared), a_(a), p_(p), threads_(threads), share_(ceil_div(p.m(), a.pes())), pes_(ceil_div(p.m(), share_)) {}

  Outcome run() {
    const std::int64_t K = p_.k(), M = p_.m();
    count_columns();
    StallMeter meter(shared_.dram_bits_per_cycle);
    std::uint64_t macs = 0, busy = 0, placeholders = 0, read = 0;
    const std::uint64_t entry_bits = static_cast<std::uint64_t>(shared_.word_bits + a_.index_bits),
                        out_bits = static_cast<std::uint64_t>(M) * static_cast<std::uint64_t>(shared_.output_bits);
    const std::uint64_t biases = p_.bias.empty() ? 0 : static_cast<std::uint64_t>(M);
    for (std::int64_t image = 0; image < p_.batch; ++image) {
      std::int64_t zeros = 0;
      std::uint64_t entries = 0;
      std::vector<std::uint64_t> clocks(static_cast<std::size_t>(pes_), 0);
      for (std::int64_t k = 0; k < K; ++k) {
        if (!p_.input.empty() && p_.input[static_cast<std::size_t>(image * K + k)] == 0) {
          ++zeros;
          continue;
        }
        const auto placed = static_cast<std::uint64_t>(a_.placeholders(zeros));
        zeros = 0;
        entries += placed + 1, placeholders += placed;
        for (std::int64_t pe = 0; pe < pes_; ++pe) {
          const Column& column = columns_[static_cast<std::size_t>(pe * K + k)];
          clocks[static_cast<std::size_t>(pe)] += placed + static_cast<std::uint64_t>(std::max<std::int64_t>(1, ceil_div(column.entries, a_.weights)));
          macs += static_cast<std::uint64_t>(column.real);
          read += static_cast<std::uint64_t>(column.entries);
        }
      }
      const std::uint64_t slowest = *std::ranges::max_element(clocks);
      for (const std::uint64_t own : clocks) busy += own;
      o_.cycles += slowest;
      at(Level::dram, Operand::input).reads += entries;
      at(Level::global, Operand::input).reads += entries * static_cast<std::uint64_t>(pes_);
      meter.add({slowest, (entries + weight_entries_) * entry_bits + biases * static_cast<std::uint64_t>(shared_.accumulator.bits), image > 0 ? out_bits : 0});
    }
    meter.add({0, 0, out_bits});
    const auto images = static_cast<std::uint64_t>(p_.batch);
    o_.macs = macs;
    o_.pe_active = static_cast<std::uint64_t>(pes_ * a_.weights);
    at(Level::local, Operand::weight) = {read, images * weight_entries_};
    at(Level::dram, Operand::weight).reads = images * weight_entries_;
    at(Level::dram, Operand::psum).reads = images * biases;
    at(Level::local, Operand::psum) = {macs, macs};
    at(Level::global, Operand::output).writes = at(Level::dram, Operand::output).writes = static_cast<std::uint64_t>(checked_product(p_.batch, M));
    o_.counts = {{"contention_clocks", 0},
                 {"drain_clocks", 0},
                 {"macs_useful", macs},
                 {"pe_wait_clocks", o_.cycles * static_cast<std::uint64_t>(a_.pes()) - busy},
                 {"placeholder_inputs", placeholders},
                 {"placeholder_weights", weight_entries_ - weight_real_}};
    o_.stall_cycles = meter.of_groups(1);
    return o_;
  }

 private:
  // Weights of one input in one PE.
  struct Column {
    std::int32_t entries = 0, real = 0, zeros = 0;  // zeros: of the run that is not ended
  };

  void count_columns() {
    const std::int64_t K = p_.k(), M = p_.m();
    columns_.assign(static_cast<std::size_t>(pes_ * K), {});
    std::uint64_t entries = 0, real = 0;
#pragma omp parallel for num_threads(threads_) reduction(+ : entries, real) schedule(dynamic, 1)
    for (std::int64_t pe = 0; pe < pes_; ++pe) {
      Column* columns = columns_.data() + pe * K;
      for (std::int64_t m = pe * share_; m < std::min(M, (pe + 1) * share_); ++m) {
        p_.weights.visit([&](auto weights) {
          for (std::int64_t k = 0; k < K; ++k) {
            Column& column = columns[k];
            if (!weights.empty() && weights[static_cast<std::size_t>(m * K + k)] == 0) {
              ++column.zeros;
              continue;
            }
            column.entries += static_cast<std::int32_t>(a_.placeholders(column.zeros)) + 1;
            ++column.real;
            column.zeros = 0;
          }
        });
      }
      for (std::int64_t k = 0; k < K; ++k) entries += static_cast<std::uint64_t>(columns[k].entries), real += static_cast<std::uint64_t>(columns[k].real);
    }
    weight_entries_ = entries, weight_real_ = real;
  }

  Access& at(Level level, Operand operand) { return o_.accesses.at(level, operand); }

  const Accelerator& shared_;
  const Scnn& a_;
  const Problem& p_;
  const int threads_;
  const std::int64_t share_, pes_;
  Outcome o_;
  std::vector<Column> columns_;
  std::uint64_t weight_entries_ = 0, weight_real_ = 0;
};

}  // namespace

Outcome count(const Accelerator& shared, const Scnn& array, const Problem& problem, int threads) {
  if (ScnnPlan::is_flat(problem.layer)) return Flat(shared, array, problem, threads).run();
  return Planar(shared, array, problem, threads).run();
}

}  // namespace convroof::spatial::fast
