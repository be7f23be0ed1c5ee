#include "backends/highway/sparse_tile.h"

#include "backends/highway/f32_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/sparse_tile.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/highway/sparse_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

struct F32SparseNumbers {
  using Sum = V;
  static HWY_INLINE Sum start(const void* bias, std::int64_t k) { return bias == nullptr ? hn::Zero(D()) : hn::Set(D(), static_cast<const float*>(bias)[k]); }
  static HWY_INLINE V weight(std::uint32_t bits) { return hn::BitCast(D(), hn::Set(hn::RebindToUnsigned<D>(), bits)); }
  static HWY_INLINE Sum accumulate(const float* from, V w, Sum sum) { return hn::MulAdd(w, hn::Load(D(), from), sum); }
  static HWY_INLINE void store(Sum sum, float* to) { hn::Store(sum, D(), to); }
};

}  // namespace

SparseTiles F32SparseTiles() { return sparse_tiles<F32SparseNumbers>(); }

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(F32SparseTiles);
SparseTiles f32_sparse_tiles() { return HWY_DYNAMIC_DISPATCH(F32SparseTiles)(); }

}  // namespace convroof::highway
#endif  // HWY_ONCE
