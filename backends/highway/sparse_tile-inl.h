// Templates behind sparse_tile.h, for one instruction set. The including file defines the arithmetic of its number format.
#if defined(CONVROOF_BACKENDS_HIGHWAY_SPARSE_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVROOF_BACKENDS_HIGHWAY_SPARSE_TILE_INL_H_
#undef CONVROOF_BACKENDS_HIGHWAY_SPARSE_TILE_INL_H_
#else
#define CONVROOF_BACKENDS_HIGHWAY_SPARSE_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include "backends/highway/sparse_tile.h"

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));

// Few positions leave the multiply-adder idle, waiting for its own result (4 cycles): then several taps have accumulators of their own.
constexpr int chains_of(int positions) { return positions >= 4 ? 1 : positions == 3 ? 2 : positions == 2 ? 3 : 6; }

template <class Numbers, int kRows, int kColumns>
void sparse_tile(const SparseTileCall& call) {
  using Sum = typename Numbers::Sum;
  constexpr int kPositions = kRows * kColumns, kChains = chains_of(kPositions);
  for (std::int64_t k = call.filter_begin; k < call.filter_end; ++k) {
    Sum sum[kChains][kPositions];
    const Sum start = Numbers::start(call.bias, k);
    HWY_UNROLL(16)
    for (int i = 0; i < kPositions; ++i) sum[0][i] = start;
    HWY_UNROLL(16)
    for (int chain = 1; chain < kChains; ++chain) HWY_UNROLL(16)
    for (int i = 0; i < kPositions; ++i) sum[chain][i] = Numbers::start(nullptr, 0);

    const SparseTap* HWY_RESTRICT tap = call.taps + call.first_tap[k];
    const SparseTap* const end = call.taps + call.first_tap[k + 1];
    const auto accumulate = [&](const SparseTap& t, Sum* to) HWY_ATTR {
      const auto w = Numbers::weight(t.weight);
      HWY_UNROLL(4)
      for (int y = 0; y < kRows; ++y) {
        const float* HWY_RESTRICT from = call.input + y * call.input_row + t.offset;
        HWY_UNROLL(16)
        for (int x = 0; x < kColumns; ++x) to[y * kColumns + x] = Numbers::accumulate(from + x * kLanes, w, to[y * kColumns + x]);
      }
    };
    if constexpr (kChains > 1) {
      for (; end - tap >= kChains; tap += kChains) {
        HWY_UNROLL(8)
        for (int chain = 0; chain < kChains; ++chain) accumulate(tap[chain], sum[chain]);
      }
    }
    for (; tap != end; ++tap) accumulate(*tap, sum[0]);

    HWY_UNROLL(16)
    for (int i = 0; i < kPositions; ++i) {
      HWY_UNROLL(8)
      for (int chain = 1; chain < kChains; ++chain) sum[0][i] = hn::Add(sum[0][i], sum[chain][i]);
      if (call.relu) sum[0][i] = hn::Max(sum[0][i], Numbers::start(nullptr, 0));
      Numbers::store(sum[0][i], call.output + k * call.output_filter + i / kColumns * call.output_row + i % kColumns * kLanes);
    }
  }
}

template <class Numbers, int kRows, int kColumns>
SparseTileFunction of_columns(int columns) {
  if constexpr (kRows * kColumns > kLargestSparseTile) {
    return nullptr;
  } else {
    return columns == kColumns ? &sparse_tile<Numbers, kRows, kColumns> : of_columns<Numbers, kRows, kColumns + 1>(columns);
  }
}

V columns_of(const SparseLaneRow& row, std::int64_t x) {
  const D d;
  if (row.begin <= x && x + kLanes <= row.end) return hn::LoadU(d, row.from + x);
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN float copy[kLanes];
  for (std::int64_t i = 0; i < kLanes; ++i) copy[i] = row.begin <= x + i && x + i < row.end ? row.from[x + i] : 0.0f;
  return hn::Load(d, copy);
#else
  const auto clamped = [x](std::int64_t edge) { return static_cast<std::size_t>(edge < x ? 0 : edge > x + kLanes ? kLanes : edge - x); };
  return hn::MaskedLoad(hn::AndNot(hn::FirstN(d, clamped(row.begin)), hn::FirstN(d, clamped(row.end))), d, row.from + x);
#endif
}

// Sixteen rows become sixteen lanes: four interleaving stores of four rows each, then the quarters are put side by side.
void interleave(const SparseLaneRow* rows, std::int64_t width, std::int64_t phases, std::int64_t phase_stride, float* destination) {
  using D4 = hn::CappedTag<float, 4>;
  const D4 d4;
  const D d;
  static_assert(kLanes >= 4);
  HWY_ALIGN float quarter[kLanes / 4][4 * kLanes];
  for (std::int64_t x0 = 0; x0 < width; x0 += kLanes) {
    for (int q = 0; q < kLanes / 4; ++q)
      hn::StoreInterleaved4(columns_of(rows[4 * q], x0), columns_of(rows[4 * q + 1], x0), columns_of(rows[4 * q + 2], x0), columns_of(rows[4 * q + 3], x0), d,
                            quarter[q]);
    const std::int64_t columns = width - x0 < kLanes ? width - x0 : kLanes;
    for (std::int64_t i = 0; i < columns; ++i) {
      const std::int64_t x = x0 + i;
      float* to = phases == 1 ? destination + x * kLanes : destination + x % phases * phase_stride + x / phases * kLanes;
      HWY_UNROLL(4)
      for (int q = 0; q < kLanes / 4; ++q) hn::Store(hn::Load(d4, quarter[q] + 4 * i), d4, to + 4 * q);
    }
  }
}

void subsample(const float* from, std::int64_t step, std::int64_t count, float* to) {
  const D d;
  std::int64_t i = 0;
  // The last vector's odd half may lie behind the row: it stays scalar.
  if (step == 2)
    for (; i + kLanes < count; i += kLanes) {
      V even, odd;
      hn::LoadInterleaved2(d, from + 2 * i, even, odd);
      hn::StoreU(even, d, to + i);
    }
  for (; i < count; ++i) to[i] = from[i * step];
}

template <class Numbers>
SparseTileFunction sparse_function(int rows, int columns) {
  return rows == 1   ? of_columns<Numbers, 1, 1>(columns)
         : rows == 2 ? of_columns<Numbers, 2, 1>(columns)
         : rows == 4 ? of_columns<Numbers, 4, 1>(columns)
                     : nullptr;
}

template <class Numbers>
SparseTiles sparse_tiles() {
  return {kLanes, &sparse_function<Numbers>, &interleave, &subsample, hwy::TargetName(HWY_TARGET)};
}

}  // namespace
}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
