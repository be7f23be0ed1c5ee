// The spatial-dataflow emulator as a backend: a variant is an accelerator, its clock is simulated, its output is real.
// Runs the fast engine; tests hold it equal to the stepping engine.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "backends/backend.h"
#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/families.h"
#include "backends/spatial/fast/never_overflows.h"
#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/energy.h"
#include "backends/spatial/model/signal_to_noise.h"
#include "backends/spatial/model/staircase.h"
#include "backends/spatial/verbs/verbs.h"
#include "workloads/data_folder.h"

namespace convroof {
namespace spatial {
namespace {

constexpr int kBitsOfData = 24;  // harness/inputs.h: sums of integer data stay inside

Problem problem_of(const Case& c, const Operands& operands) {
  Problem p{.layer = c.layer, .batch = c.batch};
  p.input = operands.input.as<std::int16_t>();
  if (operands.weights.type() == ElementType::s8)
    p.weights = operands.weights.as<std::int8_t>();
  else
    p.weights = operands.weights.as<std::int16_t>();
  if (c.has_bias()) p.bias = operands.bias.as<std::int64_t>();
  p.relu = c.activation() == Activation::relu;
  return p;
}

class SpatialKernel final : public Kernel {
 public:
  SpatialKernel(const Accelerator& a, const Case& c, const Operands& operands)
      : a_(a),
        case_(c),
        problem_(problem_of(case_, operands)),
        output_(Tensor::poisoned(ElementType::s64, c.output_shape())),
        outcome_(fast::count(a_, problem_, case_.threads)) {}

  // The clock is simulated and every run is like the first, so an output stands until it is poisoned.
  std::optional<double> run(int times) override {
    if (!computed_) fast::compute(a_, problem_, output_.as<std::int64_t>(), case_.threads);
    computed_ = true;
    return times * static_cast<double>(outcome_.cycles + outcome_.stall_cycles) / a_.clock_hz;
  }
  void poison_output() override {
    if (computed_) output_.poison();
    computed_ = false;
  }
  void read_output(Tensor& canonical) override { std::ranges::copy(output_.as<std::int64_t>(), canonical.as<std::int64_t>().begin()); }

  Work work() const override {
    Work work;
    work.macs_executed = outcome_.macs;
    const int word = a_.word_bits / 8, sum = a_.accumulator.bits / 8, out = a_.output_bits / 8;
    const auto bytes = [&](std::uint64_t words, int each) { return words * static_cast<std::uint64_t>(each); };
    work.bytes_packed = bytes(static_cast<std::uint64_t>(case_.batch * input_elements(case_.layer) + weight_count(case_.layer)), word) +
                        bytes(static_cast<std::uint64_t>(case_.batch * output_elements(case_.layer)), out) +
                        bytes(static_cast<std::uint64_t>(case_.has_bias() ? bias_count(case_.layer) : 0), sum);
    for (const Level level : kLevels)
      for (const Operand operand : kOperands) {
        const Access& access = outcome_.accesses.at(level, operand);
        const int width = operand == Operand::psum ? sum : operand == Operand::output ? out : word;
        work.traffic.push_back({std::string(name_of(level)), std::string(name_of(operand)), access.reads, access.writes, width});
      }
    work.source = "simulated";
    work.unit_used = "array";
    work.accumulator = fmt::format("s{}", a_.accumulator.bits);
    Simulated simulated;
    simulated.cycles = outcome_.cycles;
    simulated.stall_cycles = outcome_.stall_cycles;
    simulated.clock_hz = a_.clock_hz;
    simulated.pe_count = static_cast<std::uint64_t>(a_.multipliers());
    simulated.pe_active = outcome_.pe_active;
    simulated.pe_utilization = utilization(a_, outcome_);
    if (a_.energy) {
      simulated.energy = energy_of(*a_.energy, outcome_);
      simulated.energy_unit = a_.energy->unit;
      simulated.energy_table = a_.energy->name;
    }
    simulated.fidelity = a_.fidelity;
    simulated.assumptions = a_.assumptions;
    work.simulated = std::move(simulated);
    work.facts["implementation"] = fmt::format("{}, {}", a_.dataflow, a_.shape());
    const Staircase steps = staircase(a_, problem_, outcome_);
    for (const auto& [cause, clocks] : steps.losses()) work.simulated->pe_clocks_lost.emplace_back(cause, clocks);
    work.facts["staircase"] = descent(a_, steps);
    add_noise(work);
    work.facts["padding_words"] = fmt::format("{}", outcome_.padding_words);
    for (const auto& [name, value] : outcome_.counts) work.facts[name] = fmt::format("{}", value);
    return work;
  }

 private:
  // Where sums may saturate or drop bits: how far all outputs are from exact ones.
  void add_noise(Work& work) const {
    if (!computed_ || fast::never_overflows(a_.accumulator, problem_)) return;
    std::vector<std::int64_t> exact(output_.as<std::int64_t>().size());
    fast::exact_convolution(problem_, exact, case_.threads);
    const auto noise = signal_to_noise_db(exact, output_.as<std::int64_t>(), a_.accumulator.dropped_bits);
    work.facts["signal_to_noise_db"] = noise ? fmt::format("{:.2f}", *noise) : "no noise";
  }

  const Accelerator a_;
  const Case case_;
  const Problem problem_;
  Tensor output_;
  bool computed_ = false;
  const Outcome outcome_;
};

class SpatialBackend final : public Backend {
 public:
  std::string name() const override { return "spatial"; }
  std::string device() const override { return "emulated accelerators"; }
  std::string device_of(const Variant& variant) const override { return accelerator(variant).name; }
  Clock clock() const override { return Clock::simulated; }
  DataType native_type() const override { return DataType::s16; }
  bool takes_byte_weights() const override { return true; }
  std::string variant_noun() const override { return "accelerator"; }

  std::vector<Variant> variants() const override {
    std::vector<Variant> list;
    for (const Accelerator& a : accelerators()) list.push_back(variant_of(a));
    return list;
  }

  std::string add_variant_file(const std::string& path) override {
    Accelerator a = read_accelerator(path);
    const auto plain = [](char ch) { return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '.' || ch == '_' || ch == '-'; };
    if (a.name.empty() || !std::ranges::all_of(a.name, plain))
      throw std::invalid_argument(fmt::format("accelerator file `{}`: its stem `{}` becomes part of case names; use only a-z, 0-9 and . _ -", path, a.name));
    // SCALE-Sim has an eyeriss.cfg, which is another machine than ours of that name.
    if (path.ends_with(".cfg") && std::ranges::any_of(accelerators(), [&](const Accelerator& known) { return known.name == a.name; })) a.name += "-scale-sim";
    for (const Accelerator& known : accelerators())
      if (known.name == a.name)
        throw std::invalid_argument(fmt::format("accelerator file `{}`: an accelerator named `{}` exists already; rename the file", path, a.name));
    accelerators().push_back(a);
    return a.name;
  }

  Support supports(const Variant& variant, const Case& c) const override {
    if (!c.layer.has_weights())
      return Support::no(fmt::format("the array multiplies and accumulates; {} would run beside it and is not modelled", name_of(c.layer.op)));
    if (c.type != DataType::s16) return Support::no(fmt::format("the array computes s16, not {}", name_of(c.type)));
    if (c.activation() == Activation::sigmoid || c.activation() == Activation::tanh)
      return Support::no(fmt::format("{} has no integer form here", name_of(c.activation())));
    if (std::string reason = why_not(accelerator(variant), c.layer, c.batch); !reason.empty()) return Support::no(std::move(reason));
    return {};
  }

  // Sums that are narrower than the data need, or whose products lose bits, differ from exact ones because the machine is built so. How far they really do is
  // the fact signal_to_noise_db; that they are the machine's own, bit for bit, is what the tests of both engines hold.
  ErrorModel error(const Variant& variant, const Case& c) const override {
    const Accumulator& sums = accelerator(variant).accumulator;
    if (sums.is_exact() || (sums.bits >= kBitsOfData && sums.dropped_bits == 0)) return direct_error_model(c);
    const Deviation deviation = largest_deviation(sums);
    ErrorModel model;
    model.relative_to_magnitude = deviation.of_magnitude, model.absolute = deviation.offset;
    model.derivation = deviation.derivation;
    return model;
  }

  std::unique_ptr<Kernel> prepare(const Variant& variant, const Case& c, const Operands& operands) override {
    return std::make_unique<SpatialKernel>(accelerator(variant), c, operands);
  }

  std::vector<Ceiling> compute_ceilings(DataType type, int threads) override {
    std::vector<Ceiling> list;
    if (type != DataType::s16) return list;
    for (const Accelerator& a : accelerators()) {
      Ceiling c;
      c.device = a.name;
      c.kind = "compute";
      c.type = "s16";
      c.accumulator = fmt::format("s{}", a.accumulator.bits);
      c.unit_used = "array";
      c.value = c.theoretical = a.peak_ops_per_second();
      c.unit = "op/s";
      c.threads = threads;
      c.clock_hz = a.clock_hz;
      c.source = a.fidelity == "chip" ? "datasheet" : "simulated";
      c.method = fmt::format("2 x {} multipliers x {:.6g} Hz", a.multipliers(), a.clock_hz);
      list.push_back(c);
    }
    return list;
  }

  std::vector<Ceiling> bandwidth_ceilings(int threads) override {
    std::vector<Ceiling> list;
    for (const Accelerator& a : accelerators()) {
      if (!a.dram_bits_per_cycle) continue;
      Ceiling c;
      c.device = a.name;
      c.kind = "bandwidth";
      c.level = "dram";
      c.value = c.theoretical = *a.dram_bits_per_cycle / 8 * a.clock_hz;
      c.unit = "B/s";
      c.threads = threads;
      c.clock_hz = a.clock_hz;
      c.source = a.fidelity == "chip" ? "datasheet" : "simulated";
      c.method = fmt::format("{:.6g} bits a clock, reads and writes together", *a.dram_bits_per_cycle);
      list.push_back(c);
    }
    return list;
  }

  std::vector<Verb> verbs() override { return spatial::verbs(); }

 private:
  // Read on first use: a broken file in a data folder must not stop programs that never ask for an accelerator.
  static std::vector<Accelerator>& accelerators() {
    static std::vector<Accelerator> all = [] {
      std::vector<Accelerator> list;
      for (const std::string& name : shipped_accelerator_names()) list.push_back(load_accelerator(name));
      return list;
    }();
    return all;
  }
  static const Accelerator& accelerator(const Variant& variant) {
    for (const Accelerator& a : accelerators())
      if (a.name == variant.name) return a;
    throw std::invalid_argument(fmt::format("unknown accelerator `{}`", variant.name));
  }
  static Variant variant_of(const Accelerator& a) {
    return {.name = a.name, .summary = a.title, .by_default = true, .in_quick = a.name == "systolic-ws", .fidelity = a.fidelity};
  }
};

}  // namespace
}  // namespace spatial

std::unique_ptr<Backend> make_spatial_backend() { return std::make_unique<spatial::SpatialBackend>(); }

}  // namespace convroof
