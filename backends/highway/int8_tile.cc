#include "backends/highway/dot_tile.h"

#if CONVROOF_HWY_VERSION >= 10200
#include "backends/highway/int8_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/int8_tile.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/highway/dot_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// vpdpbusd and its exact substitutes. vpmaddubsw is none: it saturates the sum of two products to 16 bits.
struct Int8Numbers {
  using D = hn::CappedTag<std::int32_t, 16>;
  using Sum = hn::Vec<D>;
  using Weights = hn::Vec<hn::Repartition<std::int8_t, D>>;
  using Inputs = hn::Vec<hn::Repartition<std::uint8_t, D>>;
  static constexpr int kOutputBytes = 4;

  static HWY_INLINE Sum start(const void* bias, int lane) {
    return bias == nullptr ? hn::Zero(D()) : hn::LoadU(D(), static_cast<const std::int32_t*>(bias) + lane);
  }
  static HWY_INLINE Weights weights(const std::uint8_t* from) {
    return hn::LoadU(hn::Repartition<std::int8_t, D>(), reinterpret_cast<const std::int8_t*>(from));
  }
  static HWY_INLINE Inputs broadcast(const std::uint8_t* from) {
    std::int32_t word;
    std::memcpy(&word, from, sizeof word);
    return hn::BitCast(hn::Repartition<std::uint8_t, D>(), hn::Set(D(), word));
  }
  static HWY_INLINE Sum dot(Inputs x, Weights w, Sum sum) { return hn::SumOfMulQuadAccumulate(D(), x, w, sum); }
  static HWY_INLINE Sum relu(Sum v) { return hn::Max(v, hn::Zero(D())); }
  static HWY_INLINE Sum floor(bool relu) { return hn::Set(D(), relu ? 0 : hwy::LowestValue<std::int32_t>()); }
  static HWY_INLINE Sum at_least(Sum floor, Sum v) { return hn::Max(v, floor); }
  static HWY_INLINE void store(Sum v, std::uint8_t* to, bool /*wide*/) { hn::StoreU(v, D(), reinterpret_cast<std::int32_t*>(to)); }
  static HWY_INLINE void stream(Sum v, std::uint8_t* to) { hn::Stream(v, D(), reinterpret_cast<std::int32_t*>(to)); }
};

}  // namespace

DotTiles Int8Tiles() { return {kDotLargest, &dot_blocks_of, &dot_function<Int8Numbers>, hwy::TargetName(HWY_TARGET)}; }

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(Int8Tiles);
DotTiles int8_tiles() { return HWY_DYNAMIC_DISPATCH(Int8Tiles)(); }

}  // namespace convroof::highway
#endif  // HWY_ONCE

#else
namespace convroof::highway {
DotTiles int8_tiles() { return {}; }
}  // namespace convroof::highway
#endif
