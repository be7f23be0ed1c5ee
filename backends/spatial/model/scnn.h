// SCNN: planar tiles, inputs stationary, Cartesian products of compressed inputs and weights. Parashar et al.: SCNN: An Accelerator for Compressed-sparse
// Convolutional Neural Networks, ISCA 2017 (arXiv 1708.04485).
//
// Loops: image, group, block of filters, input channel, phase, vector of `inputs` inputs of the PE's tile, vector of `weights` weights. A clock multiplies
// every input of one vector by every weight of the other; each product goes through a crossbar to the accumulator bank of its output. Two products for one
// bank take two clocks (`contention`). All PEs meet at the end of a block of filters; then the sums of the halo go to their owners, one a clock and PE,
// while the next block is computed (the accumulators are double).
//
// Phase: with a stride of S, an input meets a tap only if both have the same remainder modulo S (rows and columns apart); each pair of remainders is a
// compressed block of its own, so that no product is wasted. With stride 1 there is one.
//
// Stored form, of inputs (a PE's tile of a channel and phase, raster order) and weights (a block of filters at a channel and phase): the non-zero values,
// each with the number of zeros before it in `index_bits` bits; a longer run of zeros takes placeholders, which occupy a place in their vector.
//
// A fully connected layer has no plane to cut: PE p takes filters [p*share, (p+1)*share), one input and `weights` weights a clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "backends/spatial/model/planar_tiles.h"

namespace convroof {
class TomlTable;
}  // namespace convroof

namespace convroof::spatial {

struct Accelerator;
struct Problem;

enum class Neighbours { filters, taps };  // which weights lie side by side in a compressed block

struct Scnn {
  std::int64_t pe_rows = 8, pe_columns = 8;
  std::int64_t weights = 4, inputs = 4;  // F and I: of a PE's vectors
  std::int64_t banks = 32, bank_entries = 32;
  int index_bits = 4;
  bool contention = true;
  Neighbours neighbours = Neighbours::filters;
  std::optional<std::int64_t> input_ram_bytes;      // of a PE, compressed inputs; absent: as large as the layer needs
  std::optional<std::int64_t> weight_fifo_vectors;  // of a PE; a block that does not fit is fetched again for each vector of inputs

  std::int64_t pes() const { return pe_rows * pe_columns; }
  std::int64_t multipliers() const { return pes() * weights * inputs; }
  std::string shape() const;  // "8 x 8 PEs of 4 x 4 multipliers"
  std::int64_t placeholders(std::int64_t zeros) const { return zeros >> index_bits; }
};

struct ScnnPlan {
  TileAxis rows, columns;
  std::int64_t sums_high, sums_wide;  // accumulators that a filter takes in every PE
  std::int64_t filters_at_once;       // of a block; 0: not even one fits
  // The bank of a sum: (inputs x filter + row x bank_row + column) mod banks, rows and columns counted from the first that the tile reaches. One row of the
  // tile's inputs (of a phase) apart, so that the neighbours of a full vector of inputs, wherever its row ends, take neighbouring banks.
  std::int64_t bank_row;
  std::int64_t blocks;  // of a group

  ScnnPlan(const Scnn& array, const LayerSpec& layer);
  // Whether the layer runs as a fully connected one.
  static bool is_flat(const LayerSpec& layer) { return layer.op == Op::fc && layer.groups == 1; }
};

// Their keys: pe_rows, pe_columns, weights, inputs, banks, bank_entries, index_bits, contention, neighbours, input_ram_bytes, weight_fifo_vectors.
Scnn read_scnn(const TomlTable& root, const Accelerator& shared);

// The sums of one filter must fit the accumulators.
std::string why_not(const Accelerator&, const Scnn& array, const LayerSpec& layer, std::int64_t batch);

}  // namespace convroof::spatial
