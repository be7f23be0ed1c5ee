// Row-stationary arrays: a rectangle of PEs, each with three scratchpads, fed from a global buffer by multicast buses.
// Chen, Krishna, Emer, Sze: Eyeriss, IEEE JSSC 52(1), 2017, sections III to V. docs/backends/spatial/row-stationary.md draws it.
//
// One PE convolves one filter row with one input row. A PE set is R PEs high (filter rows) and e wide (output rows): filter rows are shared along
// rows of the set, input rows along diagonals, and partial sums add up along columns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/layer.h"

namespace convroof {
class TomlTable;
}  // namespace convroof

namespace convroof::spatial {

struct Accelerator;

// How a layer is laid over the array: the letters of the paper's table II. Largest sizes; the last block of anything may be smaller.
struct RowMapping {
  std::int64_t m = 1;  // filters whose partial sums wait in the global buffer together
  std::int64_t n = 1;  // images that pass through the array one after another in one pass
  std::int64_t e = 1;  // output rows: the width of a PE set
  std::int64_t p = 1;  // filters that one PE interleaves
  std::int64_t q = 1;  // channels that one PE interleaves
  std::int64_t r = 1;  // PE sets on different channels
  std::int64_t t = 1;  // PE sets on different filters
  bool operator==(const RowMapping&) const = default;
};

std::string to_string(const RowMapping& mapping);  // "m 64, n 4, e 13, p 16, q 3, r 2, t 2"

// A mapping that a paper states, and the layer that it is for.
struct StatedMapping {
  std::string name;
  std::int64_t channels = 0, filters = 0;  // channels of one group; filters of all groups
  std::int64_t kernel = 0, stride = 0, out = 0;
  RowMapping mapping;

  bool is_for(const LayerSpec& layer) const;
};

struct RowStationaryArray {
  std::int64_t rows = 0, columns = 0;                                          // of PEs
  std::int64_t weight_words = 0, input_words = 0, psum_words = 0;              // of a PE's scratchpads
  std::int64_t buffer_bytes = 0;                                               // of the global buffer: inputs and partial sums
  std::int64_t weight_buffer_bytes = 0;                                        // of its part for the filters of the next pass
  std::int64_t weight_bus_words = 1, input_bus_words = 1, psum_bus_words = 1;  // a clock; partial sums have one bus each way
  bool gates_zeros = false;           // a zero input saves the multiplication and the read of the weight, not the clock
  bool compresses = false;            // inputs and outputs cross the outer bus in run-length code where that is shorter
  std::vector<StatedMapping> stated;  // empty: all by search
  std::optional<RowMapping> forced;   // for any layer, where it fits; set by what-if questions, not by files

  std::int64_t multipliers() const { return rows * columns; }
  std::string shape() const;  // "12 x 14 PEs"

  std::int64_t buffer_words(const Accelerator& a) const;
  std::int64_t weight_buffer_words(const Accelerator& a) const;
  // Sets of `height` x `width` PEs that fit side by side. A set wider than the array is cut into pieces as wide as the array, one above the other.
  std::int64_t sets_that_fit(std::int64_t height, std::int64_t width) const;
};

// Its keys: rows, columns, [scratchpad], [global_buffer], [bus], zero_gating, compression, mapping, [[stated_mapping]].
RowStationaryArray read_row_stationary(const TomlTable& root, const Accelerator& shared);

// The layer as the array sees it. A fully connected layer whose input is too high or wide for one filter becomes a 1 x 1 filter over as many channels
// as it has inputs; the numbers lie in memory as before.
LayerSpec as_rows(const RowStationaryArray& array, const LayerSpec& layer);

// Words of the global buffer that a mapping needs; padding included, as in the paper's table III.
std::int64_t input_share(const LayerSpec& rows_layer, const RowMapping& mapping);
std::int64_t psum_share(const LayerSpec& rows_layer, const RowMapping& mapping);

// Why this mapping cannot run; empty: it can. `layer` as given by as_rows.
std::string why_not(const Accelerator& a, const RowStationaryArray& array, const LayerSpec& rows_layer, const RowMapping& mapping);

std::string why_not(const Accelerator& a, const RowStationaryArray& array, const LayerSpec& layer, std::int64_t batch);

// The forced mapping, or the stated one where there is one for the layer, or the mapper's; n is cut to the batch. Throws std::invalid_argument where why_not
// says no.
RowMapping mapping_for(const Accelerator& a, const RowStationaryArray& array, const LayerSpec& layer, std::int64_t batch);

}  // namespace convroof::spatial
