#include "backends/spatial/fast/families.h"

// One include a family; the overloads do the rest.
#include "backends/spatial/fast/broadcast_chain.h"
#include "backends/spatial/fast/dcnn.h"
#include "backends/spatial/fast/feie.h"
#include "backends/spatial/fast/no_local_reuse.h"
#include "backends/spatial/fast/row_stationary.h"
#include "backends/spatial/fast/scnn.h"
#include "backends/spatial/fast/shifting_neighbour.h"
#include "backends/spatial/fast/systolic.h"

namespace convroof::spatial::fast {

Outcome count(const Accelerator& a, const Problem& p, int threads) {
  return std::visit([&](const auto& array) { return count(a, array, p, threads); }, a.array);
}

void compute(const Accelerator& a, const Problem& p, std::span<std::int64_t> output, int threads) {
  std::visit([&](const auto& array) { compute(a, array, p, output, threads); }, a.array);
}

}  // namespace convroof::spatial::fast
