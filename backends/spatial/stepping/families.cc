#include "backends/spatial/stepping/families.h"

// One include a family; the overloads do the rest.
#include "backends/spatial/stepping/broadcast_chain.h"
#include "backends/spatial/stepping/dcnn.h"
#include "backends/spatial/stepping/feie.h"
#include "backends/spatial/stepping/no_local_reuse.h"
#include "backends/spatial/stepping/row_stationary.h"
#include "backends/spatial/stepping/scnn.h"
#include "backends/spatial/stepping/shifting_neighbour.h"
#include "backends/spatial/stepping/systolic.h"

namespace convroof::spatial::stepping {

Outcome run(const Accelerator& a, const Problem& p, std::span<std::int64_t> output) {
  return std::visit([&](const auto& array) { return run(a, array, p, output); }, a.array);
}

}  // namespace convroof::spatial::stepping
