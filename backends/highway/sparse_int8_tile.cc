#include "backends/highway/sparse_tile.h"

#if CONVROOF_HWY_VERSION >= 10200
#include "backends/highway/int8_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/sparse_int8_tile.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/highway/sparse_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

struct Int8SparseNumbers {
  using DI = hn::RebindToSigned<D>;
  using Sum = hn::Vec<DI>;
  using Weight = hn::Vec<hn::Repartition<std::int8_t, D>>;
  static HWY_INLINE Sum start(const void* bias, std::int64_t k) {
    return bias == nullptr ? hn::Zero(DI()) : hn::Set(DI(), static_cast<const std::int32_t*>(bias)[k]);
  }
  static HWY_INLINE Weight weight(std::uint32_t bits) { return hn::BitCast(hn::Repartition<std::int8_t, D>(), hn::Set(hn::RebindToUnsigned<D>(), bits)); }
  static HWY_INLINE Sum accumulate(const float* from, Weight w, Sum sum) {
    return hn::SumOfMulQuadAccumulate(DI(), hn::BitCast(hn::Repartition<std::uint8_t, D>(), hn::Load(D(), from)), w, sum);
  }
  static HWY_INLINE void store(Sum sum, float* to) { hn::Store(hn::BitCast(D(), sum), D(), to); }
};

}  // namespace

SparseTiles Int8SparseTiles() { return sparse_tiles<Int8SparseNumbers>(); }

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(Int8SparseTiles);
SparseTiles int8_sparse_tiles() { return HWY_DYNAMIC_DISPATCH(Int8SparseTiles)(); }

}  // namespace convroof::highway
#endif  // HWY_ONCE

#else
namespace convroof::highway {
SparseTiles int8_sparse_tiles() { return {}; }
}  // namespace convroof::highway
#endif
