// The stepping engine's bus to outer memory, run clock by clock beside the array.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "backends/spatial/model/stage.h"

namespace convroof::spatial::stepping {

// Clocks that the array waits, all in all; the first stage waits for its own operands.
std::uint64_t bus_stalls(std::optional<double> bits_per_cycle, std::span<const Stage> stages);

}  // namespace convroof::spatial::stepping
