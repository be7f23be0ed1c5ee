#include "backends/highway/nm_tile.h"

#include "backends/highway/f32_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/nm_tile.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/highway/nm_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

struct F32NmNumbers {
  using D = hn::CappedTag<float, 16>;
  using DI = hn::RebindToSigned<D>;
  using Sum = hn::Vec<D>;
  static constexpr int kChunk = kNmLanes, kChannelBytes = 1;
  static HWY_INLINE Sum start(const void* bias) { return bias == nullptr ? hn::Zero(D()) : hn::LoadU(D(), static_cast<const float*>(bias)); }
  static HWY_INLINE Sum weights(const std::uint8_t* from) { return hn::LoadU(D(), reinterpret_cast<const float*>(from)); }
  static HWY_INLINE auto channels(const std::uint8_t* from) {
    return hn::IndicesFromVec(D(), hn::PromoteTo(DI(), hn::LoadU(hn::Rebind<std::uint8_t, D>(), from)));
  }
  template <class Channels>
  static HWY_INLINE Sum accumulate(const std::uint8_t* a, Channels channels, Sum w, Sum sum) {
    return hn::MulAdd(hn::TableLookupLanes(hn::LoadU(D(), reinterpret_cast<const float*>(a)), channels), w, sum);
  }
  static HWY_INLINE void store(Sum v, std::uint8_t* to) { hn::StoreU(v, D(), reinterpret_cast<float*>(to)); }
};

}  // namespace

NmTiles F32NmTiles() { return nm_tiles<F32NmNumbers>(); }

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(F32NmTiles);
NmTiles f32_nm_tiles() { return HWY_DYNAMIC_DISPATCH(F32NmTiles)(); }

}  // namespace convroof::highway
#endif  // HWY_ONCE
