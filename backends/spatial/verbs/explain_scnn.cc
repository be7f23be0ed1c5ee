// SCNN and the dense machine that it is compared with.
#include <fmt/format.h>

#include "backends/spatial/verbs/explain.h"
#include "workloads/checked.h"

namespace convroof::spatial {

std::string clock_terms(const Accelerator&, const Dcnn& a, const Problem& p, const Outcome& o) {
  const std::int64_t pieces = ceil_div(p.k(), a.lanes);
  if (Dcnn::is_flat(p.layer))
    return fmt::format("shape     {} products a sum, {} filters over {}; batch {}\n", p.k(), p.m(), a.shape(), p.batch) +
           fmt::format("clocks    images x ceil(products / {}) x ceil(filters / {}) = {} x {} x {} = {}\n", a.lanes, a.pes(), p.batch, pieces,
                       ceil_div(p.m(), a.pes()), o.cycles);
  const std::int64_t high = TileAxis::rows(p.layer, a.pe_rows).out_share(), wide = TileAxis::columns(p.layer, a.pe_columns).out_share();
  return fmt::format("shape     {} x {} outputs over {}: {} x {} a PE at most; {} products a sum, {} filters, {} groups\n", p.layer.out_height,
                     p.layer.out_width, a.shape(), high, wide, p.k(), p.m(), p.layer.groups) +
         fmt::format("clocks    images x groups x ceil(products / {}) x pixels of a tile x filters = {} x {} x {} x {} x {} = {}\n", a.lanes, p.batch,
                     p.layer.groups, pieces, high * wide, p.m(), o.cycles);
}

std::string clock_terms(const Accelerator&, const Scnn& a, const Problem& p, const Outcome& o) {
  const auto pe_clocks = o.cycles * static_cast<std::uint64_t>(a.pes());
  const std::uint64_t waits = o.counts.at("pe_wait_clocks"), queues = o.counts.at("contention_clocks"), pairs = pe_clocks - waits - queues;
  std::string text;
  if (ScnnPlan::is_flat(p.layer)) {
    text = fmt::format("shape     {} inputs, {} filters over {}; one input and {} weights a clock and PE\n", p.k(), p.m(), a.shape(), a.weights);
  } else {
    const ScnnPlan plan(a, p.layer);
    text = fmt::format("shape     {} x {} inputs over {}: {} x {} a PE at most, which reach {} x {} sums; {} filters at a time, {} blocks a group\n",
                       p.layer.in_height, p.layer.in_width, a.shape(), plan.rows.in_share(), plan.columns.in_share(), plan.sums_high, plan.sums_wide,
                       plan.filters_at_once, plan.blocks);
  }
  text += fmt::format("clocks    {} x {} PEs = {} PE-clocks = {} with a pair of vectors + {} until banks took all products + {} waiting\n", o.cycles, a.pes(),
                      pe_clocks, pairs, queues, waits);
  const std::uint64_t places = pairs * static_cast<std::uint64_t>(a.weights * a.inputs);
  text += fmt::format("products  {} places of the pairs: {} multiplied, of them {} belong to an output; the others are places that no value filled\n", places,
                      o.macs, o.counts.at("macs_useful"));
  return text;
}

}  // namespace convroof::spatial
