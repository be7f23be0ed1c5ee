#include <fmt/format.h>

#include "backends/spatial/verbs/explain.h"
#include "workloads/checked.h"

namespace convroof::spatial {

std::string clock_terms(const Accelerator& a, const ShiftingNeighbourArray& array, const Problem& p, const Outcome& o) {
  const LayerSpec& l = p.layer;
  const ShiftingNeighbourTile tile(a, array, l);
  std::string text =
      fmt::format("shape     {} filters, {} x {} outputs of {} images, K = {} products a sum, {} groups; a pass: {} filters of {} x {} outputs\n", p.m(),
                  l.out_height, l.out_width, p.batch, p.k(), l.groups, tile.filters, tile.rows, tile.columns);
  if (tile.rows * tile.columns != array.rows * array.columns)
    text += "mapping   one output pixel: every PE has a filter of its own, the input reaches all of them\n";
  text += fmt::format("clocks    groups x images x blocks of filters x tiles down x tiles across x K = {} x {} x {} x {} x {} x {} = {}\n", l.groups, p.batch,
                      ceil_div(p.m(), tile.filters), ceil_div(l.out_height, tile.rows), ceil_div(l.out_width, tile.columns), p.k(), o.cycles);
  if (array.has_outer_memory)
    text += fmt::format("loops     outermost: {}\n", name_of(array.outermost));
  else
    text += "loops     the whole layer lies in the buffers; no outer memory\n";
  return text;
}

}  // namespace convroof::spatial
