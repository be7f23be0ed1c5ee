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

// The last tap, if its last words can be multiplied group by group of pixels: 32-bit results, no pixel in the border.
constexpr int kHeldWords = 2;
template <class Numbers>
HWY_INLINE const DotTap* held_back(const DotTileCall& call, std::uint32_t all) {
  if (call.tap_count == 0 || (Numbers::kOutputBytes != 4 && (!call.wide || call.relu))) return nullptr;
  const DotTap* const last = call.taps + call.tap_count - 1;
  return (last->pixels & all) == all && last->words >= kHeldWords ? last : nullptr;
}

template <class Numbers, int kPixels, int kBlocks, bool kNeighbours>
void dot_tile(const DotTileCall& call) {
  using Sum = typename Numbers::Sum;
  constexpr int kColumns = kBlocks * kDotVectors;
  constexpr int kVectorBytes = kDotLanes * 4;
  constexpr std::uint32_t kAll = (1u << kPixels) - 1;
  std::ptrdiff_t stride = kNeighbours ? kLineBytes : call.pixel_stride;
  Sum sum[kPixels][kColumns];
  const std::ptrdiff_t ahead = call.b_ahead;

  HWY_UNROLL(32)
  for (int k = 0; k < kColumns; ++k) {
    const Sum start = Numbers::start(call.bias, k * kDotLanes);
    HWY_UNROLL(32)
    for (int i = 0; i < kPixels; ++i) sum[i][k] = start;
  }

  // Gathered taps first, so that the last words are those of a tap of the usual kind.
  bool is_extra = !kNeighbours && call.extra_tap_count > 0;
  const std::uint8_t* input = is_extra ? call.extra : call.a;
  const DotTap *tap = is_extra ? call.taps + call.tap_count : call.taps, *end = is_extra ? tap + call.extra_tap_count : tap + call.tap_count;
  if (is_extra) stride = call.extra_stride;
  const DotTap* const held = held_back<Numbers>(call, kAll);
  for (;;) {
    for (; tap != end; ++tap) {
      const std::uint8_t* HWY_RESTRICT a = input + tap->a_offset;
      const std::uint8_t* HWY_RESTRICT b = call.b + tap->first_word * (kColumns * kVectorBytes);
      if (HWY_LIKELY((tap->pixels & kAll) == kAll)) {
        for (int word = tap->words - (tap == held ? kHeldWords : 0); word > 0; --word) {
          typename Numbers::Weights w[kColumns];
          HWY_UNROLL(32)
          for (int k = 0; k < kColumns; ++k) w[k] = Numbers::weights(b + k * kVectorBytes);
          HWY_UNROLL(32)
          for (int k = 0; k < kBlocks; ++k) hwy::Prefetch(b + k * kLineBytes + ahead);
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
    if (!is_extra) break;
    is_extra = false;
    input = call.a;
    stride = call.pixel_stride;
    tap = call.taps;
    end = tap + call.tap_count;
  }

  // The last words in groups of pixels, whose sums leave while those of the next group are multiplied: a store of 64 bytes takes two cycles, and 28 of them at
  // the end of a tile were seen as 40 cycles in which nothing was multiplied.
  if (held != nullptr) {
    constexpr int kGroup = (7 + kColumns - 1) / kColumns;  // seven sums cover the latency of a dot product
    const std::uint8_t* const a = input + held->a_offset + (held->words - kHeldWords) * kWordBytes;
    const std::uint8_t* const b = call.b + (held->first_word + held->words - kHeldWords) * (kColumns * kVectorBytes);
    const Sum floor = Numbers::floor(call.relu);
    HWY_UNROLL(32)
    for (int first = 0; first < kPixels; first += kGroup) {
      HWY_UNROLL(2)
      for (int word = 0; word < kHeldWords; ++word) {
        typename Numbers::Weights w[kColumns];
        HWY_UNROLL(32)
        for (int k = 0; k < kColumns; ++k) w[k] = Numbers::weights(b + (word * kColumns + k) * kVectorBytes);
        HWY_UNROLL(32)
        for (int i = first; i < HWY_MIN(first + kGroup, kPixels); ++i) {
          const auto x = Numbers::broadcast(a + i * stride + word * kWordBytes);
          HWY_UNROLL(32)
          for (int k = 0; k < kColumns; ++k) sum[i][k] = Numbers::dot(x, w[k], sum[i][k]);
        }
      }
      HWY_UNROLL(32)
      for (int i = first; i < HWY_MIN(first + kGroup, kPixels); ++i) {
        HWY_UNROLL(32)
        for (int k = 0; k < kColumns; ++k) {
          std::uint8_t* const out = call.out + call.out_block[k / kDotVectors] + k % kDotVectors * kVectorBytes + i * kLineBytes;
          if (call.stream)
            Numbers::stream(Numbers::at_least(floor, sum[i][k]), out);
          else
            Numbers::store(Numbers::at_least(floor, sum[i][k]), out, true);
        }
      }
    }
    return;
  }

  // Two filter blocks of half a line each, neighbours in it: one conversion and one store of a whole line. A conversion of one vector costs half a dot product.
  if constexpr (Numbers::kOutputBytes == 2 && kDotVectors == 1 && kBlocks % 2 == 0) {
    if (call.whole_lines) {
      HWY_UNROLL(32)
      for (int k = 0; k < kColumns; k += 2) {
        std::uint8_t* const out = call.out + call.out_block[k];
        HWY_UNROLL(32)
        for (int i = 0; i < kPixels; ++i) {
          const Sum low = call.relu ? Numbers::relu(sum[i][k]) : sum[i][k], high = call.relu ? Numbers::relu(sum[i][k + 1]) : sum[i][k + 1];
          if (call.stream)
            Numbers::stream_pair(low, high, out + i * kLineBytes);
          else
            Numbers::store_pair(low, high, out + i * kLineBytes);
        }
      }
      return;
    }
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
