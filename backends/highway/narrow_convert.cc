#include "backends/highway/narrow_convert.h"

#include "backends/highway/f32_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/narrow_convert.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using DI = hn::RebindToSigned<D>;
using DU = hn::RebindToUnsigned<D>;

// convert(from, to) handles one vector; the rest goes through copies of a vector's size.
template <typename From, typename To, class Convert>
HWY_INLINE void convert_all(const From* from, std::int64_t count, To* to, const Convert& convert) {
  constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) convert(from + i, to + i);
  if (i == count) return;
  From rest[kLanes] = {};
  To converted[kLanes];
  for (std::int64_t j = i; j < count; ++j) rest[j - i] = from[j];
  convert(rest, converted);
  for (std::int64_t j = i; j < count; ++j) to[j] = converted[j - i];
}

}  // namespace

void WidenBf16(const std::uint16_t* from, std::int64_t count, float* to) {
  convert_all(from, count, to, [](const std::uint16_t* f, float* t) HWY_ATTR {
    const hn::Rebind<std::uint16_t, D> d16;
    hn::StoreU(hn::BitCast(D(), hn::ShiftLeft<16>(hn::PromoteTo(DU(), hn::LoadU(d16, f)))), D(), t);
  });
}

void NarrowBf16(const float* from, std::int64_t count, std::uint16_t* to) {
  // Spelled out because the conversion of older versions of Highway truncates.
  convert_all(from, count, to, [](const float* f, std::uint16_t* t) HWY_ATTR {
    const hn::Rebind<std::uint16_t, D> d16;
    const auto value = hn::LoadU(D(), f);
    const auto word = hn::BitCast(DU(), value);
    const auto rounded = hn::Add(word, hn::Add(hn::And(hn::ShiftRight<16>(word), hn::Set(DU(), 1)), hn::Set(DU(), 0x7fff)));
    const auto quiet = hn::Or(word, hn::Set(DU(), 0x400000));
    const auto bits = hn::IfThenElse(hn::RebindMask(DU(), hn::IsNaN(value)), quiet, rounded);
    hn::StoreU(hn::TruncateTo(d16, hn::ShiftRight<16>(bits)), d16, t);
  });
}

void WidenU8(const std::uint8_t* from, std::int64_t count, float* to) {
  convert_all(from, count, to, [](const std::uint8_t* f, float* t) HWY_ATTR {
    const hn::Rebind<std::uint8_t, D> d8;
    hn::StoreU(hn::ConvertTo(D(), hn::PromoteTo(DI(), hn::LoadU(d8, f))), D(), t);
  });
}

void NarrowS32(const float* from, std::int64_t count, std::int32_t* to) {
  convert_all(from, count, to, [](const float* f, std::int32_t* t) HWY_ATTR { hn::StoreU(hn::ConvertTo(DI(), hn::LoadU(D(), f)), DI(), t); });
}

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(WidenBf16);
HWY_EXPORT(NarrowBf16);
HWY_EXPORT(WidenU8);
HWY_EXPORT(NarrowS32);

void widen_bf16(const std::uint16_t* from, std::int64_t count, float* to) { HWY_DYNAMIC_DISPATCH(WidenBf16)(from, count, to); }
void narrow_bf16(const float* from, std::int64_t count, std::uint16_t* to) { HWY_DYNAMIC_DISPATCH(NarrowBf16)(from, count, to); }
void widen_u8(const std::uint8_t* from, std::int64_t count, float* to) { HWY_DYNAMIC_DISPATCH(WidenU8)(from, count, to); }
void narrow_s32(const float* from, std::int64_t count, std::int32_t* to) { HWY_DYNAMIC_DISPATCH(NarrowS32)(from, count, to); }

}  // namespace convroof::highway
#endif  // HWY_ONCE
