#include "backends/highway/pass_loops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/highway/f32_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/pass_loops.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Block = hn::CappedTag<float, 16>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Block()));

template <bool average>
HWY_INLINE void pool(const PoolRow& p) {
  const Block d;
  for (std::int64_t x = 0; x < p.out_width; ++x) {
    const std::int64_t left = x * p.stride - p.pad_left;
    const std::int64_t first = left >= 0 ? 0 : (-left + p.dilation - 1) / p.dilation;
    const std::int64_t end = std::min(p.kernel_width, left >= p.in_width ? 0 : (p.in_width - 1 - left) / p.dilation + 1);
    const auto taps = static_cast<float>((p.row_end - p.row_begin) * std::max<std::int64_t>(0, end - first));
    for (int lane = 0; lane < 16; lane += kLanes) {
      auto value = average || taps == 0 ? hn::Zero(d) : hn::Set(d, -std::numeric_limits<float>::infinity());
      for (std::int64_t r = p.row_begin; r < p.row_end; ++r) {
        const float* row = p.input + (r * p.row_step * p.in_width + left) * 16 + lane;
        for (std::int64_t s = first; s < end; ++s) {
          const auto in = hn::LoadU(d, row + s * p.dilation * 16);
          value = average ? hn::Add(value, in) : hn::Max(value, in);
        }
      }
      if (average && taps > 0) value = hn::Div(value, hn::Set(d, taps));
      hn::StoreU(value, d, p.output + x * 16 + lane);
    }
  }
}

using Any = hn::ScalableTag<float>;

}  // namespace

void MaxPoolRow(const PoolRow& row) { pool<false>(row); }
void AveragePoolRow(const PoolRow& row) { pool<true>(row); }

void AddArrays(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, float* HWY_RESTRICT out, std::int64_t count, bool relu) {
  const Any d;
  const auto least = relu ? hn::Zero(d) : hn::Set(d, -std::numeric_limits<float>::infinity());
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::Max(hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), least), d, out + i);
  if (i < count) {
    const auto rest = static_cast<std::size_t>(count - i);
    hn::StoreN(hn::Max(hn::Add(hn::LoadN(d, a + i, rest), hn::LoadN(d, b + i, rest)), least), d, out + i, rest);
  }
}

void ReluArray(const float* HWY_RESTRICT in, float* HWY_RESTRICT out, std::int64_t count) {
  const Any d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::Max(hn::LoadU(d, in + i), hn::Zero(d)), d, out + i);
  if (i < count) {
    const auto rest = static_cast<std::size_t>(count - i);
    hn::StoreN(hn::Max(hn::LoadN(d, in + i, rest), hn::Zero(d)), d, out + i, rest);
  }
}

void LrnPlaneLoop(const LrnPlane& p) {
  const Any d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < p.pixels; i += lanes) {
    const auto n = static_cast<std::size_t>(std::min(lanes, p.pixels - i));
    auto squares = hn::Zero(d);
    for (std::int64_t c = 0; c < p.channels; ++c) {
      const auto x = hn::LoadN(d, p.first + c * p.plane + i, n);
      squares = hn::MulAdd(x, x, squares);
    }
    const auto base = hn::MulAdd(squares, hn::Set(d, static_cast<float>(p.alpha)), hn::Set(d, static_cast<float>(p.k)));
    const auto x = hn::LoadN(d, p.in + i, n);
    if (p.beta == 0.75) {  // the published exponent: two square roots instead of a logarithm and an exponential
      const auto root = hn::Sqrt(base);
      hn::StoreN(hn::Div(x, hn::Mul(root, hn::Sqrt(root))), d, p.out + i, n);
    } else {
      HWY_ALIGN float bases[hn::MaxLanes(Any())];
      hn::StoreU(base, d, bases);
      for (std::size_t l = 0; l < n; ++l)
        p.out[i + static_cast<std::int64_t>(l)] =
            static_cast<float>(static_cast<double>(p.in[i + static_cast<std::int64_t>(l)]) / std::pow(static_cast<double>(bases[l]), p.beta));
    }
  }
}

// In double: the difference to the largest value may be large, and its rounding error is a relative error of the exponential.
void Softmax(const float* HWY_RESTRICT in, float* HWY_RESTRICT out, std::int64_t channels, std::int64_t stride) {
  float top = -std::numeric_limits<float>::infinity();
  for (std::int64_t c = 0; c < channels; ++c) top = std::max(top, in[c * stride]);
  const hn::ScalableTag<double> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  HWY_ALIGN double piece[hn::MaxLanes(hn::ScalableTag<double>())] = {};
  double sum = 0;
  const auto exponentials = [&](std::int64_t c) HWY_ATTR {
    for (std::int64_t l = 0; l < lanes; ++l) piece[l] = c + l < channels ? static_cast<double>(in[(c + l) * stride]) - static_cast<double>(top) : 0.0;
    hn::Store(hn::Exp(d, hn::Load(d, piece)), d, piece);
  };
  for (std::int64_t c = 0; c < channels; c += lanes) {
    exponentials(c);
    for (std::int64_t l = 0; l < lanes && c + l < channels; ++l) sum += piece[l];
  }
  for (std::int64_t c = 0; c < channels; c += lanes) {
    exponentials(c);
    for (std::int64_t l = 0; l < lanes && c + l < channels; ++l) out[(c + l) * stride] = static_cast<float>(piece[l] / sum);
  }
}

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(MaxPoolRow);
HWY_EXPORT(AveragePoolRow);
HWY_EXPORT(AddArrays);
HWY_EXPORT(ReluArray);
HWY_EXPORT(LrnPlaneLoop);
HWY_EXPORT(Softmax);

void max_pool_row(const PoolRow& row) { HWY_DYNAMIC_DISPATCH(MaxPoolRow)(row); }
void average_pool_row(const PoolRow& row) { HWY_DYNAMIC_DISPATCH(AveragePoolRow)(row); }
void add_arrays(const float* a, const float* b, float* out, std::int64_t count, bool relu) { HWY_DYNAMIC_DISPATCH(AddArrays)(a, b, out, count, relu); }
void relu_array(const float* in, float* out, std::int64_t count) { HWY_DYNAMIC_DISPATCH(ReluArray)(in, out, count); }
void lrn_plane(const LrnPlane& p) { HWY_DYNAMIC_DISPATCH(LrnPlaneLoop)(p); }
void softmax(const float* in, float* out, std::int64_t channels, std::int64_t stride) { HWY_DYNAMIC_DISPATCH(Softmax)(in, out, channels, stride); }

}  // namespace convroof::highway
#endif  // HWY_ONCE
