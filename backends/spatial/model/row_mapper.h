// Finds how a layer is laid over a row-stationary array: the mapping of least energy.
//
// Energy is that of dense operands, without compression and gating, in the accelerator's energy table (1, 1, 2, 6, 200 of table IV, ISCA 2016, where it
// has none). So a mapping depends on shapes alone.
//   p from 1 to the psum scratchpad, q and p q S within the input and weight scratchpads; r sets on channels and as many on
//   filters as PEs and buffers hold beside them (with p = 1)
//   e and n: the smallest that give the same number of strips of rows, or of blocks of images
//   m: the largest multiple of p t that fits the buffer beside the inputs, or all filters
//   the filters of one pass fit the weight part of the buffer
// Of mappings with equal energy the one with more active PEs is taken, then the one with fewer passes, then the first in the order of loops (e and n
// falling, r rising, q and p falling).
#pragma once

#include <cstdint>
#include <optional>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/row_stationary.h"

namespace convroof::spatial {

// `rows_layer` as given by as_rows. Empty: no mapping fits.
std::optional<RowMapping> best_mapping(const Accelerator& a, const RowStationaryArray& array, const LayerSpec& rows_layer, std::int64_t batch);

// Energy of a layer by the mapper's terms.
double mapping_energy(const Accelerator& a, const LayerSpec& rows_layer, std::int64_t batch, const RowMapping& mapping);

}  // namespace convroof::spatial
