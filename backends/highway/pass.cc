#include "backends/highway/pass.h"

#include <algorithm>
#include <limits>

#include "backends/highway/activations.h"
#include "backends/highway/blocked_layout.h"
#include "backends/highway/buffer.h"
#include "backends/highway/parallel.h"
#include "backends/highway/pass_loops.h"
#include "backends/highway/tile_product.h"

namespace convroof::highway {
namespace {

class Pass final : public Kernel {
 public:
  Pass(const Case& c, const Operands& operands) : c_(c), l_(c.layer), blocked_(l_.op == Op::maxpool || l_.op == Op::avgpool) {
    const std::span<const float> input = operands.input.as<float>();
    if (blocked_) {
      input_ = Buffer<float>(input_layout().count());
      to_blocked(input_layout(), input, input_.data());
      output_ = Buffer<float>(output_layout().count());
    } else {
      input_ = Buffer<float>(static_cast<std::int64_t>(input.size()));
      std::ranges::copy(input, input_.data());
      output_ = Buffer<float>(c_.batch * output_elements(l_));
    }
    if (l_.op == Op::add) {
      addend_ = Buffer<float>(operands.addend.count());
      std::ranges::copy(operands.addend.as<float>(), addend_.data());
    }
  }

  std::optional<double> run(int times) override {
    for (int i = 0; i < times; ++i) on_threads(c_.threads, [this](int thread, int threads) { run_share(thread, threads); });
    return std::nullopt;
  }

  void poison_output() override { std::ranges::fill(output_.span(), std::numeric_limits<float>::quiet_NaN()); }

  void read_output(Tensor& canonical) override {
    if (blocked_)
      from_blocked<float>(output_layout(), output_.data(), canonical.as<float>());
    else
      std::ranges::copy(output_.span(), canonical.as<float>().begin());
  }

  Work work() const override {
    Work work;
    work.ops_other = static_cast<std::uint64_t>(c_.batch * ops_other(l_));
    work.bytes_packed = input_.bytes() + addend_.bytes() + output_.bytes();
    work.unit_used = "fma";
    work.accumulator = "f32";
    work.facts["target"] = target_name();
    work.facts["implementation"] = blocked_ ? "one pass over channel blocks" : "one pass";
    return work;
  }

 private:
  BlockedShape input_layout() const { return {c_.batch, 1, l_.in_channels, l_.in_height * l_.in_width, kBlock}; }
  BlockedShape output_layout() const { return {c_.batch, 1, l_.out_channels, l_.out_height * l_.out_width, kBlock}; }

  void run_share(int thread, int threads) {
    switch (l_.op) {
      case Op::maxpool:
      case Op::avgpool:
        return pool(share_of(c_.batch * input_layout().blocks() * l_.out_height, thread, threads));
      case Op::lrn:
        return normalise(share_of(c_.batch * l_.in_channels, thread, threads));
      case Op::softmax:
        return share_out(share_of(c_.batch * l_.in_height * l_.in_width, thread, threads));
      case Op::add:
      case Op::relu:
        return elements(share_of(output_.count(), thread, threads));
      case Op::conv:
      case Op::fc:
        return;
    }
  }

  void pool(Range rows) {
    const std::int64_t in_plane = l_.in_height * l_.in_width * kBlock, out_row = l_.out_width * kBlock;
    for (std::int64_t i = rows.begin; i < rows.end; ++i) {
      const std::int64_t plane = i / l_.out_height, top = i % l_.out_height * l_.stride_height - l_.pad_top;
      PoolRow row;
      row.input = input_.data() + plane * in_plane + top * l_.in_width * kBlock;
      row.output = output_.data() + i * out_row;
      row.in_width = l_.in_width;
      row.out_width = l_.out_width;
      row.row_step = l_.dilation_height;
      while (row.row_begin < l_.kernel_height && top + row.row_begin * l_.dilation_height < 0) ++row.row_begin;
      row.row_end = row.row_begin;
      while (row.row_end < l_.kernel_height && top + row.row_end * l_.dilation_height < l_.in_height) ++row.row_end;
      row.kernel_width = l_.kernel_width;
      row.stride = l_.stride_width;
      row.dilation = l_.dilation_width;
      row.pad_left = l_.pad_left;
      l_.op == Op::maxpool ? max_pool_row(row) : average_pool_row(row);
      activate(c_.activation(), row.output, out_row);
    }
  }

  void normalise(Range planes) {
    const std::int64_t pixels = l_.in_height * l_.in_width;
    for (std::int64_t i = planes.begin; i < planes.end; ++i) {
      const std::int64_t channel = i % l_.in_channels, lowest = channel - l_.lrn_size / 2;
      const std::int64_t first = std::max<std::int64_t>(0, lowest), end = std::min(l_.in_channels, lowest + l_.lrn_size);
      LrnPlane p;
      p.in = input_.data() + i * pixels;
      p.first = p.in + (first - channel) * pixels;
      p.out = output_.data() + i * pixels;
      p.channels = end - first;
      p.plane = p.pixels = pixels;
      p.k = l_.lrn_k;
      p.alpha = l_.lrn_alpha;
      p.beta = l_.lrn_beta;
      lrn_plane(p);
      activate(c_.activation(), p.out, pixels);
    }
  }

  void share_out(Range pixels) {
    const std::int64_t plane = l_.in_height * l_.in_width;
    for (std::int64_t i = pixels.begin; i < pixels.end; ++i) {
      const std::int64_t offset = i / plane * l_.in_channels * plane + i % plane;
      softmax(input_.data() + offset, output_.data() + offset, l_.in_channels, plane);
      if (c_.activation() != Activation::none)
        for (std::int64_t ch = 0; ch < l_.in_channels; ++ch) activate(c_.activation(), output_.data() + offset + ch * plane, 1);
    }
  }

  void elements(Range share) {
    float* out = output_.data() + share.begin;
    const Activation activation = c_.activation();
    if (l_.op == Op::add)
      add_arrays(input_.data() + share.begin, addend_.data() + share.begin, out, share.size(), activation == Activation::relu);
    else
      relu_array(input_.data() + share.begin, out, share.size());
    if (activation == Activation::sigmoid || activation == Activation::tanh) activate(activation, out, share.size());
  }

  const Case c_;
  const LayerSpec& l_;
  const bool blocked_;
  Buffer<float> input_, addend_, output_;
};

}  // namespace

std::unique_ptr<Kernel> prepare_pass(const Case& c, const Operands& operands) { return std::make_unique<Pass>(c, operands); }

}  // namespace convroof::highway
