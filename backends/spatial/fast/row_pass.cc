#include "backends/spatial/fast/row_pass.h"

#include <algorithm>

#include "backends/spatial/model/row_geometry.h"

namespace convroof::spatial::fast {

RowColumns::RowColumns(const LayerSpec& l) {
  const std::vector<std::int64_t> used = columns_used(l);
  all = static_cast<std::int64_t>(used.size()), inside = spatial::inside(used, l.in_width);
  for (std::int64_t x = 0; x < l.out_width; ++x)
    for (std::int64_t s = 0; s < l.kernel_width; ++s)
      taps.push_back(std::ranges::lower_bound(used, x * l.stride_width + s * l.dilation_width - l.pad_left) - used.begin());
}

std::int64_t climb_clocks(const LayerSpec& l, const RowMapping& map, const RowPass& pass) { return l.kernel_height * Split(pass.channels, map.r).sets - 1; }
std::int64_t exchange_clocks(const RowStationaryArray& array, const RowPass& pass) { return ceil_div(pass.filters * pass.out_rows, array.psum_bus_words); }

std::uint64_t pass_clocks(const RowStationaryArray& array, const LayerSpec& l, const RowMapping& map, const RowColumns& columns, const RowPass& pass) {
  const std::int64_t S = l.kernel_width, filters = Split(pass.filters, map.t).each, channels = Split(pass.channels, map.r).each;
  const std::int64_t weights = l.kernel_height * S * pass.channels * pass.filters;
  const std::int64_t column_clocks = ceil_div(pass.rows * pass.channels, array.input_bus_words);
  const std::int64_t exchange = exchange_clocks(array, pass);
  const std::int64_t room = array.input_words / channels + 1;  // columns in the scratchpad, and one in the FIFO

  std::vector<std::int64_t> freed(static_cast<std::size_t>(pass.images * columns.all));  // when a column leaves
  std::int64_t clock = std::max(ceil_div(weights, array.weight_bus_words), pass.leaving), bus = 0, entered = 0, gone = 0;
  for (std::int64_t image = 0; image < pass.images; ++image)
    for (std::int64_t x = 0; x < l.out_width; ++x) {
      const std::int64_t before = image * columns.all;
      const auto tap = [&](std::int64_t at, std::int64_t s) { return before + columns.taps[static_cast<std::size_t>(at * S + s)]; };
      for (const std::int64_t last = tap(x, S - 1); entered <= last; ++entered) {
        if (entered >= room) bus = std::max(bus, freed[static_cast<std::size_t>(entered - room)]);
        bus += column_clocks;
      }
      clock = std::max(clock, bus);
      const std::int64_t kept = x + 1 < l.out_width ? tap(x + 1, 0) : before + columns.all;  // the first that a later window needs
      for (std::int64_t s = 0; s < S; ++s)
        for (const std::int64_t done = std::min(kept, tap(x, s) + 1); gone < done; ++gone)
          freed[static_cast<std::size_t>(gone)] = clock + (s + 1) * filters * channels;
      const bool sums_move = !pass.first_channels || image > 0 || x > 0;
      clock += std::max(filters * channels * S, sums_move ? exchange : 0);
    }
  return static_cast<std::uint64_t>(clock);
}

}  // namespace convroof::spatial::fast
