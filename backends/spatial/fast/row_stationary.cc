#include "backends/spatial/fast/row_stationary.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/row_pass.h"
#include "backends/spatial/fast/stall_meter.h"
#include "backends/spatial/model/row_geometry.h"
#include "backends/spatial/model/run_length.h"
#include "workloads/checked.h"

namespace convroof::spatial::fast {
namespace {

std::uint64_t natural(std::int64_t value) { return static_cast<std::uint64_t>(value); }

// Code words of the strips of every plane (channel of an image), and whether the code is shorter than the plain words.
class CodedStrips {
 public:
  // `rows(strip)`: rows of a plane that the strip holds. Without `values` nothing is coded.
  template <typename Value, typename Rows>
  CodedStrips(std::span<const Value> values, std::int64_t planes, std::int64_t height, std::int64_t width, std::int64_t strips, int word_bits, Rows rows)
      : planes_(planes) {
    if (values.empty()) return;
    std::uint64_t plain = 0, coded = 0;
    words_.resize(static_cast<std::size_t>(strips * planes));
    for (std::int64_t strip = 0; strip < strips; ++strip) {
      const std::vector<std::int64_t> held = rows(strip);
      for (std::int64_t plane = 0; plane < planes; ++plane) {
        RunLength code;
        for (const std::int64_t row : held) {
          const Value* value = values.data() + (plane * height + row) * width;
          for (std::int64_t x = 0; x < width; ++x) code.add(value[x] == 0);
        }
        words_[static_cast<std::size_t>(strip * planes + plane)] = code.code_words();
        coded += code.code_words(), plain += natural(static_cast<std::int64_t>(held.size()) * width);
      }
    }
    shorter_ = coded * kCodeWordBits < plain * natural(word_bits);
  }
  bool is_shorter() const { return shorter_; }
  std::uint64_t words(std::int64_t strip, std::int64_t plane) const { return words_[static_cast<std::size_t>(strip * planes_ + plane)]; }

 private:
  std::int64_t planes_;
  std::vector<std::uint64_t> words_;
  bool shorter_ = false;
};

class RowStationary {
 public:
  RowStationary(const Accelerator& a, const RowStationaryArray& array, const Problem& p, int threads)
      : a_(a), array_(array), p_(p), l_(as_rows(array, p.layer)), map_(mapping_for(a, array, p.layer, p.batch)), columns_(l_), meter_(a.dram_bits_per_cycle) {
    checked_product({64, p.batch, macs(l_)});  // every count below stays under this
    const std::int64_t strips = ceil_div(l_.out_height, map_.e);
    for (std::int64_t s = 0; s < strips; ++s) {
      const std::int64_t first = s * map_.e, last = std::min(l_.out_height, first + map_.e);
      const std::vector<std::int64_t> rows = rows_used(l_, first, last);
      strips_.push_back({last - first, static_cast<std::int64_t>(rows.size()), inside(rows, l_.in_height)});
    }
    const bool coded = array.compresses && !p.input.empty() && !p.weights.empty();
    std::vector<std::int64_t> outputs;
    if (coded) outputs.resize(static_cast<std::size_t>(p.batch * output_elements(l_))), exact_convolution(p, outputs, threads);
    const auto rows_in = [&](std::int64_t s) {
      std::vector<std::int64_t> rows = rows_used(l_, s * map_.e, std::min(l_.out_height, (s + 1) * map_.e));
      std::erase_if(rows, [&](std::int64_t y) { return y < 0 || y >= l_.in_height; });
      return rows;
    };
    const auto rows_out = [&](std::int64_t s) {
      std::vector<std::int64_t> rows;
      for (std::int64_t y = s * map_.e; y < std::min(l_.out_height, (s + 1) * map_.e); ++y) rows.push_back(y);
      return rows;
    };
    input_code_.emplace(coded ? p.input : std::span<const std::int16_t>{}, p.batch * l_.in_channels, l_.in_height, l_.in_width, strips, a.word_bits, rows_in);
    output_code_.emplace(std::span<const std::int64_t>(outputs), p.batch * l_.out_channels, l_.out_height, l_.out_width, strips, a.output_bits, rows_out);
  }

  Outcome run() {
    std::uint64_t waiting = 0;  // bits that move before the next tile begins
    for (group_ = 0; group_ < l_.groups; ++group_) {
      waiting += bias_bits();
      for (image_ = 0; image_ < p_.batch; image_ += map_.n)
        for (strip_ = 0; strip_ < static_cast<std::int64_t>(strips_.size()); ++strip_)
          for (std::int64_t m = 0; m < filters(); m += map_.m) waiting = tile(m, std::min(map_.m, filters() - m), waiting);
    }
    o_.cycles += natural(leaving_);
    mapped_ += natural(leaving_) * pes_in_use_;  // of the last pass
    meter_.add({0, 0, waiting});
    o_.macs = natural(p_.batch * macs(l_));
    at(Level::local, Operand::input).reads = at(Level::local, Operand::weight).reads = o_.macs;
    at(Level::local, Operand::psum) = {o_.macs, o_.macs};
    if (array_.gates_zeros) o_.macs_gated = gated(), o_.counts["local_reads_gated"] = o_.macs_gated;
    o_.stall_cycles = meter_.of_groups(1);
    o_.counts["passes"] = passes_;
    o_.counts["buffer_fills"] = fills_;
    o_.counts["pe_clocks_mapped"] = mapped_;
    for (const auto& [letter, size] : {std::pair{"m", map_.m}, {"n", map_.n}, {"e", map_.e}, {"p", map_.p}, {"q", map_.q}, {"r", map_.r}, {"t", map_.t}})
      o_.counts[std::string("mapping_") + letter] = natural(size);
    return o_;
  }

  std::vector<RowPassKind> kinds() const {
    std::vector<RowPassKind> all;
    for (const auto& [pass, kind] : kinds_) all.push_back(kind);
    return all;
  }

 private:
  struct Strip {
    std::int64_t out_rows, rows, rows_inside;  // rows: that PEs take, padding included
  };

  Access& at(Level level, Operand operand) { return o_.accesses.at(level, operand); }
  std::int64_t filters() const { return l_.out_channels_per_group(); }
  std::int64_t channels() const { return l_.in_channels_per_group(); }
  std::int64_t images() const { return std::min(map_.n, p_.batch - image_); }
  const Strip& strip() const { return strips_[static_cast<std::size_t>(strip_)]; }

  std::uint64_t bias_bits() {
    if (p_.bias.empty()) return 0;
    at(Level::dram, Operand::psum).reads += natural(filters());
    return natural(filters()) * natural(a_.accumulator.bits);
  }

  // One place in the buffer: the sums of `count` filters. `bits` move before it, together with its first inputs; returns those of its results.
  std::uint64_t tile(std::int64_t m, std::int64_t count, std::uint64_t bits) {
    for (std::int64_t c = 0; c < channels(); c += map_.q * map_.r) {
      const std::int64_t block = std::min(map_.q * map_.r, channels() - c);
      const std::uint64_t moved = (c == 0 ? bits : 0) + load_inputs(c, block);
      bool first = true;
      for (std::int64_t f = 0; f < count; f += map_.p * map_.t, first = false) pass(c, block, std::min(map_.p * map_.t, count - f), first, moved);
    }
    return write_outputs(m, count);
  }

  std::uint64_t load_inputs(std::int64_t c, std::int64_t block) {
    const std::uint64_t plain = natural(images() * block * strip().rows_inside * l_.in_width);
    fills_ += plain;
    if (!input_code_->is_shorter()) return at(Level::dram, Operand::input).reads += plain, plain * natural(a_.word_bits);
    std::uint64_t code = 0;
    for (std::int64_t n = image_; n < image_ + images(); ++n)
      for (std::int64_t k = c; k < c + block; ++k) code += input_code_->words(strip_, n * l_.in_channels + group_ * channels() + k);
    at(Level::dram, Operand::input).reads += code * kCodeWordBits / natural(a_.word_bits);
    return code * kCodeWordBits;
  }

  std::uint64_t write_outputs(std::int64_t m, std::int64_t count) {
    const std::uint64_t plain = natural(images() * count * strip().out_rows * l_.out_width);
    if (!output_code_->is_shorter()) return at(Level::dram, Operand::output).writes += plain, plain * natural(a_.output_bits);
    std::uint64_t code = 0;
    for (std::int64_t n = image_; n < image_ + images(); ++n)
      for (std::int64_t k = m; k < m + count; ++k) code += output_code_->words(strip_, n * l_.out_channels + group_ * filters() + k);
    at(Level::dram, Operand::output).writes += code * kCodeWordBits / natural(a_.output_bits);
    return code * kCodeWordBits;
  }

  // `first`: of its block of channels, whose inputs move just before (bits in `moved`).
  void pass(std::int64_t c, std::int64_t block, std::int64_t count, bool first, std::uint64_t moved) {
    const Split channel_sets(block, map_.r), filter_sets(count, map_.t);
    const std::int64_t R = l_.kernel_height, S = l_.kernel_width, E = strip().out_rows, F = l_.out_width, n = images();
    const std::int64_t weights = R * S * block * count, sums = n * count * E * F, input_words = n * block * strip().rows * columns_.all;
    const std::int64_t inputs = n * block * strip().rows_inside * columns_.inside;
    ++passes_;
    o_.pe_active = std::max(o_.pe_active, natural(R * E * channel_sets.sets * filter_sets.sets));
    at(Level::dram, Operand::weight).reads += natural(weights);
    at(Level::global, Operand::weight).reads += natural(weights);
    at(Level::global, Operand::input).reads += natural(inputs);
    o_.padding_words += natural(input_words - inputs);
    at(Level::array, Operand::input).reads += natural(R * E * block * filter_sets.sets * columns_.all * n - input_words);
    at(Level::array, Operand::weight).reads += natural(weights * (E - 1));
    at(Level::array, Operand::psum).reads += natural((R * channel_sets.sets - 1) * sums);
    if (c > 0) at(Level::global, Operand::psum).reads += natural(sums);
    if (c + block < channels())
      at(Level::global, Operand::psum).writes += natural(sums);
    else
      at(Level::global, Operand::output).writes += natural(sums);

    const std::uint64_t weight_bits = natural(weights) * natural(a_.word_bits), clocks = clocks_of({E, strip().rows, block, count, n, c == 0, leaving_});
    o_.cycles += clocks;
    pes_in_use_ = natural(R * E * channel_sets.sets * filter_sets.sets);
    mapped_ += clocks * pes_in_use_;
    // The array waits while inputs and results move; the weights of a pass come in during the pass before.
    if (first) meter_.add({0, weight_bits, moved});
    meter_.add({clocks, first ? 0 : weight_bits, 0});
  }

  std::uint64_t clocks_of(const RowPass& pass) {
    const auto [place, is_new] = kinds_.try_emplace(pass);
    if (is_new) place->second = {pass, 0, pass_clocks(array_, l_, map_, columns_, pass)};
    ++place->second.count;
    leaving_ = climb_clocks(l_, map_, pass) + exchange_clocks(array_, pass);
    return place->second.clocks;
  }

  // Multiplications by a zero of the input or of its padding.
  std::uint64_t gated() const {
    const std::uint64_t padding = natural(p_.batch * (macs(l_) - macs_valid(l_)));
    if (p_.input.empty()) return padding;
    const std::vector<std::int64_t> rows = uses(l_.in_height, l_.out_height, l_.stride_height, l_.kernel_height, l_.dilation_height, l_.pad_top);
    const std::vector<std::int64_t> columns = uses(l_.in_width, l_.out_width, l_.stride_width, l_.kernel_width, l_.dilation_width, l_.pad_left);
    std::uint64_t zeros = 0;
    const std::int16_t* value = p_.input.data();
    for (std::int64_t plane = 0; plane < p_.batch * l_.in_channels; ++plane)
      for (std::int64_t y = 0; y < l_.in_height; ++y, value += l_.in_width) {
        std::int64_t row = 0;
        for (std::int64_t x = 0; x < l_.in_width; ++x) row += value[x] == 0 ? columns[static_cast<std::size_t>(x)] : 0;
        zeros += natural(row * rows[static_cast<std::size_t>(y)]);
      }
    return padding + zeros * natural(filters());
  }

  // How many windows of one axis take each input position.
  static std::vector<std::int64_t> uses(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t taps, std::int64_t dilation, std::int64_t pad) {
    std::vector<std::int64_t> count(static_cast<std::size_t>(in), 0);
    for (std::int64_t o = 0; o < out; ++o)
      for (std::int64_t k = 0; k < taps; ++k)
        if (const std::int64_t i = o * stride + k * dilation - pad; i >= 0 && i < in) ++count[static_cast<std::size_t>(i)];
    return count;
  }

  const Accelerator& a_;
  const RowStationaryArray& array_;
  const Problem& p_;
  const LayerSpec l_;
  const RowMapping map_;
  const RowColumns columns_;
  std::vector<Strip> strips_;
  std::optional<CodedStrips> input_code_, output_code_;
  StallMeter meter_;
  Outcome o_;
  std::int64_t group_ = 0, image_ = 0, strip_ = 0;
  std::int64_t leaving_ = 0;  // clocks that the last sums of the pass before need
  std::uint64_t passes_ = 0, fills_ = 0;
  std::uint64_t pes_in_use_ = 0, mapped_ = 0;  // PEs of the pass at work, PE-clocks of all passes
  std::map<RowPass, RowPassKind> kinds_;
};

}  // namespace

Outcome count(const Accelerator& a, const RowStationaryArray& array, const Problem& p, int threads) { return RowStationary(a, array, p, threads).run(); }

std::vector<RowPassKind> pass_kinds(const Accelerator& a, const RowStationaryArray& array, const Problem& p) {
  const Problem shapes{.layer = p.layer, .batch = p.batch, .bias = p.bias};
  RowStationary machine(a, array, shapes, 1);
  machine.run();
  return machine.kinds();
}

void compute(const Accelerator&, const RowStationaryArray&, const Problem& p, std::span<std::int64_t> output, int threads) {
  exact_convolution(p, output, threads);
}

}  // namespace convroof::spatial::fast
