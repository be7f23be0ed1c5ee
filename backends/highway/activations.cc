#include "backends/highway/activations.h"

#include "backends/highway/f32_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/activations.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class F>
HWY_INLINE void map(float* HWY_RESTRICT values, std::int64_t count, const F& f) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(f(d, hn::LoadU(d, values + i)), d, values + i);
  if (i < count) {
    const auto rest = static_cast<std::size_t>(count - i);
    hn::StoreN(f(d, hn::LoadN(d, values + i, rest)), d, values + i, rest);
  }
}

struct Sigmoid {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> x) const {
    return hn::Div(hn::Set(d, 1.0f), hn::Add(hn::Set(d, 1.0f), hn::Exp(d, hn::Min(hn::Neg(x), hn::Set(d, 87.0f)))));
  }
};

struct Tanh {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> x) const {
    return hn::Tanh(d, x);
  }
};

struct Relu {
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> x) const {
    return hn::Max(x, hn::Zero(d));
  }
};

}  // namespace

void Activate(Activation activation, float* values, std::int64_t count) {
  switch (activation) {
    case Activation::none:
      return;
    case Activation::relu:
      return map(values, count, Relu());
    case Activation::sigmoid:
      return map(values, count, Sigmoid());
    case Activation::tanh:
      return map(values, count, Tanh());
  }
}

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(Activate);

void activate(Activation activation, float* values, std::int64_t count) { HWY_DYNAMIC_DISPATCH(Activate)(activation, values, count); }

}  // namespace convroof::highway
#endif  // HWY_ONCE
