#include "backends/spatial/stepping/row_stationary.h"

#include <algorithm>
#include <vector>

#include "backends/spatial/model/run_length.h"
#include "backends/spatial/stepping/bus.h"
#include "backends/spatial/stepping/row_array.h"

namespace convroof::spatial::stepping {
namespace {

// Bits of one transfer in both forms; which one is used is known when the whole layer has been seen.
struct Forms {
  std::uint64_t plain_words = 0, code_words = 0;
  Forms& operator+=(const Forms& other) {
    plain_words += other.plain_words, code_words += other.code_words;
    return *this;
  }
};

// A time in which the bus works: the array computes, or waits for inputs and results to move (no clocks).
struct Transfer {
  Stage stage;
  Forms inputs, outputs;
};

class RowStationary {
 public:
  RowStationary(const Accelerator& a, const RowStationaryArray& array, const Problem& p, std::span<std::int64_t> output, const RowObserver& observer)
      : a_(a),
        array_(array),
        layer_(as_rows(array, p.layer)),
        p_{layer_, p.batch, p.input, p.weights, p.bias, p.relu},
        output_(output),
        map_(mapping_for(a, array, p.layer, p.batch)),
        pes_(array, layer_, map_, p_, outcome_, observer) {}

  Outcome run() {
    Transfer waiting;  // what moves before the next tile begins
    for (group_ = 0; group_ < layer_.groups; ++group_) {
      if (!p_.bias.empty()) {
        outcome_.accesses.at(Level::dram, Operand::psum).reads += static_cast<std::uint64_t>(p_.m());
        waiting.stage.flow_bits += static_cast<std::uint64_t>(p_.m() * a_.accumulator.bits);
      }
      for (std::int64_t n = 0; n < p_.batch; n += map_.n)
        for (std::int64_t y = 0; y < layer_.out_height; y += map_.e)
          for (std::int64_t m = 0; m < p_.m(); m += map_.m) {
            images_ = {n, std::min(map_.n, p_.batch - n)}, rows_ = {y, std::min(map_.e, layer_.out_height - y)};
            tile({m, std::min(map_.m, p_.m() - m)}, waiting);
            waiting = {};
            waiting.outputs = write_outputs({m, std::min(map_.m, p_.m() - m)});
          }
    }
    pes_.finish();
    transfers_.push_back(waiting);
    settle_memory();
    outcome_.counts["passes"] = passes_;
    outcome_.counts["buffer_fills"] = fills_;
    if (array_.gates_zeros) outcome_.counts["local_reads_gated"] = outcome_.macs_gated;
    const auto note = [&](const char* name, std::int64_t size) { outcome_.counts[name] = static_cast<std::uint64_t>(size); };
    note("mapping_m", map_.m), note("mapping_n", map_.n), note("mapping_e", map_.e), note("mapping_p", map_.p);
    note("mapping_q", map_.q), note("mapping_r", map_.r), note("mapping_t", map_.t);
    return outcome_;
  }

 private:
  void tile(RowRange filters, Transfer before) {
    BufferedSums sums(images_, filters, rows_, layer_.out_width);
    const std::int64_t channels = layer_.in_channels_per_group(), block = map_.q * map_.r;
    for (std::int64_t c = 0; c < channels; c += block) {
      RowWork work;
      work.group = group_, work.images = images_, work.out_rows = rows_;
      work.channels = {c, std::min(block, channels - c)};
      work.first_channels = c == 0, work.last_channels = c + block >= channels;
      before.inputs = load_inputs(work.channels);
      for (std::int64_t f = 0; f < filters.count; f += map_.p * map_.t) {
        work.filters = {filters.first + f, std::min(map_.p * map_.t, filters.count - f)};
        work.number = ++passes_;
        Transfer pass;
        const auto weights = static_cast<std::uint64_t>(layer_.kernel_height * layer_.kernel_width * work.channels.count * work.filters.count);
        outcome_.accesses.at(Level::dram, Operand::weight).reads += weights;
        // The weights are there before the inputs move.
        (f == 0 ? before : pass).stage.load_bits = weights * static_cast<std::uint64_t>(a_.word_bits);
        if (f == 0) transfers_.push_back(before);
        pass.stage.clocks = pes_.run(work, sums);
        transfers_.push_back(pass);
      }
      before = {};
    }
    for (std::int64_t n = images_.first; n < images_.first + images_.count; ++n)
      for (std::int64_t m = filters.first; m < filters.first + filters.count; ++m)
        for (std::int64_t y = rows_.first; y < rows_.first + rows_.count; ++y)
          for (std::int64_t x = 0; x < layer_.out_width; ++x)
            output_[static_cast<std::size_t>(p_.output_index(group_, n * p_.pixels() + y * layer_.out_width + x, m))] =
                p_.finished(group_, m, sums.at(n, m, y, x));
  }

  // Whole rows, those that windows of the tile touch.
  Forms load_inputs(RowRange channels) {
    Forms all;
    for (std::int64_t n = images_.first; n < images_.first + images_.count; ++n)
      for (std::int64_t c = channels.first; c < channels.first + channels.count; ++c) {
        const std::int64_t plane = n * layer_.in_channels + group_ * layer_.in_channels_per_group() + c;
        RunLength code;
        for (std::int64_t i = 0; i < layer_.in_height; ++i) {
          if (!touched(i)) continue;
          for (std::int64_t j = 0; j < layer_.in_width; ++j, ++all.plain_words)
            code.add(p_.input[static_cast<std::size_t>((plane * layer_.in_height + i) * layer_.in_width + j)] == 0);
        }
        all.code_words += code.code_words();
      }
    fills_ += all.plain_words;
    return all;
  }
  bool touched(std::int64_t i) const {
    for (std::int64_t y = rows_.first; y < rows_.first + rows_.count; ++y)
      for (std::int64_t r = 0; r < layer_.kernel_height; ++r)
        if (y * layer_.stride_height + r * layer_.dilation_height - layer_.pad_top == i) return true;
    return false;
  }

  Forms write_outputs(RowRange filters) {
    Forms all;
    for (std::int64_t n = images_.first; n < images_.first + images_.count; ++n)
      for (std::int64_t m = filters.first; m < filters.first + filters.count; ++m) {
        RunLength code;
        for (std::int64_t y = rows_.first; y < rows_.first + rows_.count; ++y)
          for (std::int64_t x = 0; x < layer_.out_width; ++x, ++all.plain_words)
            code.add(output_[static_cast<std::size_t>(p_.output_index(group_, n * p_.pixels() + y * layer_.out_width + x, m))] == 0);
        all.code_words += code.code_words();
      }
    return all;
  }

  // Chooses the shorter form of inputs and of outputs, then runs the bus.
  void settle_memory() {
    Forms inputs, outputs;
    for (const Transfer& transfer : transfers_) inputs += transfer.inputs, outputs += transfer.outputs;
    const auto code_is_shorter = [&](const Forms& all, int bits) {
      return array_.compresses && all.code_words * kCodeWordBits < all.plain_words * static_cast<std::uint64_t>(bits);
    };
    const bool input_code = code_is_shorter(inputs, a_.word_bits), output_code = code_is_shorter(outputs, a_.output_bits);
    const auto bits_of = [](const Forms& forms, bool code, int bits) {
      return code ? forms.code_words * kCodeWordBits : forms.plain_words * static_cast<std::uint64_t>(bits);
    };
    std::vector<Stage> stages;
    for (Transfer& transfer : transfers_) {
      const std::uint64_t in = bits_of(transfer.inputs, input_code, a_.word_bits), out = bits_of(transfer.outputs, output_code, a_.output_bits);
      outcome_.accesses.at(Level::dram, Operand::input).reads += in / static_cast<std::uint64_t>(a_.word_bits);
      outcome_.accesses.at(Level::dram, Operand::output).writes += out / static_cast<std::uint64_t>(a_.output_bits);
      transfer.stage.flow_bits += in + out;
      stages.push_back(transfer.stage);
    }
    outcome_.stall_cycles = bus_stalls(a_.dram_bits_per_cycle, stages);
  }

  const Accelerator& a_;
  const RowStationaryArray& array_;
  const LayerSpec layer_;
  const Problem p_;
  std::span<std::int64_t> output_;
  const RowMapping map_;
  Outcome outcome_;
  RowArray pes_;
  std::vector<Transfer> transfers_;
  std::int64_t group_ = 0;
  RowRange images_, rows_;
  std::uint64_t passes_ = 0, fills_ = 0;
};

}  // namespace

Outcome run(const Accelerator& a, const RowStationaryArray& array, const Problem& p, std::span<std::int64_t> output, const RowObserver& observer) {
  return RowStationary(a, array, p, output, observer).run();
}

}  // namespace convroof::spatial::stepping
