#include "backends/spatial/stepping/dcnn.h"

#include <algorithm>
#include <vector>

#include "backends/spatial/stepping/bus.h"

namespace convroof::spatial::stepping {
namespace {

class Machine {
 public:
  Machine(const Accelerator& shared, const Dcnn& a, const Problem& p, std::span<std::int64_t> output, const DcnnObserver& observer)
      : shared_(shared), a_(a), p_(p), l_(p.layer), output_(output), observer_(observer), pes_(static_cast<std::size_t>(a.pes())), now_(pes_.size()) {
    const TileAxis rows = TileAxis::rows(l_, a.pe_rows), columns = TileAxis::columns(l_, a.pe_columns);
    const std::int64_t share = ceil_div(p.m(), a.pes());
    for (std::int64_t i = 0; i < a.pes(); ++i) {
      Pe& pe = pes_[static_cast<std::size_t>(i)];
      if (Dcnn::is_flat(l_)) {
        pe.pixels = {0};
        for (std::int64_t m = i * share; m < std::min(p.m(), (i + 1) * share); ++m) pe.filters.push_back(m);
        if (pe.filters.empty()) pe.pixels.clear();
        continue;
      }
      const std::int64_t row = i / a.pe_columns, column = i % a.pe_columns;
      for (std::int64_t y = rows.out_first(row); y < rows.out_last(row); ++y)
        for (std::int64_t x = columns.out_first(column); x < columns.out_last(column); ++x) pe.pixels.push_back(y * l_.out_width + x);
      for (std::int64_t m = 0; m < p.m(); ++m) pe.filters.push_back(m);
    }
    for (const Pe& pe : pes_) o_.pe_active += pe.pixels.empty() ? 0 : static_cast<std::uint64_t>(std::min(a.lanes, p.k()));
  }

  Outcome run() {
    std::size_t most_pixels = 0, most_filters = 0;
    for (const Pe& pe : pes_) most_pixels = std::max(most_pixels, pe.pixels.size()), most_filters = std::max(most_filters, pe.filters.size());
    for (std::int64_t image = 0; image < p_.batch; ++image)
      for (group_ = 0; group_ < l_.groups; ++group_) {
        stages_.emplace_back();
        load();
        const std::uint64_t before = o_.cycles;
        for (Pe& pe : pes_) pe.sums.assign(pe.pixels.size() * static_cast<std::size_t>(p_.m()), 0);
        for (std::int64_t k = 0; k < p_.k(); k += a_.lanes)
          for (std::size_t pixel = 0; pixel < most_pixels; ++pixel) {
            for (Pe& pe : pes_)
              if (pixel < pe.pixels.size()) latch(pe, image * p_.pixels() + pe.pixels[pixel], k);
            for (std::size_t filter = 0; filter < most_filters; ++filter) clock(image, k, pixel, filter);
          }
        stages_.back().clocks = o_.cycles - before;
        finish(image);
      }
    o_.stall_cycles = bus_stalls(shared_.dram_bits_per_cycle, stages_);
    return o_;
  }

 private:
  struct Pe {
    std::vector<std::int64_t> pixels, filters;  // its own
    std::vector<std::int64_t> latched;          // inputs of the piece
    std::vector<std::int64_t> sums;             // by pixel and filter
  };

  void load() {
    const std::int64_t channels = l_.in_channels_per_group(), inputs = channels * l_.in_height * l_.in_width, weights = p_.k() * p_.m();
    const std::int64_t biases = p_.bias.empty() ? 0 : p_.m();
    count(Level::dram, Operand::input).reads += static_cast<std::uint64_t>(inputs);
    count(Level::dram, Operand::weight).reads += static_cast<std::uint64_t>(weights);
    count(Level::dram, Operand::psum).reads += static_cast<std::uint64_t>(biases);
    for (const Pe& pe : pes_)
      if (!pe.pixels.empty()) count(Level::local, Operand::weight).writes += static_cast<std::uint64_t>(p_.k()) * pe.filters.size();
    stages_.back().load_bits = static_cast<std::uint64_t>(inputs + weights) * static_cast<std::uint64_t>(shared_.word_bits) +
                               static_cast<std::uint64_t>(biases) * static_cast<std::uint64_t>(shared_.accumulator.bits);
  }

  void latch(Pe& pe, std::int64_t n, std::int64_t first) {
    pe.latched.clear();
    for (std::int64_t k = first; k < std::min(p_.k(), first + a_.lanes); ++k) {
      const std::int64_t index = p_.input_index(group_, n, k);
      if (index < 0)
        ++o_.padding_words;
      else
        ++count(Level::global, Operand::input).reads;
      pe.latched.push_back(index < 0 ? 0 : p_.input[static_cast<std::size_t>(index)]);
    }
  }

  void clock(std::int64_t image, std::int64_t first, std::size_t pixel, std::size_t filter) {
    for (std::size_t i = 0; i < pes_.size(); ++i) {
      Pe& pe = pes_[i];
      now_[i] = {};
      if (pixel >= pe.pixels.size() || filter >= pe.filters.size()) continue;
      const std::int64_t m = pe.filters[filter];
      std::int64_t dot = 0;
      for (std::size_t lane = 0; lane < pe.latched.size(); ++lane) {
        const std::int16_t weight = p_.weights[static_cast<std::size_t>(p_.weight_index(group_, first + static_cast<std::int64_t>(lane), m))];
        ++count(Level::local, Operand::weight).reads;
        ++o_.macs;
        if (a_.gates_zeros && (weight == 0 || pe.latched[lane] == 0)) ++o_.macs_gated;
        dot += shared_.accumulator.product(pe.latched[lane], weight);
      }
      std::int64_t& sum = pe.sums[pixel * static_cast<std::size_t>(p_.m()) + static_cast<std::size_t>(m)];
      ++count(Level::local, Operand::psum).reads;
      sum = shared_.accumulator.fit(sum + dot);
      ++count(Level::local, Operand::psum).writes;
      now_[i] = {image * p_.pixels() + pe.pixels[pixel], m, first, sum};
    }
    ++o_.cycles;
    if (observer_) observer_({o_.cycles, group_, now_});
  }

  void finish(std::int64_t image) {
    for (const Pe& pe : pes_)
      for (std::size_t pixel = 0; pixel < pe.pixels.size(); ++pixel)
        for (const std::int64_t m : pe.filters) {
          const std::int64_t sum = pe.sums[pixel * static_cast<std::size_t>(p_.m()) + static_cast<std::size_t>(m)];
          output_[static_cast<std::size_t>(p_.output_index(group_, image * p_.pixels() + pe.pixels[pixel], m))] = p_.finished(group_, m, sum);
          ++count(Level::global, Operand::output).writes;
          ++count(Level::dram, Operand::output).writes;
          stages_.back().flow_bits += static_cast<std::uint64_t>(shared_.output_bits);
        }
  }

  Access& count(Level level, Operand operand) { return o_.accesses.at(level, operand); }

  const Accelerator& shared_;
  const Dcnn& a_;
  const Problem& p_;
  const LayerSpec& l_;
  std::span<std::int64_t> output_;
  const DcnnObserver& observer_;
  Outcome o_;
  std::vector<Stage> stages_;
  std::vector<Pe> pes_;
  std::vector<DcnnPeClock> now_;
  std::int64_t group_ = 0;
};

}  // namespace

Outcome run(const Accelerator& shared, const Dcnn& array, const Problem& problem, std::span<std::int64_t> output, const DcnnObserver& observer) {
  return Machine(shared, array, problem, output, observer).run();
}

}  // namespace convroof::spatial::stepping
