// What each family adds to `trace`: its example and its table, one overload of both each, in trace_<family>.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/verbs/clock_table.h"
#include "workloads/layer.h"

namespace convroof::spatial {

inline constexpr std::int64_t kMostTracedPes = 64;  // a wider table helps nobody

// The layer that is shown where the user names none.
struct TraceExample {
  std::vector<std::int64_t> input = {2, 2, 2}, kernel = {1, 1};  // channels height width; height width
  std::int64_t filters = 3, stride = 1, padding = 0;
  std::vector<std::int16_t> weights;  // repeated as often as needed; empty: 1, 2, ... 99, 1, ...
};

struct TraceRequest {
  LayerSpec layer;
  bool is_example = true;                     // the layer is small and the user's own; otherwise one of a network
  std::vector<std::int16_t> input, weights;   // batch 1
  std::int64_t clocks = 200;                  // the table is cut after so many
  std::optional<std::int64_t> rows, columns;  // of PEs shown, where the user said so
};

// Thrown by an observer when it has seen enough.
struct EnoughClocks {};

TraceExample trace_example(const SystolicArray& array);
TraceExample trace_example(const RowStationaryArray& array);
ClockTable trace(const Accelerator& accelerator, const SystolicArray& array, const TraceRequest& request);
TraceExample trace_example(const FeieArray& array);
ClockTable trace(const Accelerator& accelerator, const FeieArray& array, const TraceRequest& request);
TraceExample trace_example(const NoLocalReuse& array);
ClockTable trace(const Accelerator& accelerator, const NoLocalReuse& array, const TraceRequest& request);
ClockTable trace(const Accelerator& accelerator, const RowStationaryArray& array, const TraceRequest& request);
TraceExample trace_example(const Dcnn& array);
ClockTable trace(const Accelerator& accelerator, const Dcnn& array, const TraceRequest& request);
TraceExample trace_example(const Scnn& array);
ClockTable trace(const Accelerator& accelerator, const Scnn& array, const TraceRequest& request);
TraceExample trace_example(const ShiftingNeighbourArray& array);
ClockTable trace(const Accelerator& accelerator, const ShiftingNeighbourArray& array, const TraceRequest& request);
TraceExample trace_example(const BroadcastChainArray& array);
ClockTable trace(const Accelerator& accelerator, const BroadcastChainArray& array, const TraceRequest& request);

}  // namespace convroof::spatial
