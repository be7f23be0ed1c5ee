// The contract between the harness and whatever computes a layer. A backend answers: what are you, can you do this, prepare it, run it.
// All one-time work (packing, planning, allocation, copies to a device) is in prepare(); run() does what is being timed and nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/tensor.h"
#include "workloads/density.h"
#include "workloads/layer.h"

namespace convroof {

enum class CacheState { warm, cold };
enum class Clock { host, device, simulated };  // never mixed in one series

// What follows the sums of a layer: `layer` its bias and its activation, `bias` the bias alone, `none` neither.
enum class Epilogue { layer, bias, none };

std::string_view name_of(CacheState cache);
std::string_view name_of(Clock clock);
std::string_view name_of(Epilogue epilogue);

// One piece of work. `layer` outlives the case.
struct Case {
  const LayerSpec& layer;
  DataType type = DataType::f32;
  std::int64_t batch = 1;
  Epilogue epilogue = Epilogue::layer;
  int threads = 1;
  CacheState cache = CacheState::warm;
  LayerDensity density;  // how the operands were pruned; the operands themselves already are

  bool has_bias() const { return layer.has_bias && epilogue != Epilogue::none; }
  Activation activation() const { return epilogue == Epilogue::layer ? layer.activation : Activation::none; }
  Tensor::Shape input_shape() const { return {batch, layer.in_channels, layer.in_height, layer.in_width}; }
  Tensor::Shape output_shape() const { return {batch, layer.out_channels, layer.out_height, layer.out_width}; }
  Tensor::Shape weight_shape() const { return {layer.out_channels, layer.in_channels_per_group(), layer.kernel_height, layer.kernel_width}; }
};

// Canonical, already pruned and rounded to the case's type; shared by all backends. Tensors that a layer lacks have no elements.
// They outlive the kernel that was prepared with them.
struct Operands {
  const Tensor& input;
  const Tensor& addend;   // second input of an addition
  const Tensor& weights;  // KCRS; a fully connected layer's too
  const Tensor& bias;     // K, of the accumulator's type (s16: s64)
};

// Yes, or no with the reason. The reason reaches the results file.
struct Support {
  bool yes = true;
  std::string reason;
  static Support no(std::string reason) { return {false, std::move(reason)}; }
  explicit operator bool() const { return yes; }
};

// One way of a backend to compute layers. For the spatial backend a variant is an accelerator.
struct Variant {
  std::string name;                 // part of case names: [a-z0-9._-]
  std::string summary;              // one line for `list variants`
  bool by_default = true;           // selected when no filter is given
  bool in_quick = false;            // selected by `run --quick`
  std::string fidelity;             // accelerators: chip, family, sketch; empty otherwise
  std::int64_t quick_max_macs = 0;  // `run --quick` skips layers with more dense MACs than this; 0: no limit
  double host_seconds_per_mac = 0;  // rough, one thread, of the host's time (also of a simulator); for predictions only. 0: unknown
};

// Words moved between a memory level and the one inside it.
struct Traffic {
  std::string level;    // dram, global, array, local
  std::string operand;  // input, weight, psum, output
  std::uint64_t reads = 0, writes = 0;
  int word_bytes = 0;
};

// What a simulated machine reports besides its output.
struct Simulated {
  std::uint64_t cycles = 0;        // clocks of the array with memory that never waits
  std::uint64_t stall_cycles = 0;  // added by finite bandwidth; seconds = (cycles + stall_cycles) / clock_hz
  double clock_hz = 0;
  std::uint64_t pe_count = 0;   // multipliers
  std::uint64_t pe_active = 0;  // of them used by the mapping
  double pe_utilization = 0;    // MACs executed / (multipliers x cycles)
  // PE-clocks that are lost, cause by cause from the stated peak down; with macs_executed they add up to pe_count x (cycles + stall_cycles).
  std::vector<std::pair<std::string, std::uint64_t>> pe_clocks_lost;
  std::map<std::string, double> energy;  // by level, in energy_unit; empty: no table given
  std::string energy_unit;               // pJ or MAC
  std::string energy_table;              // name of the table
  std::string fidelity;                  // chip, family, sketch
  std::vector<std::string> assumptions;
};

// What one run really did. Filled by the kernel from its own algorithm, not from the layer's nominal counts.
struct Work {
  std::uint64_t macs_executed = 0;  // multiplications really issued: direct and GEMM report valid taps (times kept weights if sparse),
                                    // Winograd and FFT those of the transformed domain, arrays what their PEs do
  std::uint64_t ops_other = 0;      // transform additions, comparisons, additions, exponentials: 1 each
  std::uint64_t bytes_packed = 0;   // what the prepared kernel must read and write once (transformed weights, workspace, activations)
  std::vector<Traffic> traffic;     // by level, where known
  std::string source;               // of `traffic`: simulated, counted, modelled; empty without
  std::string unit_used;            // fma, dot (bf16/int8 dot product), tensor, half2, scalar, array: which roof applies
  std::string accumulator;          // f32, s32, s64 ...: which roof applies
  std::optional<Simulated> simulated;
  std::map<std::string, std::string> facts;  // implementation, plan, what `auto` picked
};

// How far a correct kernel may be from the exact result:
//   |actual - expected| <= relative_to_magnitude * M + relative_to_largest_magnitude * max M + relative_to_expected * |expected| + absolute,
// or equal where that is negative; M bounds the sum of the absolute products (and bias) behind an output. All zero: exact.
struct ErrorModel {
  double relative_to_magnitude = 0;  // of rounding inside the sums: direct (K + 2) u, Higham, Accuracy and Stability of Numerical Algorithms, section 3.1
  double relative_to_expected = 0;   // of rounding the result
  double absolute = 0;
  // Of the largest M of the tensor: algorithms that mix neighbouring outputs (Winograd, FFT tiles) carry the rounding errors of one to the others.
  double relative_to_largest_magnitude = 0;
  double largest_relative_l2 = 0;  // a second gate on the whole tensor, 0: none
  std::string derivation;          // one line, recorded
};

// The default model: sums of reduction_length() products accumulated in the case's accumulator, rounded once to its output type; integers are exact.
ErrorModel direct_error_model(const Case& c);

// One case, ready: packed, planned, resident.
class Kernel {
 public:
  virtual ~Kernel() = default;
  // Computes the layer `times` times. Returns the seconds of all of them by the kernel's own clock (device, simulated);
  // nothing: the caller brackets the call with the host's clock. Returns after the output is complete.
  virtual std::optional<double> run(int times) = 0;
  // Throws this kernel's device caches out (the harness sweeps the host's own).
  virtual void make_cold() {}
  // Overwrites the output (wherever it lives) with Tensor::poison()'s pattern.
  virtual void poison_output() = 0;
  // Copies the output into a tensor of the case's output shape and type, canonical layout.
  virtual void read_output(Tensor& canonical) = 0;
  // Called once, after the timed runs and before work(): what takes time of its own and must not disturb them (hardware counters, energy over seconds).
  // May run the kernel again. What cannot be observed is a fact of work(), not an exception.
  virtual void observe() {}
  // Valid after a run.
  virtual Work work() const = 0;
};

// One roof of a device.
struct Ceiling {
  std::string device;
  std::string kind;         // compute, bandwidth
  std::string type;         // compute: the DataType's name (f32, bf16, f16, s8, s16)
  std::string accumulator;  // compute: f32, s32, s64 ...
  std::string unit_used;    // compute: as in Work
  std::string level;        // bandwidth: L1 L2 L3 dram hbm sram
  double value = 0;         // op/s or B/s
  std::string unit;         // "op/s", "B/s"
  int threads = 1;
  double clock_hz = 0;              // during the measurement; 0: unknown
  double spread = 0;                // (90th - 10th percentile) / best of the repetitions; the best is the value; 0 for stated values
  double theoretical = 0;           // 0: unknown
  std::string source;               // measured, simulated, datasheet
  std::string method;               // one line
  std::int64_t capacity_bytes = 0;  // bandwidth: largest working set that this level holds at these threads; 0: unlimited or unknown
};

// A verb of the command line that belongs to one backend (trace, explain, reproduce of the emulator).
struct Verb {
  std::string name, summary;
  std::function<int(const std::vector<std::string>& arguments)> main;  // arguments after the verb; returns the exit code
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  virtual std::string device() const = 0;  // the machine it runs on, as in reports: "AMD EPYC ...", "NVIDIA H200", for spatial ""
  virtual Clock clock() const = 0;
  virtual Support available() const { return {}; }                // can anything run here at all?
  virtual DataType native_type() const = 0;                       // used when `--types` is not given
  virtual std::string variant_noun() const { return "variant"; }  // spatial: "accelerator"
  virtual std::vector<Variant> variants() const = 0;
  // Adds a variant described by a user's file (spatial: an accelerator) and returns its name. Throws InputError or std::invalid_argument.
  virtual std::string add_variant_file(const std::string& path);
  // The device of one variant where it differs from device() (each accelerator is its own device).
  virtual std::string device_of(const Variant&) const { return device(); }

  virtual Support supports(const Variant& variant, const Case& c) const = 0;
  // Whether weights of s16 may come as a tensor of s8 where all of them fit: a layer of a hundred million then fits 200 MB.
  virtual bool takes_byte_weights() const { return false; }
  // Throws std::runtime_error where the library or device refuses after all; the case fails and says so.
  virtual std::unique_ptr<Kernel> prepare(const Variant& variant, const Case& c, const Operands& operands) = 0;
  virtual ErrorModel error(const Variant& variant, const Case& c) const;  // default: direct_error_model
  // Facts about a case that cannot run here but can still be said (cuDNN's plan for a described device). For skipped rows.
  virtual std::map<std::string, std::string> facts_when_skipped(const Variant&, const Case&) const { return {}; }
  // Roofs of its device for one type, by measurement (may take seconds) or statement.
  virtual std::vector<Ceiling> compute_ceilings(DataType, int /*threads*/) { return {}; }
  virtual std::vector<Ceiling> bandwidth_ceilings(int /*threads*/) { return {}; }
  virtual std::vector<Verb> verbs() { return {}; }
};

}  // namespace convroof
