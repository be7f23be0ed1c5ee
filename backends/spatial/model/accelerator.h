// An accelerator, as its file describes it. docs/backends/spatial.md explains every key with an example.
//
// What all machines share stands here; what a family of machines (one dataflow) needs besides is a struct of its own in `array`, with its own header
// and reader. A family is: model/<family>.{h,cc}, fast/<family>.{h,cc}, stepping/<family>.{h,cc}, verbs/{trace,explain}_<family>.cc, one alternative
// below, one line in the table of accelerator.cc, and one include in each families.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "backends/spatial/model/accumulator.h"
#include "backends/spatial/model/broadcast_chain.h"
#include "backends/spatial/model/dcnn.h"
#include "backends/spatial/model/feie.h"
#include "backends/spatial/model/no_local_reuse.h"
#include "backends/spatial/model/row_stationary.h"
#include "backends/spatial/model/scnn.h"
#include "backends/spatial/model/shifting_neighbour.h"
#include "backends/spatial/model/systolic.h"

namespace convroof::spatial {

// Cost of one event, in `unit`.
struct EnergyTable {
  std::string name;  // as in the file's `energy`
  std::string unit;  // pJ, or MAC: relative to one multiply-accumulate
  std::string source;
  double mac = 0, local = 0, array = 0, global = 0, dram = 0;
};

using Array = std::variant<SystolicArray, FeieArray, NoLocalReuse, RowStationaryArray, Dcnn, Scnn, ShiftingNeighbourArray, BroadcastChainArray>;

struct Accelerator {
  std::string name;   // the variant: the file's stem
  std::string title;  // for people; the device of its results
  std::string source;
  std::string fidelity;  // chip (published figures exist to check against), family, sketch
  std::vector<std::string> assumptions;

  std::string dataflow;  // the word that chose the family of `array`
  Array array;

  double clock_hz = 0;
  int word_bits = 16;  // of an input or weight
  Accumulator accumulator;
  int output_bits = 64;  // of a finished output, where it leaves the array; the accumulator's bits unless the file says otherwise

  std::optional<double> dram_bits_per_cycle;  // of the array's clock, reads and writes together. Absent: memory never waits

  std::optional<EnergyTable> energy;

  std::int64_t multipliers() const;
  std::string shape() const;  // of the array, for people: "16 x 16 PEs"
  double peak_ops_per_second() const { return 2.0 * static_cast<double>(multipliers()) * clock_hz; }
};

// Why the accelerator cannot run this layer (conv or fc) at this batch, as the reason of a skipped row; empty: it can.
std::string why_not(const Accelerator& accelerator, const LayerSpec& layer, std::int64_t batch);

// Throws InputError (file:line:column, the word, the mend). The name is the file's stem. A path that ends in .cfg is a configuration of SCALE-Sim.
Accelerator read_accelerator(const std::string& path);
Accelerator parse_accelerator(std::string_view text, const std::string& shown_name);

// A shipped accelerator's name or a path. Throws InputError, or std::invalid_argument for an unknown name.
Accelerator load_accelerator(std::string_view name_or_path);
std::vector<std::string> shipped_accelerator_names();  // in the order of tables

}  // namespace convroof::spatial
