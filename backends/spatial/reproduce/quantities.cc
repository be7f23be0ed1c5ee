#include "backends/spatial/reproduce/quantities.h"

#include <algorithm>
#include <stdexcept>

namespace convroof::spatial {
namespace {

double words(const Outcome& o, Level level, std::initializer_list<Operand> operands) {
  std::uint64_t sum = 0;
  for (const Operand operand : operands) sum += o.accesses.reads(level, operand) + o.accesses.writes(level, operand);
  return static_cast<double>(sum);
}

double all_macs(const Emulation& e) {
  return e.sum([&](const EmulatedLayer& l) { return macs(l.spec) * e.batch(); });
}

double dram_words(const Emulation& e) {
  return e.sum([&](const EmulatedLayer& l) { return e.outcome(l).accesses.total(Level::dram); });
}

double dram_bits(const Emulation& e) {
  const Accelerator& a = e.accelerator();
  return e.sum([&](const EmulatedLayer& l) {
    const Outcome& o = e.outcome(l);
    return words(o, Level::dram, {Operand::input, Operand::weight}) * a.word_bits + words(o, Level::dram, {Operand::output}) * a.output_bits +
           words(o, Level::dram, {Operand::psum}) * a.accumulator.bits;
  });
}

// --- row-stationary arrays ---------------------------------------------------------------------------------------------------------------------

const RowStationaryArray& row_stationary(const Emulation& e) {
  const auto* array = std::get_if<RowStationaryArray>(&e.accelerator().array);
  if (array == nullptr) throw std::invalid_argument("this quantity belongs to row-stationary arrays");
  return *array;
}

// Inputs (in from outside, out to the PEs) and partial sums (both ways) of the global buffer.
double buffer_bits(const Emulation& e) {
  row_stationary(e);
  return e.accelerator().word_bits * e.sum([&](const EmulatedLayer& l) {
    const Outcome& o = e.outcome(l);
    return static_cast<double>(o.counts.at("buffer_fills")) + words(o, Level::global, {Operand::input, Operand::psum, Operand::output});
  });
}

Emulation mapped_like(const Emulation& e, std::string_view layer) {
  Accelerator other = e.accelerator();
  RowStationaryArray array = row_stationary(e);
  for (const StatedMapping& stated : array.stated)
    if (stated.name.ends_with(layer)) array.forced = stated.mapping;
  if (!array.forced) throw std::invalid_argument("the accelerator's file states no such mapping");
  other.array = array;
  return e.on(std::string(layer), other);
}

double share_kib(const Emulation& e, std::int64_t (*share)(const LayerSpec&, const RowMapping&)) {
  const RowStationaryArray& array = row_stationary(e);
  const LayerSpec& layer = e.layers().at(0).spec;
  return static_cast<double>(share(as_rows(array, layer), mapping_for(e.accelerator(), array, layer, e.batch()))) * e.accelerator().word_bits / 8 / 1024;
}

}  // namespace

const std::vector<Quantity>& quantities() {
  static const std::vector<Quantity> all = {
      {"peak_gmacs", "GMAC/s", "multipliers x clock",
       [](const Emulation& e) { return 1e-9 * static_cast<double>(e.accelerator().multipliers()) * e.accelerator().clock_hz; }},
      {"peak_gops", "Gop/s", "2 x multipliers x clock", [](const Emulation& e) { return 1e-9 * e.accelerator().peak_ops_per_second(); }},
      {"peak_tops", "Top/s", "2 x multipliers x clock", [](const Emulation& e) { return 1e-12 * e.accelerator().peak_ops_per_second(); }},
      {"gmacs", "GMAC", "multiply-accumulates of the batch, padding taps counted", [](const Emulation& e) { return 1e-9 * all_macs(e); }},
      {"weights", "M", "weights without biases", [](const Emulation& e) { return 1e-6 * e.sum([](const EmulatedLayer& l) { return weight_count(l.spec); }); }},
      {"accesses_without_reuse", "M", "3 reads and 1 write for each multiply-accumulate", [](const Emulation& e) { return 4e-6 * all_macs(e); }},
      {"processing_ms", "ms", "clocks of the array, memory never waits / clock",
       [](const Emulation& e) { return 1e3 * e.sum([&](const EmulatedLayer& l) { return e.outcome(l).cycles; }) / e.accelerator().clock_hz; }},
      {"total_ms", "ms", "clocks with the waits for outer memory / clock", [](const Emulation& e) { return 1e3 * e.seconds(); }},
      {"frames_per_second", "1/s", "batch / total time", [](const Emulation& e) { return e.batch() / e.seconds(); }},
      {"gmacs_per_second", "GMAC/s", "multiply-accumulates / total time", [](const Emulation& e) { return 1e-9 * all_macs(e) / e.seconds(); }},
      {"active_pes", "1", "PEs that the mapping uses, at its widest",
       [](const Emulation& e) {
         std::uint64_t most = 0;
         for (const EmulatedLayer& layer : e.layers()) most = std::max(most, e.outcome(layer).pe_active);
         return static_cast<double>(most);
       }},
      {"accesses_m", "M", "words that cross the outer bus", [](const Emulation& e) { return 1e-6 * dram_words(e); }},
      {"accesses_with_padding_m", "M", "words that cross the outer bus, and padding zeros as if they did",
       [](const Emulation& e) { return 1e-6 * (dram_words(e) + e.sum([&](const EmulatedLayer& l) { return e.outcome(l).padding_words; })); }},
      {"dram_mb", "MB", "bytes that cross the outer bus", [](const Emulation& e) { return 1e-6 * dram_bits(e) / 8; }},
      {"dram_accesses_per_mac", "1", "words that cross the outer bus / multiply-accumulates", [](const Emulation& e) { return dram_words(e) / all_macs(e); }},
      {"buffer_mb", "MB", "inputs and partial sums into and out of the global buffer (row-stationary)",
       [](const Emulation& e) { return 1e-6 * buffer_bits(e) / 8; }},
      {"buffer_mb_mapped_like_conv4", "MB", "the same, with the mapping that the accelerator's file states for conv4",
       [](const Emulation& e) { return 1e-6 * buffer_bits(mapped_like(e, "conv4")) / 8; }},
      {"buffer_input_kib", "KiB", "share of the global buffer for inputs (row-stationary)", [](const Emulation& e) { return share_kib(e, input_share); }},
      {"buffer_psum_kib", "KiB", "share of the global buffer for partial sums (row-stationary)", [](const Emulation& e) { return share_kib(e, psum_share); }},
      {"speedup", "1", "time of the baseline / time", {}, [](const Emulation& e, const Emulation& base) { return base.seconds() / e.seconds(); }},
      {"zero_skipping_gain_best",
       "1",
       "time of the baseline / time",
       {},
       [](const Emulation& e, const Emulation& base) { return base.seconds() / e.seconds(); }},
  };
  return all;
}

const Quantity* find_quantity(std::string_view name) {
  const auto place = std::ranges::find(quantities(), name, &Quantity::name);
  return place == quantities().end() ? nullptr : &*place;
}

}  // namespace convroof::spatial
