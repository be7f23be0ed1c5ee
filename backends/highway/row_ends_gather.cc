#include "backends/highway/row_ends_gather.h"

#include "backends/highway/f32_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/row_ends_gather.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
template <typename T>
using Elements = hn::CappedTag<T, 64 / sizeof(T)>;

template <typename T>
void third_channel(const void* row, std::int64_t count, void* plane) {
  const Elements<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t x = 0; x < count; x += lanes) {
    hn::Vec<Elements<T>> first, second, third;
    hn::LoadInterleaved3(d, static_cast<const T*>(row) + 3 * x, first, second, third);
    hn::StoreU(third, d, static_cast<T*>(plane) + x);
  }
}

template <typename T>
HWY_INLINE hn::Vec<Elements<T>> every(const T* from, std::int64_t step) {
  const Elements<T> d;
  hn::Vec<Elements<T>> v, other, third, fourth;
  if (step == 1) return hn::LoadU(d, from);
  if (step == 2)
    hn::LoadInterleaved2(d, from, v, other);
  else
    hn::LoadInterleaved4(d, from, v, other, third, fourth);
  return v;
}

template <typename T>
void words(const void* const* planes, std::int64_t step, std::int64_t count, void* to) {
  const Elements<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t x = 0; x < count; x += lanes) {
    const auto of = [&](int i) HWY_ATTR { return every(static_cast<const T*>(planes[i]) + x * step, step); };
    if constexpr (sizeof(T) == 1)
      hn::StoreInterleaved4(of(0), of(1), of(2), of(3), d, static_cast<T*>(to) + 4 * x);
    else
      hn::StoreInterleaved2(of(0), of(1), d, static_cast<T*>(to) + 2 * x);
  }
}

}  // namespace

RowEndGather Gather(std::int64_t element_bytes) {
  if (element_bytes == 1) return {&third_channel<std::uint8_t>, &words<std::uint8_t>};
  return {&third_channel<std::uint16_t>, &words<std::uint16_t>};
}

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(Gather);
RowEndGather row_end_gather(std::int64_t element_bytes) { return HWY_DYNAMIC_DISPATCH(Gather)(element_bytes); }

}  // namespace convroof::highway
#endif  // HWY_ONCE
