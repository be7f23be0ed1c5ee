// A plane cut over a grid of PEs, seen along one axis: each PE holds a piece of the input and owns a piece of the output, both cut evenly and rounded up,
// so that the last PEs may hold less or nothing. What a PE's inputs add up to reaches over the borders of its own outputs: the halo.
#pragma once

#include <algorithm>
#include <cstdint>

#include "workloads/checked.h"
#include "workloads/layer.h"

namespace convroof::spatial {

struct TileAxis {
  std::int64_t pes, in, out, kernel, stride, dilation, pad;

  static TileAxis rows(const LayerSpec& l, std::int64_t pes) {
    return {pes, l.in_height, l.out_height, l.kernel_height, l.stride_height, l.dilation_height, l.pad_top};
  }
  static TileAxis columns(const LayerSpec& l, std::int64_t pes) {
    return {pes, l.in_width, l.out_width, l.kernel_width, l.stride_width, l.dilation_width, l.pad_left};
  }

  std::int64_t in_share() const { return ceil_div(in, pes); }
  std::int64_t out_share() const { return ceil_div(out, pes); }
  std::int64_t in_first(std::int64_t pe) const { return std::min(in, pe * in_share()); }
  std::int64_t in_last(std::int64_t pe) const { return std::min(in, (pe + 1) * in_share()); }  // one past
  std::int64_t out_first(std::int64_t pe) const { return std::min(out, pe * out_share()); }
  std::int64_t out_last(std::int64_t pe) const { return std::min(out, (pe + 1) * out_share()); }
  std::int64_t owner(std::int64_t output) const { return output / out_share(); }

  // Outputs that the PE's inputs reach, [first, last): some of them other PEs', some outside the plane. For a PE with inputs only.
  std::int64_t reach_first(std::int64_t pe) const {
    const std::int64_t from = in_first(pe) + pad - (kernel - 1) * dilation;
    return from >= 0 ? ceil_div(from, stride) : -(-from / stride);
  }
  std::int64_t reach_last(std::int64_t pe) const { return (in_last(pe) - 1 + pad) / stride + 1; }
  // An upper bound of reach_last - reach_first over all PEs.
  std::int64_t most_reach() const { return (in_share() - 1 + (kernel - 1) * dilation) / stride + 1; }
};

}  // namespace convroof::spatial
