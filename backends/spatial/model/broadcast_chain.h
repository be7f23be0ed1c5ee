// Weight-stationary convolvers: inputs are broadcast to all PEs of an engine, partial sums pass from PE to PE, and delay lines hold them from the end of
// one filter row to the start of the next. neuFlow and nn-X are of this kind (Farabet et al., CVPRW 2011; Gokhale et al., CVPRW 2014).
// docs/backends/spatial/broadcast-chain.md has the drawing and the equations.
#pragma once

#include <cstdint>
#include <string>

#include "backends/spatial/model/edge_buffers.h"

namespace convroof {
class TomlTable;
struct LayerSpec;
}  // namespace convroof

namespace convroof::spatial {

struct Accelerator;

struct BroadcastChainArray {
  // Either engines of a fixed shape (pes = 0), or a pool of PEs that form engines of the filter's shape.
  std::int64_t engines = 0, rows = 0, columns = 0;
  std::int64_t pes = 0;
  std::int64_t chain = 1;   // engines in a row that take one input channel each and hand their sums on
  std::int64_t images = 0;  // that pass the array before the next weights come; 0: all of the batch. More images need more room for waiting sums
  EdgeBuffers buffers;      // weights go straight into the PEs: no buffer of theirs

  std::int64_t multipliers() const { return pes > 0 ? pes : engines * rows * columns; }
  std::string shape() const;  // "8 engines of 10 x 10 PEs"
};

// How an array lies over a layer: `filters` x `channels` engines of rows x columns PEs.
struct BroadcastChainMapping {
  std::int64_t filters, channels, rows, columns;

  BroadcastChainMapping(const BroadcastChainArray& array, const LayerSpec& layer);
};

// One part of a filter that an engine holds at a time, and the pixels that stream past it: rows [y, y + height) and columns [x, x + width) of the input,
// padding included (so y and x may be negative).
struct BroadcastChainPart {
  std::int64_t first_row, first_column, rows, columns;  // of the filter
  std::int64_t y, x, height, width;

  std::int64_t pixels() const { return height * width; }
  // Clocks from a sum's first product in an engine to its last, both included.
  std::int64_t latency(const LayerSpec& layer) const;
};
BroadcastChainPart part_of(const LayerSpec& layer, const BroadcastChainMapping& mapping, std::int64_t row, std::int64_t column);

// Its keys: engines, rows, columns or pes; chain; images_in_a_pass; [buffer.input], [buffer.output].
BroadcastChainArray read_broadcast_chain(const TomlTable& root, const Accelerator& shared);

// Every layer runs: filters larger than an engine are cut, sums that find no place in the buffer wait outside.
inline std::string why_not(const Accelerator&, const BroadcastChainArray&, const LayerSpec&, std::int64_t /*batch*/) { return ""; }

}  // namespace convroof::spatial
