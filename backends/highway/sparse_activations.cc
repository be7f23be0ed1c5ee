#include "backends/highway/sparse_activations.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "backends/highway/activations.h"
#include "backends/highway/blocked_layout.h"
#include "backends/highway/buffer.h"
#include "backends/highway/parallel.h"

#include "backends/highway/f32_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/sparse_activations.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// sums[i] += x[0] * columns[0][i] + ... + x[3] * columns[3][i], i < count, a multiple of 16. Four columns at once, so that the sums, which lie in the first
// cache, are loaded and stored once for four vectors that come from memory.
void AddColumns(const float* const (&columns)[4], const float (&x)[4], std::int64_t count, float* HWY_RESTRICT sums) {
  const hn::CappedTag<float, 16> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto x0 = hn::Set(d, x[0]), x1 = hn::Set(d, x[1]), x2 = hn::Set(d, x[2]), x3 = hn::Set(d, x[3]);
  for (std::int64_t i = 0; i < count; i += lanes) {
    auto sum = hn::Load(d, sums + i);
    sum = hn::MulAdd(x0, hn::Load(d, columns[0] + i), sum);
    sum = hn::MulAdd(x1, hn::Load(d, columns[1] + i), sum);
    sum = hn::MulAdd(x2, hn::Load(d, columns[2] + i), sum);
    sum = hn::MulAdd(x3, hn::Load(d, columns[3] + i), sum);
    hn::Store(sum, d, sums + i);
  }
}

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {
namespace {

HWY_EXPORT(AddColumns);

class SparseActivations final : public Kernel {
 public:
  SparseActivations(const Case& c, const Operands& operands)
      : c_(c),
        inputs_(c.layer.reduction_length()),
        outputs_(c.layer.out_channels),
        padded_(ceil_div(outputs_, kBlock) * kBlock),
        x_(operands.input.as<float>()) {
    const std::span<const float> weights = operands.weights.as<float>();
    weights_ = Buffer<float>(inputs_ * padded_);
    for (std::int64_t k = 0; k < outputs_; ++k)
      for (std::int64_t i = 0; i < inputs_; ++i) weights_[i * padded_ + k] = weights[static_cast<std::size_t>(k * inputs_ + i)];
    start_ = Buffer<float>(padded_);
    if (c.has_bias()) std::ranges::copy(operands.bias.as<float>(), start_.data());
    output_ = Buffer<float>(padded_);
    kept_ = Buffer<std::int32_t>(c.threads * (inputs_ + 3));
  }

  std::optional<double> run(int times) override {
    for (int i = 0; i < times; ++i)
      on_threads(c_.threads,
                 [this](int thread, int threads) { compute(share_of(padded_ / kBlock, thread, threads), kept_.data() + thread * (inputs_ + 3), thread == 0); });
    return std::nullopt;
  }

  void poison_output() override { std::ranges::fill(output_.span(), std::numeric_limits<float>::quiet_NaN()); }
  void read_output(Tensor& canonical) override { std::copy_n(output_.data(), outputs_, canonical.as<float>().data()); }

  Work work() const override {
    Work work;
    work.macs_executed = static_cast<std::uint64_t>(kept_count_ * outputs_);
    work.bytes_packed =
        static_cast<std::uint64_t>(kept_count_ * padded_) * sizeof(float) + x_.size_bytes() + start_.bytes() + output_.bytes();  // only what is read
    work.unit_used = "fma";
    work.accumulator = "f32";
    work.facts["implementation"] = "columns of non-zero inputs";
    work.facts["kept_inputs"] = fmt::format("{} of {}", kept_count_, inputs_);
    return work;
  }

 private:
  void compute(Range blocks, std::int32_t* kept, bool counts) {
    const std::int64_t begin = blocks.begin * kBlock, count = blocks.size() * kBlock;
    std::int64_t kept_count = 0;
    for (std::int64_t i = 0; i < inputs_; ++i) {  // no branch: which inputs are zero cannot be predicted
      kept[kept_count] = static_cast<std::int32_t>(i);
      kept_count += x_[static_cast<std::size_t>(i)] != 0;
    }
    if (counts) kept_count_ = kept_count;
    float* const sums = output_.data() + begin;
    std::copy_n(start_.data() + begin, count, sums);
    for (std::int64_t k = 0; k < kept_count; k += 4) {
      const float* columns[4];
      float x[4];
      for (std::int64_t j = 0; j < 4; ++j) {
        const bool exists = k + j < kept_count;
        const std::int32_t input = kept[exists ? k + j : k];
        columns[j] = weights_.data() + input * padded_ + begin;
        x[j] = exists ? x_[static_cast<std::size_t>(input)] : 0.0f;
      }
      HWY_DYNAMIC_DISPATCH(AddColumns)(columns, x, count, sums);
    }
    activate(c_.activation(), sums, count);
  }

  const Case c_;
  const std::int64_t inputs_, outputs_, padded_;
  std::span<const float> x_;
  Buffer<float> weights_;  // [input][padded outputs]
  Buffer<float> start_, output_;
  Buffer<std::int32_t> kept_;  // of each thread: indices of non-zero inputs
  std::int64_t kept_count_ = 0;
};

Support supports(const Case& c) {
  if (c.layer.op != Op::fc) return Support::no("zero activations pay only where each weight is used once: fully connected layers");
  if (c.batch != 1) return Support::no("an input is rarely zero in all images of a batch");
  if (c.type != DataType::f32) return Support::no("f32 only");
  return {};
}

}  // namespace

Algorithm sparse_activations_algorithm() {
  return {.variant = {.name = "sparse-activations", .summary = "fully connected at batch 1: weights of zero inputs are never read"},
          .supports = supports,
          .prepare = [](const Case& c, const Operands& o) -> std::unique_ptr<Kernel> { return std::make_unique<SparseActivations>(c, o); }};
}

}  // namespace convroof::highway
#endif  // HWY_ONCE
