#include "backends/highway/nm_tile.h"

#if CONVROOF_HWY_VERSION >= 10200
#include "backends/highway/int8_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/nm_int8_tile.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/highway/nm_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

// Sixteen channels of a pixel in each 128 bits, of which every filter takes four.
struct Int8NmNumbers {
  using D = hn::CappedTag<std::int32_t, 16>;
  using DU8 = hn::Repartition<std::uint8_t, D>;
  using DI8 = hn::Repartition<std::int8_t, D>;
  using Sum = hn::Vec<D>;
  static constexpr int kChunk = 16, kChannelBytes = 4;
  static HWY_INLINE Sum start(const void* bias) { return bias == nullptr ? hn::Zero(D()) : hn::LoadU(D(), static_cast<const std::int32_t*>(bias)); }
  static HWY_INLINE hn::Vec<DI8> weights(const std::uint8_t* from) { return hn::LoadU(DI8(), reinterpret_cast<const std::int8_t*>(from)); }
  static HWY_INLINE hn::Vec<DU8> channels(const std::uint8_t* from) { return hn::LoadU(DU8(), from); }
  static HWY_INLINE Sum accumulate(const std::uint8_t* a, hn::Vec<DU8> channels, hn::Vec<DI8> w, Sum sum) {
    return hn::SumOfMulQuadAccumulate(D(), hn::TableLookupBytes(hn::LoadDup128(DU8(), a), channels), w, sum);
  }
  static HWY_INLINE void store(Sum v, std::uint8_t* to) { hn::StoreU(v, D(), reinterpret_cast<std::int32_t*>(to)); }
};

}  // namespace

NmTiles Int8NmTiles() { return nm_tiles<Int8NmNumbers>(); }

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(Int8NmTiles);
NmTiles int8_nm_tiles() { return HWY_DYNAMIC_DISPATCH(Int8NmTiles)(); }

}  // namespace convroof::highway
#endif  // HWY_ONCE

#else
namespace convroof::highway {
NmTiles int8_nm_tiles() { return {}; }
}  // namespace convroof::highway
#endif
