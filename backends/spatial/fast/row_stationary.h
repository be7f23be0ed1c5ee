// Row-stationary arrays without stepping: sums over tiles and passes, and a recurrence over the columns of one pass for its clocks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backends/spatial/fast/row_pass.h"
#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Looks at the numbers for gating and compression: where `input` or `weights` are empty, no element is zero. With numbers and compression the layer's
// outputs are computed too, since their zeros decide how long their code is. Throws std::overflow_error where a count exceeds 63 bits.
Outcome count(const Accelerator& accelerator, const RowStationaryArray& array, const Problem& problem, int threads);

// Passes of equal shape and their clocks; the products, and the clocks that the last sums of the layer need to leave, add up
// to the layer's.
struct RowPassKind {
  RowPass pass;
  std::uint64_t count = 0, clocks = 0;  // clocks: of one
};
std::vector<RowPassKind> pass_kinds(const Accelerator& accelerator, const RowStationaryArray& array, const Problem& problem);

void compute(const Accelerator& accelerator, const RowStationaryArray& array, const Problem& problem, std::span<std::int64_t> output, int threads);

}  // namespace convroof::spatial::fast
