// Templates behind nm_tile.h, for one instruction set. The including file defines Numbers, the arithmetic of its format, and passes it to nm_tiles.
#if defined(CONVROOF_BACKENDS_HIGHWAY_NM_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVROOF_BACKENDS_HIGHWAY_NM_TILE_INL_H_
#undef CONVROOF_BACKENDS_HIGHWAY_NM_TILE_INL_H_
#else
#define CONVROOF_BACKENDS_HIGHWAY_NM_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include "backends/highway/nm_tile.h"

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
constexpr int kNmLanes = static_cast<int>(hn::MaxLanes(hn::CappedTag<float, 16>()));
constexpr int kNmLargest = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64 ? 28 : 12;

// Few pixels leave the multiplier waiting for its own result: then a second slot has accumulators of its own.
template <class Numbers, int kPixels, bool kNeighbours>
void nm_tile(const NmTileCall& call) {
  using Sum = typename Numbers::Sum;
  constexpr int kChains = kPixels < 6 ? 2 : 1;
  const std::ptrdiff_t stride = kNeighbours ? 64 : call.pixel_stride;
  const std::uint8_t *weights = call.weights, *channels = call.channels;
  Sum sum[kChains][kPixels];
  const Sum start = Numbers::start(call.bias);
  HWY_UNROLL(32)
  for (int i = 0; i < kPixels; ++i) sum[0][i] = start;
  if constexpr (kChains == 2) {
    HWY_UNROLL(32)
    for (int i = 0; i < kPixels; ++i) sum[1][i] = Numbers::start(nullptr);
  }
  const auto slot = [&](const std::uint8_t* HWY_RESTRICT a, Sum* to) HWY_ATTR {
    const auto w = Numbers::weights(weights);
    const auto c = Numbers::channels(channels);
    HWY_UNROLL(32)
    for (int i = 0; i < kPixels; ++i) to[i] = Numbers::accumulate(a + i * stride, c, w, to[i]);
    weights += kNmLanes * 4;
    channels += kNmLanes * Numbers::kChannelBytes;
  };
  for (const NmEntry *entry = call.entries, *end = entry + call.entry_count; entry != end; ++entry) {
    const std::uint8_t* HWY_RESTRICT a = call.a + entry->offset;
    int slots = entry->slots;
    if constexpr (kChains == 2) {
      for (; slots >= 2; slots -= 2) {
        slot(a, sum[0]);
        slot(a, sum[1]);
      }
    }
    for (; slots > 0; --slots) slot(a, sum[0]);
  }
  HWY_UNROLL(32)
  for (int i = 0; i < kPixels; ++i) {
    if constexpr (kChains == 2) sum[0][i] = hn::Add(sum[0][i], sum[1][i]);
    if (call.relu) sum[0][i] = hn::Max(sum[0][i], Numbers::start(nullptr));
    Numbers::store(sum[0][i], call.out + i * kNmLanes * 4);
  }
}

template <class Numbers, bool kNeighbours, int kPixels>
void fill_nm_table(NmTileFunction (&table)[kLargestNmTile]) {
  if constexpr (kPixels <= kNmLargest) {
    table[kPixels - 1] = &nm_tile<Numbers, kPixels, kNeighbours>;
    fill_nm_table<Numbers, kNeighbours, kPixels + 1>(table);
  }
}

template <class Numbers>
NmTileFunction nm_function(int pixels, bool neighbours) {
  struct Table {
    NmTileFunction of[2][kLargestNmTile] = {};
    Table() {
      fill_nm_table<Numbers, false, 1>(of[0]);
      fill_nm_table<Numbers, true, 1>(of[1]);
    }
  };
  static const Table table;
  return table.of[neighbours][pixels - 1];
}

template <class Numbers>
NmTiles nm_tiles() {
  return {kNmLanes, Numbers::kChunk, kNmLargest, &nm_function<Numbers>, hwy::TargetName(HWY_TARGET)};
}

}  // namespace
}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
