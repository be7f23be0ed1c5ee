// Templates behind dot_tile.h, for one instruction set. The including file defines DotNumbers (the arithmetic of its format) before.
#if defined(CONVROOF_BACKENDS_HIGHWAY_DOT_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVROOF_BACKENDS_HIGHWAY_DOT_TILE_INL_H_
#undef CONVROOF_BACKENDS_HIGHWAY_DOT_TILE_INL_H_
#else
#define CONVROOF_BACKENDS_HIGHWAY_DOT_TILE_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstring>

#include "backends/highway/dot_tile.h"

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

constexpr int kDotLanes = static_cast<int>(hwy::HWY_NAMESPACE::MaxLanes(hwy::HWY_NAMESPACE::CappedTag<float, 16>()));
constexpr int kDotVectors = 16 / kDotLanes;  // of a filter block
constexpr int kDotAccumulators = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64 ? 28 : 12;
constexpr int kDotLargest = kDotAccumulators / kDotVectors;

constexpr int dot_blocks_of(int pixels) {
  int blocks = 1;
  while (blocks < kDotBlocks && pixels * blocks * 2 * kDotVectors <= kDotAccumulators) blocks *= 2;
  return blocks;
}

template <class Numbers, int kPixels, int kBlocks, bool kNeighbours>
void dot_tile(const DotTileCall& call) {
  using Sum = typename Numbers::Sum;
  constexpr int kColumns = kBlocks * kDotVectors;
  constexpr int kVectorBytes = kDotLanes * 4;
  constexpr std::uint32_t kAll = (1u << kPixels) - 1;
  std::ptrdiff_t stride = kNeighbours ? kLineBytes : call.pixel_stride;
  Sum sum[kPixels][kColumns];

  HWY_UNROLL(32)
  for (int k = 0; k < kColumns; ++k) {
    const Sum start = Numbers::start(call.bias, k * kDotLanes);
    HWY_UNROLL(32)
    for (int i = 0; i < kPixels; ++i) sum[i][k] = start;
  }

  const std::uint8_t* input = call.a;
  const DotTap *tap = call.taps, *end = tap + call.tap_count;
  for (bool is_extra = false;; is_extra = true) {
    for (; tap != end; ++tap) {
      const std::uint8_t* HWY_RESTRICT a = input + tap->a_offset;
      const std::uint8_t* HWY_RESTRICT b = call.b + tap->first_word * (kColumns * kVectorBytes);
      if (HWY_LIKELY((tap->pixels & kAll) == kAll)) {
        for (int word = tap->words; word > 0; --word) {
          typename Numbers::Weights w[kColumns];
          HWY_UNROLL(32)
          for (int k = 0; k < kColumns; ++k) w[k] = Numbers::weights(b + k * kVectorBytes);
          HWY_UNROLL(32)
          for (int k = 0; k < kBlocks; ++k) hwy::Prefetch(b + k * kLineBytes + 1024);
          HWY_UNROLL(32)
          for (int i = 0; i < kPixels; ++i) {
            const auto x = Numbers::broadcast(a + i * stride);
            HWY_UNROLL(32)
            for (int k = 0; k < kColumns; ++k) sum[i][k] = Numbers::dot(x, w[k], sum[i][k]);
          }
          a += kWordBytes;
          b += kColumns * kVectorBytes;
        }
      } else {
        const std::uint32_t pixels = tap->pixels;
        for (int word = tap->words; word > 0; --word) {
          typename Numbers::Weights w[kColumns];
          HWY_UNROLL(32)
          for (int k = 0; k < kColumns; ++k) w[k] = Numbers::weights(b + k * kVectorBytes);
          HWY_UNROLL(32)
          for (int i = 0; i < kPixels; ++i)
            if (pixels & (1u << i)) {
              const auto x = Numbers::broadcast(a + i * stride);
              HWY_UNROLL(32)
              for (int k = 0; k < kColumns; ++k) sum[i][k] = Numbers::dot(x, w[k], sum[i][k]);
            }
          a += kWordBytes;
          b += kColumns * kVectorBytes;
        }
      }
    }
    if (kNeighbours || is_extra || call.extra_tap_count == 0) break;
    input = call.extra;
    stride = call.extra_stride;
    end += call.extra_tap_count;
  }

  HWY_UNROLL(32)
  for (int k = 0; k < kColumns; ++k) {
    std::uint8_t* out = call.out + call.out_block[k / kDotVectors] + k % kDotVectors * kDotLanes * (call.wide ? 4 : Numbers::kOutputBytes);
    HWY_UNROLL(32)
    for (int i = 0; i < kPixels; ++i) {
      const Sum v = call.relu ? Numbers::relu(sum[i][k]) : sum[i][k];
      if (call.stream)
        Numbers::stream(v, out + i * kLineBytes);
      else
        Numbers::store(v, out + i * kLineBytes, call.wide);
    }
  }
}

template <class Numbers, bool kNeighbours, int kPixels>
void fill_dot_table(DotTileFunction (&table)[kLargestDotTile][4]) {
  if constexpr (kPixels <= kDotLargest) {
    table[kPixels - 1][0] = &dot_tile<Numbers, kPixels, 1, kNeighbours>;
    if constexpr (dot_blocks_of(kPixels) >= 2) table[kPixels - 1][1] = &dot_tile<Numbers, kPixels, 2, kNeighbours>;
    if constexpr (dot_blocks_of(kPixels) >= 4) table[kPixels - 1][2] = &dot_tile<Numbers, kPixels, 4, kNeighbours>;
    if constexpr (dot_blocks_of(kPixels) >= 8) table[kPixels - 1][3] = &dot_tile<Numbers, kPixels, 8, kNeighbours>;
    fill_dot_table<Numbers, kNeighbours, kPixels + 1>(table);
  }
}

template <class Numbers>
DotTileFunction dot_function(int pixels, int blocks, bool neighbours) {
  struct Table {
    DotTileFunction of[2][kLargestDotTile][4] = {};
    Table() {
      fill_dot_table<Numbers, false, 1>(of[0]);
      fill_dot_table<Numbers, true, 1>(of[1]);
    }
  };
  static const Table table;
  return table.of[neighbours][pixels - 1][blocks == 1 ? 0 : blocks == 2 ? 1 : blocks == 4 ? 2 : 3];
}

}  // namespace
}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
