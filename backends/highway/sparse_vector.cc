#include "backends/highway/sparse_vector.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "backends/highway/activations.h"
#include "backends/highway/buffer.h"
#include "backends/highway/parallel.h"
#include "backends/highway/sparse_convolution.h"

#include "backends/highway/f32_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/sparse_vector.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

#ifndef CONVROOF_BACKENDS_HIGHWAY_SPARSE_VECTOR_ONCE
#define CONVROOF_BACKENDS_HIGHWAY_SPARSE_VECTOR_ONCE
namespace convroof::highway {

// One slab of rows.
struct SlabCall {
  const std::uint8_t* depths;  // slots of each block
  std::int64_t blocks;
  const float* weights;         // [slot][row]
  const std::uint8_t* columns;  // [slot][row], within the block
  const float* x;
  float* sums;  // of each row
};
using SlabFunction = void (*)(const SlabCall& call);

}  // namespace convroof::highway
#endif

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));

void slab(const SlabCall& call) {
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::uint8_t, D> d8;
  const float* HWY_RESTRICT w = call.weights;
  const std::uint8_t* HWY_RESTRICT column = call.columns;
  const float* HWY_RESTRICT x = call.x;
  auto s0 = hn::Zero(d), s1 = s0;
  for (std::int64_t b = 0; b < call.blocks; ++b, x += 2 * kLanes) {
    const auto low = hn::Load(d, x), high = hn::Load(d, x + kLanes);
    const auto input = [&](std::int64_t slot) HWY_ATTR {
      return hn::TwoTablesLookupLanes(d, low, high, hn::IndicesFromVec(d, hn::PromoteTo(di, hn::Load(d8, column + slot * kLanes))));
    };
    int slots = call.depths[b];
    for (; slots >= 2; slots -= 2) {
      s0 = hn::MulAdd(hn::Load(d, w), input(0), s0);
      s1 = hn::MulAdd(hn::Load(d, w + kLanes), input(1), s1);
      w += 2 * kLanes;
      column += 2 * kLanes;
    }
    if (slots != 0) {
      s0 = hn::MulAdd(hn::Load(d, w), input(0), s0);
      w += kLanes;
      column += kLanes;
    }
  }
  hn::Store(hn::Add(s0, s1), d, call.sums);
}

}  // namespace

std::int64_t SlabRows() { return kLanes; }
SlabFunction GetSlab() { return &slab; }

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {
namespace {

HWY_EXPORT(SlabRows);
HWY_EXPORT(GetSlab);

class SparseVectorProduct final : public Kernel {
 public:
  SparseVectorProduct(const Case& c, const Operands& operands) : c_(c), length_(c.layer.reduction_length()) {
    pack_weights(operands.weights.as<float>());
    bias_ = Buffer<float>(slabs() * rows_);
    if (c.has_bias()) std::ranges::copy(operands.bias.as<float>(), bias_.data());
    x_ = Buffer<float>(blocks() * 2 * rows_);
    std::ranges::copy(operands.input.as<float>(), x_.data());
    output_ = Buffer<float>(slabs() * rows_);
    macs_ = sparse_macs(c, operands.weights);
  }

  std::optional<double> run(int times) override {
    for (int i = 0; i < times; ++i)
      on_threads(c_.threads, [&](int thread, int threads) {
        const Range mine = share_of(slabs(), thread, threads);
        for (std::int64_t slab = mine.begin; slab < mine.end; ++slab) compute(slab);
      });
    return std::nullopt;
  }

  void poison_output() override { std::ranges::fill(output_.span(), std::numeric_limits<float>::quiet_NaN()); }
  void read_output(Tensor& canonical) override { std::copy_n(output_.data(), c_.layer.out_channels, canonical.as<float>().data()); }

  Work work() const override {
    Work work;
    work.macs_executed = macs_;
    work.bytes_packed = depths_.bytes() + first_slot_.bytes() + weights_.bytes() + columns_.bytes() + leftovers_.bytes() + first_leftover_.bytes() +
                        bias_.bytes() + x_.bytes() + output_.bytes();
    work.unit_used = "fma";
    work.accumulator = "f32";
    work.facts["implementation"] = "sparse rows, inputs looked up in registers";
    work.facts["slots_filled"] = fmt::format("{:.3f}", weights_.count() == 0 ? 1.0 : static_cast<double>(in_slots_) / static_cast<double>(weights_.count()));
    work.facts["leftovers"] = fmt::format("{}", leftovers_.count());
    return work;
  }

 private:
  struct Leftover {
    std::uint32_t column;
    float weight;
  };

  std::int64_t slabs() const { return (c_.layer.out_channels + rows_ - 1) / rows_; }
  std::int64_t blocks() const { return (length_ + 2 * rows_ - 1) / (2 * rows_); }

  void compute(std::int64_t slab) {
    float* const sums = output_.data() + slab * rows_;
    const auto first = static_cast<std::int64_t>(first_slot_[slab]);
    slab_({.depths = depths_.data() + slab * blocks(),
           .blocks = blocks(),
           .weights = weights_.data() + first * rows_,
           .columns = columns_.data() + first * rows_,
           .x = x_.data(),
           .sums = sums});
    for (std::int64_t row = 0; row < rows_; ++row) {
      float sum = sums[row] + bias_[slab * rows_ + row];
      for (std::uint64_t i = first_leftover_[slab * rows_ + row]; i < first_leftover_[slab * rows_ + row + 1]; ++i) {
        const Leftover& leftover = leftovers_[static_cast<std::int64_t>(i)];
        sum += leftover.weight * x_[leftover.column];
      }
      sums[row] = sum;
    }
    activate(c_.activation(), sums, rows_);
  }

  // Slots of a block whose rows keep `counts` weights: a slot is worth its bytes as long as fewer bytes of leftovers cannot replace it.
  std::int64_t best_depth(const std::vector<std::int64_t>& counts) const {
    constexpr std::int64_t kSlotBytes = 5, kLeftoverCost = 14;  // 8 bytes, and about a cycle of scalar work in which 6 more could have come from memory
    std::int64_t best = 0, best_cost = std::numeric_limits<std::int64_t>::max();
    for (std::int64_t depth = 0; depth <= std::ranges::max(counts); ++depth) {
      std::int64_t cost = depth * rows_ * kSlotBytes;
      for (const std::int64_t count : counts) cost += std::max<std::int64_t>(0, count - depth) * kLeftoverCost;
      if (cost < best_cost) best = depth, best_cost = cost;
    }
    return best;
  }

  void pack_weights(std::span<const float> weights) {
    depths_ = Buffer<std::uint8_t>(slabs() * blocks());
    first_slot_ = Buffer<std::uint64_t>(slabs());
    first_leftover_ = Buffer<std::uint64_t>(slabs() * rows_ + 1);
    std::vector<float> slot_weights;
    std::vector<std::uint8_t> slot_columns;
    std::vector<Leftover> leftovers;
    std::vector<std::vector<Leftover>> of_row(static_cast<std::size_t>(rows_));
    std::vector<std::int64_t> counts(static_cast<std::size_t>(rows_));
    for (std::int64_t slab = 0; slab < slabs(); ++slab) {
      first_slot_[slab] = slot_weights.size() / static_cast<std::size_t>(rows_);
      for (auto& row : of_row) row.clear();
      for (std::int64_t block = 0; block < blocks(); ++block) {
        const std::int64_t begin = block * 2 * rows_, end = std::min(length_, begin + 2 * rows_);
        const auto weight = [&](std::int64_t row, std::int64_t column) {
          const std::int64_t k = slab * rows_ + row;
          return k < c_.layer.out_channels ? weights[static_cast<std::size_t>(k * length_ + column)] : 0.0f;
        };
        for (std::int64_t row = 0; row < rows_; ++row) {
          std::int64_t& count = counts[static_cast<std::size_t>(row)] = 0;
          for (std::int64_t column = begin; column < end; ++column) count += weight(row, column) != 0;
        }
        const std::int64_t depth = best_depth(counts);
        depths_[slab * blocks() + block] = static_cast<std::uint8_t>(depth);
        const std::size_t base = slot_weights.size();
        slot_weights.resize(base + static_cast<std::size_t>(depth * rows_));
        slot_columns.resize(slot_weights.size());
        for (std::int64_t row = 0; row < rows_; ++row) {
          std::int64_t slot = 0;
          for (std::int64_t column = begin; column < end; ++column)
            if (const float w = weight(row, column); w != 0) {
              if (slot < depth) {
                const std::size_t at = base + static_cast<std::size_t>(slot++ * rows_ + row);
                slot_weights[at] = w;
                slot_columns[at] = static_cast<std::uint8_t>(column - begin);
                ++in_slots_;
              } else {
                of_row[static_cast<std::size_t>(row)].push_back({static_cast<std::uint32_t>(column), w});
              }
            }
        }
      }
      for (std::int64_t row = 0; row < rows_; ++row) {
        const auto& list = of_row[static_cast<std::size_t>(row)];
        leftovers.insert(leftovers.end(), list.begin(), list.end());
        first_leftover_[slab * rows_ + row + 1] = leftovers.size();
      }
    }
    weights_ = Buffer<float>(static_cast<std::int64_t>(slot_weights.size()));
    std::ranges::copy(slot_weights, weights_.data());
    columns_ = Buffer<std::uint8_t>(static_cast<std::int64_t>(slot_columns.size()));
    std::ranges::copy(slot_columns, columns_.data());
    leftovers_ = Buffer<Leftover>(static_cast<std::int64_t>(leftovers.size()));
    std::ranges::copy(leftovers, leftovers_.data());
  }

  const Case c_;
  const std::int64_t length_;  // of a row
  const std::int64_t rows_ = HWY_DYNAMIC_DISPATCH(SlabRows)();
  const SlabFunction slab_ = HWY_DYNAMIC_DISPATCH(GetSlab)();
  Buffer<std::uint8_t> depths_, columns_;
  Buffer<std::uint64_t> first_slot_, first_leftover_;
  Buffer<float> weights_, bias_, x_, output_;
  Buffer<Leftover> leftovers_;
  std::int64_t in_slots_ = 0;
  std::uint64_t macs_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> make_sparse_vector_product(const Case& c, const Operands& operands) { return std::make_unique<SparseVectorProduct>(c, operands); }

}  // namespace convroof::highway
#endif  // HWY_ONCE
