// Winograd's minimal filtering F(m x m, 3 x 3) as the library does it: what it costs and how exact it can be.
#pragma once

#include <cstdint>

#include "backends/backend.h"

namespace convroof::onednn {

struct WinogradCost {
  std::uint64_t macs = 0;       // multiplications in the transformed domain, padded channels included
  std::uint64_t additions = 0;  // of the input and output transforms (constant multiplications counted as one operation, too)
};

// `in_channels` and `out_channels` as stored: the library pads them to its blocks.
WinogradCost winograd_cost(std::int64_t tile, const LayerSpec& layer, std::int64_t batch, std::int64_t in_channels, std::int64_t out_channels);

// How much larger than the largest |filter||patch| of a channel the intermediate values behind one output can be. See the .cc file for the derivation.
double winograd_amplification(std::int64_t tile);

ErrorModel winograd_error_model(std::int64_t tile, const Case& c);

// The library's s8 form quantises twice on the way; see the .cc file.
ErrorModel rounded_winograd_error_model(const Case& c);

}  // namespace convroof::onednn
