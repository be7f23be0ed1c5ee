#include "backends/highway/dot_winograd_transform.h"

#include "backends/highway/dot_tile.h"

#if CONVROOF_HWY_VERSION >= 10200
#include "backends/highway/f32_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/dot_winograd_transform.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
using DI = hn::RebindToSigned<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));

// d -> B^T d B, in place.
template <class T>
HWY_INLINE void transform_input(T (&d)[4][4]) {
  HWY_UNROLL(4)
  for (int x = 0; x < 4; ++x) {
    const T a = d[0][x], b = d[1][x], c = d[2][x], e = d[3][x];
    d[0][x] = hn::Sub(a, c);
    d[1][x] = hn::Add(b, c);
    d[2][x] = hn::Sub(c, b);
    d[3][x] = hn::Sub(b, e);
  }
  HWY_UNROLL(4)
  for (int y = 0; y < 4; ++y) {
    const T a = d[y][0], b = d[y][1], c = d[y][2], e = d[y][3];
    d[y][0] = hn::Sub(a, c);
    d[y][1] = hn::Add(b, c);
    d[y][2] = hn::Sub(c, b);
    d[y][3] = hn::Sub(b, e);
  }
}

void Bf16Input(const WinogradInputCall& call) {
  const D d;
  const hn::Rebind<std::uint16_t, D> d16;
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<hwy::bfloat16_t, D> db;
  for (int channel = 0; channel < 32; channel += kLanes) {
    V v[4][4];
    HWY_UNROLL(16)
    for (int i = 0; i < 16; ++i) {
      const auto bits = hn::PromoteTo(du, hn::LoadU(d16, reinterpret_cast<const std::uint16_t*>(call.pixels[i]) + channel));
      v[i / 4][i % 4] = hn::BitCast(d, hn::ShiftLeft<16>(bits));
    }
    transform_input(v);
    HWY_UNROLL(16)
    for (int i = 0; i < 16; ++i)
      hn::StoreU(hn::BitCast(d16, hn::DemoteTo(db, v[i / 4][i % 4])), d16, reinterpret_cast<std::uint16_t*>(call.out + i * call.point) + channel);
  }
}

void Int8Input(const WinogradInputCall& call) {
  using D16 = hn::CappedTag<std::int16_t, 32>;
  using V16 = hn::Vec<D16>;
  const D16 d;
  const hn::Rebind<std::uint8_t, D16> d8;
  constexpr int kLanes16 = static_cast<int>(hn::MaxLanes(D16()));
  for (int channel = 0; channel < 64; channel += kLanes16) {
    V16 v[4][4];
    HWY_UNROLL(16)
    for (int i = 0; i < 16; ++i) v[i / 4][i % 4] = hn::PromoteTo(d, hn::LoadU(d8, call.pixels[i] + channel));
    transform_input(v);
    HWY_UNROLL(16)
    for (int i = 0; i < 16; ++i) {
      const int shift = i == kWinogradSumPoint ? call.sum_shift : call.shift;
      const auto half = hn::Set(d, static_cast<std::int16_t>((1 << shift) >> 1));
      auto rounded = hn::ShiftRightSame(hn::Add(v[i / 4][i % 4], half), shift);
      if (i != kWinogradSumPoint) rounded = hn::Add(rounded, hn::Set(d, 128));
      hn::StoreU(hn::DemoteTo(d8, rounded), d8, call.out + i * call.point + channel);
    }
  }
}

// m -> A^T m A.
HWY_INLINE void transform_output(const V (&m)[4][4], V (&y)[4]) {
  V half[2][4];
  HWY_UNROLL(4)
  for (int x = 0; x < 4; ++x) {
    half[0][x] = hn::Add(hn::Add(m[0][x], m[1][x]), m[2][x]);
    half[1][x] = hn::Sub(hn::Sub(m[1][x], m[2][x]), m[3][x]);
  }
  HWY_UNROLL(2)
  for (int i = 0; i < 2; ++i) {
    y[2 * i] = hn::Add(hn::Add(half[i][0], half[i][1]), half[i][2]);
    y[2 * i + 1] = hn::Sub(hn::Sub(half[i][1], half[i][2]), half[i][3]);
  }
}

void Bf16Output(const WinogradOutputCall& call) {
  const D d;
  const hn::Rebind<hwy::bfloat16_t, D> db;
  const hn::Rebind<std::uint16_t, D> d16;
  for (int filter = 0; filter < 16; filter += kLanes) {
    V m[4][4], y[4];
    HWY_UNROLL(16)
    for (int i = 0; i < 16; ++i) m[i / 4][i % 4] = hn::LoadU(d, reinterpret_cast<const float*>(call.sums + i * call.point) + filter);
    transform_output(m, y);
    const V bias = call.bias != nullptr ? hn::LoadU(d, static_cast<const float*>(call.bias) + filter) : hn::Zero(d);
    HWY_UNROLL(4)
    for (int i = 0; i < 4; ++i) {
      if (call.pixels[i] == nullptr) continue;
      V value = hn::Add(y[i], bias);
      if (call.relu) value = hn::Max(value, hn::Zero(d));
      hn::StoreU(hn::BitCast(d16, hn::DemoteTo(db, value)), d16, reinterpret_cast<std::uint16_t*>(call.pixels[i]) + filter);
    }
  }
}

void Int8Output(const WinogradOutputCall& call) {
  const D d;
  const DI di;
  for (int filter = 0; filter < 16; filter += kLanes) {
    V m[4][4], y[4];
    HWY_UNROLL(16)
    for (int i = 0; i < 16; ++i) {
      const auto sum = hn::LoadU(di, reinterpret_cast<const std::int32_t*>(call.sums + i * call.point) + filter);
      m[i / 4][i % 4] = hn::Mul(hn::ConvertTo(d, sum), hn::LoadU(d, call.scales + i * 16 + filter));
    }
    transform_output(m, y);
    const auto bias = call.bias != nullptr ? hn::LoadU(di, static_cast<const std::int32_t*>(call.bias) + filter) : hn::Zero(di);
    HWY_UNROLL(4)
    for (int i = 0; i < 4; ++i) {
      if (call.pixels[i] == nullptr) continue;
      auto value = hn::Add(hn::NearestInt(y[i]), bias);
      if (call.relu) value = hn::Max(value, hn::Zero(di));
      hn::StoreU(value, di, reinterpret_cast<std::int32_t*>(call.pixels[i]) + filter);
    }
  }
}

}  // namespace

WinogradTransforms GetBf16Winograd() { return {&Bf16Input, &Bf16Output}; }
WinogradTransforms GetInt8Winograd() { return {&Int8Input, &Int8Output}; }

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(GetBf16Winograd);
HWY_EXPORT(GetInt8Winograd);
WinogradTransforms bf16_winograd_transforms() { return HWY_DYNAMIC_DISPATCH(GetBf16Winograd)(); }
WinogradTransforms int8_winograd_transforms() { return HWY_DYNAMIC_DISPATCH(GetInt8Winograd)(); }

}  // namespace convroof::highway
#endif  // HWY_ONCE

#else
namespace convroof::highway {
WinogradTransforms bf16_winograd_transforms() { return {}; }
WinogradTransforms int8_winograd_transforms() { return {}; }
}  // namespace convroof::highway
#endif
