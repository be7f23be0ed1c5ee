// The Fast Efficient Inference Engine without stepping: closed forms for streamed pixels, bit masks and population counts where zeros are skipped.
#pragma once

#include <cstdint>
#include <span>

#include "backends/spatial/model/accelerator.h"
#include "backends/spatial/model/outcome.h"
#include "backends/spatial/model/problem.h"

namespace convroof::spatial::fast {

// Where zeros are skipped, looks at the problem's input (empty: none is zero), on so many threads.
Outcome count(const Accelerator& accelerator, const FeieArray& array, const Problem& problem, int threads);

// Sums in the order channel, filter row, tap, from the bias on, in the accelerator's accumulator.
void compute(const Accelerator& accelerator, const FeieArray& array, const Problem& problem, std::span<std::int64_t> output, int threads);

// Words to and from outer memory of one image, as the chip's comparisons count them: every segment as long as a full one, one cut more for every segment
// and every row, padding pixels as words. With G blocks of filters and ov = max(reach - S, 0):
//   G C R (segments (N S + ov) + H ov) + segments R taps C M + H W M,   N S -> N where windows leave pixels out
// Reproduces the totals and the per-layer bars of Abarajithan et al.: Kraken, arXiv 2112.02793, table V and figure 4, for VGG-16, AlexNet and ResNet-50.
std::uint64_t feie_words_as_published(const FeieArray& array, const LayerSpec& layer);

}  // namespace convroof::spatial::fast
