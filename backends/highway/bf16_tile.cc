#include "backends/highway/dot_tile.h"

#if CONVROOF_HWY_VERSION >= 10200
// Only the targets that matter for bf16: the baseline, AVX2, the two AVX-512 classes with vdpbf16ps, NEON without and with its dot products.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3 | HWY_AVX3_DL | HWY_NEON | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/bf16_tile.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "backends/highway/dot_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

struct Bf16Numbers {
  using D = hn::CappedTag<float, 16>;
  using D16 = hn::Repartition<hwy::bfloat16_t, D>;
  using Sum = hn::Vec<D>;
  using Weights = hn::Vec<D16>;
  static constexpr int kOutputBytes = 2;

  static HWY_INLINE Sum start(const void* bias, int lane) { return bias == nullptr ? hn::Zero(D()) : hn::LoadU(D(), static_cast<const float*>(bias) + lane); }
  static HWY_INLINE Weights weights(const std::uint8_t* from) {
    const hn::Repartition<std::uint16_t, D> du;
    return hn::BitCast(D16(), hn::LoadU(du, reinterpret_cast<const std::uint16_t*>(from)));
  }
  static HWY_INLINE Weights broadcast(const std::uint8_t* from) {
    std::uint32_t word;
    std::memcpy(&word, from, sizeof word);
    return hn::BitCast(D16(), hn::Set(hn::RebindToUnsigned<D>(), word));
  }
  static HWY_INLINE Sum dot(Weights x, Weights w, Sum sum) {
#if HWY_NATIVE_DOT_BF16
    Sum unused = hn::Zero(D());
    return hn::ReorderWidenMulAccumulate(D(), x, w, sum, unused);
#else
    // Products of two bf16 are exact in f32, so this differs from the instruction in the order of additions only.
    sum = hn::MulAdd(hn::PromoteOddTo(D(), x), hn::PromoteOddTo(D(), w), sum);
    return hn::MulAdd(hn::PromoteEvenTo(D(), x), hn::PromoteEvenTo(D(), w), sum);
#endif
  }
  static HWY_INLINE Sum relu(Sum v) { return hn::Max(v, hn::Zero(D())); }
  // Wide sums are kept as they are, NaN included.
  static HWY_INLINE Sum floor(bool /*relu*/) { return hn::Zero(D()); }
  static HWY_INLINE Sum at_least(Sum /*floor*/, Sum v) { return v; }
  static HWY_INLINE void store(Sum v, std::uint8_t* to, bool wide) {
    if (wide) {
      hn::StoreU(v, D(), reinterpret_cast<float*>(to));
      return;
    }
    const hn::Rebind<hwy::bfloat16_t, D> d16;
    const hn::RebindToUnsigned<decltype(d16)> du;
    hn::StoreU(hn::BitCast(du, hn::DemoteTo(d16, v)), du, reinterpret_cast<std::uint16_t*>(to));
  }
  // The first half of a line and its second.
  static HWY_INLINE hn::Vec<hn::Repartition<std::uint16_t, D>> line(Sum low, Sum high) {
    return hn::BitCast(hn::Repartition<std::uint16_t, D>(), hn::OrderedDemote2To(D16(), low, high));
  }
  static HWY_INLINE void store_pair(Sum low, Sum high, std::uint8_t* to) {
    hn::StoreU(line(low, high), hn::Repartition<std::uint16_t, D>(), reinterpret_cast<std::uint16_t*>(to));
  }
  static HWY_INLINE void stream_pair(Sum low, Sum high, std::uint8_t* to) {
    hn::Stream(line(low, high), hn::Repartition<std::uint16_t, D>(), reinterpret_cast<std::uint16_t*>(to));
  }
  static HWY_INLINE void stream(Sum v, std::uint8_t* to) { store(v, to, false); }
};

}  // namespace

DotTiles Bf16Tiles() { return {kDotLargest, &dot_blocks_of, &dot_function<Bf16Numbers>, hwy::TargetName(HWY_TARGET)}; }

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(Bf16Tiles);
DotTiles bf16_tiles() { return HWY_DYNAMIC_DISPATCH(Bf16Tiles)(); }

}  // namespace convroof::highway
#endif  // HWY_ONCE

#else
namespace convroof::highway {
DotTiles bf16_tiles() { return {}; }
}  // namespace convroof::highway
#endif
