// The dense machine that SCNN is compared with: the same planar tiles over the same PEs, but each PE forms the dot product of `lanes` inputs and weights
// in a clock. Parashar et al., ISCA 2017, section 5 (DCNN).
//
// Loops: image, group, piece of `lanes` reduction indices, output pixel of the PE's tile, filter. The piece's inputs are latched for all filters; all PEs
// take the same weights in the same clock, so the fullest tile decides. A fully connected layer gives each PE filters of its own instead of pixels.
#pragma once

#include <cstdint>
#include <string>

#include "backends/spatial/model/planar_tiles.h"

namespace convroof {
class TomlTable;
}  // namespace convroof

namespace convroof::spatial {

struct Accelerator;

struct Dcnn {
  std::int64_t pe_rows = 8, pe_columns = 8;
  std::int64_t lanes = 16;   // multipliers of a PE
  bool gates_zeros = false;  // a multiplication by zero costs no energy (DCNN-opt); clocks stay

  std::int64_t pes() const { return pe_rows * pe_columns; }
  std::int64_t multipliers() const { return pes() * lanes; }
  std::string shape() const;  // "8 x 8 PEs of 16 multipliers"
  static bool is_flat(const LayerSpec& layer) { return layer.op == Op::fc && layer.groups == 1; }
};

// Its keys: pe_rows, pe_columns, lanes, gate_zeros.
Dcnn read_dcnn(const TomlTable& root, const Accelerator& shared);

// Every layer runs.
inline std::string why_not(const Accelerator&, const Dcnn&, const LayerSpec&, std::int64_t /*batch*/) { return ""; }

}  // namespace convroof::spatial
