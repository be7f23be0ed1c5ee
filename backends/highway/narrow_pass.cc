#include "backends/highway/narrow_pass.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "backends/highway/activations.h"
#include "backends/highway/blocked_layout.h"
#include "backends/highway/buffer.h"
#include "backends/highway/narrow_convert.h"
#include "backends/highway/parallel.h"
#include "backends/highway/pass_loops.h"

namespace convroof::highway {
namespace {

// The stored types of one number format, bf16 as its bits.
struct Bf16Storage {
  using In = std::uint16_t;
  using Out = std::uint16_t;
  static constexpr Out kPoison = 0x7fc0;
  static void widen(const In* from, std::int64_t count, float* to) { widen_bf16(from, count, to); }
  static void narrow(const float* from, std::int64_t count, Out* to) { narrow_bf16(from, count, to); }
};
// Integers up to 510 are exact in f32.
struct Int8Storage {
  using In = std::uint8_t;
  using Out = std::int32_t;
  static constexpr Out kPoison = std::numeric_limits<std::int32_t>::min();
  static void widen(const In* from, std::int64_t count, float* to) { widen_u8(from, count, to); }
  static void narrow(const float* from, std::int64_t count, Out* to) { narrow_s32(from, count, to); }
};

constexpr std::int64_t kPiece = 1024;     // elements of a piece, elementwise layers
constexpr std::int64_t kPixelPiece = 64;  // pixels of a piece, layers across channels

template <class Storage>
class NarrowPass final : public Kernel {
  using In = typename Storage::In;
  using Out = typename Storage::Out;

 public:
  NarrowPass(const Case& c, const Operands& operands) : c_(c), l_(c.layer), blocked_(l_.op == Op::maxpool || l_.op == Op::avgpool) {
    const auto elements = [](const Tensor& t) { return std::span(reinterpret_cast<const In*>(t.data()), static_cast<std::size_t>(t.count())); };
    input_ = Buffer<In>(blocked_ ? layout(l_.in_height * l_.in_width).count() : operands.input.count());
    if (blocked_)
      to_blocked(layout(l_.in_height * l_.in_width), elements(operands.input), input_.data());
    else
      std::ranges::copy(elements(operands.input), input_.data());
    if (l_.op == Op::add) {
      addend_ = Buffer<In>(operands.addend.count());
      std::ranges::copy(elements(operands.addend), addend_.data());
    }
    output_ = Buffer<Out>(blocked_ ? layout(l_.out_height * l_.out_width).count() : c.batch * output_elements(l_));
    scratch_ = Buffer<float>(c.threads * scratch_floats());
  }

  std::optional<double> run(int times) override {
    for (int i = 0; i < times; ++i)
      on_threads(c_.threads, [this](int thread, int threads) { run_share(thread, threads, scratch_.data() + thread * scratch_floats()); });
    return std::nullopt;
  }

  void poison_output() override { std::ranges::fill(output_.span(), Storage::kPoison); }

  void read_output(Tensor& canonical) override {
    const std::span to(reinterpret_cast<Out*>(canonical.data()), static_cast<std::size_t>(canonical.count()));
    if (blocked_)
      from_blocked<Out>(layout(l_.out_height * l_.out_width), output_.data(), to);
    else
      std::ranges::copy(output_.span(), to.begin());
  }

  Work work() const override {
    Work work;
    work.ops_other = static_cast<std::uint64_t>(c_.batch * ops_other(l_));
    work.bytes_packed = input_.bytes() + addend_.bytes() + output_.bytes();
    work.unit_used = "fma";
    work.accumulator = "f32";
    work.facts["implementation"] = "one pass, widened to f32";
    return work;
  }

 private:
  BlockedShape layout(std::int64_t pixels) const { return {c_.batch, 1, l_.in_channels, pixels, kBlock}; }
  std::int64_t pixels() const { return l_.in_height * l_.in_width; }

  std::int64_t scratch_floats() const {
    switch (l_.op) {
      case Op::maxpool:
      case Op::avgpool:
        return (l_.kernel_height * l_.in_width + l_.out_width) * kBlock;
      case Op::lrn:
        return 2 * l_.in_channels * kPixelPiece;
      case Op::softmax:
        return 2 * l_.in_channels;
      default:
        return 2 * kPiece;
    }
  }

  void run_share(int thread, int threads, float* scratch) {
    switch (l_.op) {
      case Op::maxpool:
      case Op::avgpool:
        return pool(share_of(c_.batch * layout(1).blocks() * l_.out_height, thread, threads), scratch);
      case Op::lrn:
        return normalise(share_of(c_.batch * ceil_div(pixels(), kPixelPiece), thread, threads), scratch);
      case Op::softmax:
        return share_out(share_of(c_.batch * pixels(), thread, threads), scratch);
      default:
        return elements(share_of(ceil_div(output_.count(), kPiece), thread, threads), scratch);
    }
  }

  void pool(Range rows, float* scratch) {
    const std::int64_t in_row = l_.in_width * kBlock, out_row = l_.out_width * kBlock;
    float* const result = scratch + l_.kernel_height * in_row;
    for (std::int64_t i = rows.begin; i < rows.end; ++i) {
      const std::int64_t plane = i / l_.out_height, top = i % l_.out_height * l_.stride_height - l_.pad_top;
      PoolRow row{.input = scratch,
                  .output = result,
                  .in_width = l_.in_width,
                  .out_width = l_.out_width,
                  .row_end = 0,
                  .row_step = 1,
                  .kernel_width = l_.kernel_width,
                  .stride = l_.stride_width,
                  .dilation = l_.dilation_width,
                  .pad_left = l_.pad_left};
      for (std::int64_t r = 0; r < l_.kernel_height; ++r)
        if (const std::int64_t y = top + r * l_.dilation_height; y >= 0 && y < l_.in_height)
          Storage::widen(input_.data() + (plane * l_.in_height + y) * in_row, in_row, scratch + row.row_end++ * in_row);
      l_.op == Op::maxpool ? max_pool_row(row) : average_pool_row(row);
      finish(result, out_row, output_.data() + i * out_row);
    }
  }

  void normalise(Range pieces, float* scratch) {
    const std::int64_t per_image = ceil_div(pixels(), kPixelPiece), channels = l_.in_channels;
    for (std::int64_t i = pieces.begin; i < pieces.end; ++i) {
      const std::int64_t base = i / per_image * channels * pixels() + i % per_image * kPixelPiece;
      const std::int64_t count = std::min(kPixelPiece, pixels() - i % per_image * kPixelPiece);
      for (std::int64_t ch = 0; ch < channels; ++ch) Storage::widen(input_.data() + base + ch * pixels(), count, scratch + ch * kPixelPiece);
      float* const result = scratch + channels * kPixelPiece;
      for (std::int64_t ch = 0; ch < channels; ++ch) {
        const std::int64_t lowest = ch - l_.lrn_size / 2, first = std::max<std::int64_t>(0, lowest), end = std::min(channels, lowest + l_.lrn_size);
        lrn_plane({.first = scratch + first * kPixelPiece,
                   .in = scratch + ch * kPixelPiece,
                   .out = result,
                   .channels = end - first,
                   .plane = kPixelPiece,
                   .pixels = count,
                   .k = l_.lrn_k,
                   .alpha = l_.lrn_alpha,
                   .beta = l_.lrn_beta});
        finish(result, count, output_.data() + base + ch * pixels());
      }
    }
  }

  void share_out(Range of_pixels, float* scratch) {
    const std::int64_t channels = l_.in_channels;
    float* const result = scratch + channels;
    for (std::int64_t i = of_pixels.begin; i < of_pixels.end; ++i) {
      const std::int64_t base = i / pixels() * channels * pixels() + i % pixels();
      for (std::int64_t ch = 0; ch < channels; ++ch) Storage::widen(input_.data() + base + ch * pixels(), 1, scratch + ch);
      softmax(scratch, result, channels, 1);
      activate(c_.activation(), result, channels);
      for (std::int64_t ch = 0; ch < channels; ++ch) Storage::narrow(result + ch, 1, output_.data() + base + ch * pixels());
    }
  }

  void elements(Range pieces, float* scratch) {
    for (std::int64_t i = pieces.begin; i < pieces.end; ++i) {
      const std::int64_t base = i * kPiece, count = std::min(kPiece, output_.count() - base);
      Storage::widen(input_.data() + base, count, scratch);
      if (l_.op == Op::add) {
        Storage::widen(addend_.data() + base, count, scratch + kPiece);
        add_arrays(scratch, scratch + kPiece, scratch, count, false);
      } else {
        relu_array(scratch, scratch, count);
      }
      finish(scratch, count, output_.data() + base);
    }
  }

  void finish(float* values, std::int64_t count, Out* to) const {
    activate(c_.activation(), values, count);
    Storage::narrow(values, count, to);
  }

  const Case c_;
  const LayerSpec& l_;
  const bool blocked_;
  Buffer<In> input_, addend_;
  Buffer<Out> output_;
  Buffer<float> scratch_;
};

}  // namespace

Support narrow_pass_supports(const Case& c) {
  if (c.type != DataType::s8) return {};
  if (c.layer.op == Op::avgpool || c.layer.op == Op::lrn || c.layer.op == Op::softmax)
    return Support::no(fmt::format("{} has no integer form here", name_of(c.layer.op)));
  if (c.activation() == Activation::sigmoid || c.activation() == Activation::tanh)
    return Support::no(fmt::format("{} has no integer form here", name_of(c.activation())));
  return {};
}

std::unique_ptr<Kernel> make_narrow_pass(const Case& c, const Operands& operands) {
  if (c.type == DataType::s8) return std::make_unique<NarrowPass<Int8Storage>>(c, operands);
  return std::make_unique<NarrowPass<Bf16Storage>>(c, operands);
}

}  // namespace convroof::highway
