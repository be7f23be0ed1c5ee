#include <fmt/format.h>

#include <map>

#include "backends/spatial/fast/row_stationary.h"
#include "backends/spatial/verbs/explain.h"

namespace convroof::spatial {

std::string clock_terms(const Accelerator& a, const RowStationaryArray& array, const Problem& p, const Outcome& o) {
  const LayerSpec l = as_rows(array, p.layer);
  const RowMapping map = mapping_for(a, array, p.layer, p.batch);
  const auto kib = [&](std::int64_t words) { return static_cast<double>(words) * a.word_bits / 8 / 1024; };
  std::string text = fmt::format("shape     {} channels and {} filters a group, {} groups; filter {} x {}, output {} x {}; {}\n", l.in_channels_per_group(),
                                 l.out_channels_per_group(), l.groups, l.kernel_height, l.kernel_width, l.out_height, l.out_width, array.shape());
  bool stated = false;
  for (const StatedMapping& mapping : array.stated) stated = stated || mapping.is_for(l);
  text += fmt::format("mapping   {} ({}); {} x {} sets of {} x {} PEs\n", to_string(map), stated ? "as published" : "least energy, by search", map.r, map.t,
                      l.kernel_height, map.e);
  text += fmt::format("buffer    {:.1f} KiB inputs, {:.1f} KiB partial sums, of {:.1f} KiB\n", kib(input_share(l, map)), kib(psum_share(l, map)),
                      kib(array.buffer_words(a)));
  text += "clocks    passes x clocks each\n";
  // Passes that differ only in what leaves before them are one line.
  std::map<std::string, std::uint64_t> passes;
  std::uint64_t in_passes = 0;
  for (const fast::RowPassKind& kind : fast::pass_kinds(a, array, p)) {
    in_passes += kind.count * kind.clocks;
    passes[fmt::format("{} (rows {}, channels {}, filters {}, images {}{})", kind.clocks, kind.pass.out_rows, kind.pass.channels, kind.pass.filters,
                       kind.pass.images, kind.pass.first_channels ? ", first channels" : "")] += kind.count;
  }
  for (const auto& [pass, count] : passes) text += fmt::format("          {} x {}\n", count, pass);
  return text + fmt::format("          and {} until the last sums have left = {}\n", o.cycles - in_passes, o.cycles);
}

}  // namespace convroof::spatial
