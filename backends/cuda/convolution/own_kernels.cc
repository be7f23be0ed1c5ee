#include "backends/cuda/convolution/own_kernels.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/cuda/convolution/tiles.h"
#include "backends/cuda/convolution/two_of_four.h"
#include "backends/cuda/convolution/wgmma_maps.h"
#include "backends/cuda/device/device.h"
#include "backends/cuda/device/device_kernel.h"
#include "backends/cuda/kernels/convolution_launch.h"
#include "backends/cuda/kernels/pointwise.h"

namespace convroof::cuda {
namespace {

template <typename T>
DeviceMemory uploaded(const std::vector<T>& values) {
  DeviceMemory memory(values.size() * sizeof(T));
  memory.upload(values.data(), memory.bytes());
  return memory;
}

class ConvolutionKernel final : public DeviceKernel {
 public:
  ConvolutionKernel(KernelClass kind, const Case& c, const Operands& operands, Geometry geometry)
      : DeviceKernel(c, geometry.output), kind_(kind), geometry_(std::move(geometry)), gathers_(must_gather(c, geometry_)) {
    std::vector<Float16> weights = pack_filter_rows(operands.weights, geometry_, c.layer.groups);
    kept_share_ = 1.0;
    if (is_sparse(kind)) {
      const auto kept = std::ranges::count_if(weights, [](Float16 value) { return (value.bits & 0x7fff) != 0; });
      kept_share_ = static_cast<double>(kept) / static_cast<double>(std::max<std::int64_t>(operands.weights.count(), 1));
      CompressedFilters compressed = compress_filters(weights, geometry_);
      selection_ = uploaded(selection_words(compressed.positions, geometry_));
      weights = std::move(compressed.kept);
    } else if (kind == KernelClass::half2) {
      weights = transpose_filter_rows(weights, geometry_);
    }
    const std::vector<Float16> input = pack_activations(operands.input, geometry_.input);
    const TileChoice choice = choose_tile(geometry_, tiles(), step_of(kind), device_state().device.multiprocessors);
    tile_ = choice.tile;
    const auto output_elements = static_cast<std::size_t>(geometry_.output.elements());
    const std::size_t partial_bytes = choice.splits > 1 ? output_elements * static_cast<std::size_t>(choice.splits) * sizeof(float) : 0;
    require_free_memory(static_cast<std::int64_t>((input.size() + weights.size()) * sizeof(Float16) + partial_bytes));
    input_ = uploaded(input);
    weights_ = uploaded(weights);
    taps_ = uploaded(geometry_.taps);
    if (c.has_bias()) {
      bias_ = DeviceMemory(static_cast<std::size_t>(operands.bias.bytes()));
      bias_.upload(operands.bias.data(), bias_.bytes());
    }
    partial_ = DeviceMemory(partial_bytes);

    shape_ = geometry_.shape;
    shape_.input = input_.as<const std::uint16_t>();
    shape_.weights = weights_.as<const std::uint16_t>();
    shape_.selection = selection_.as<const std::uint32_t>();
    shape_.bias = bias_.as<const float>();
    shape_.output = static_cast<std::uint16_t*>(output());
    shape_.partial = partial_.as<float>();
    shape_.taps = taps_.as<const gpu::Tap>();
    shape_.splits = choice.splits;
    shape_.steps_a_split = choice.steps_a_split;
    if (is_wgmma(kind_)) {
      const gpu::PixelDescription pixels = pixel_box(c, geometry_, tiles()[static_cast<std::size_t>(tile_)].columns, input_.data());
      maps_ = wgmma_maps(filter_matrix(geometry_, is_sparse(kind), weights_.data()), gathers_ ? nullptr : &pixels);
    }
  }

  Work work() const override {
    Work work = common_work({.input = input_.bytes(),
                             .weights = weights_.bytes() + selection_.bytes() + bias_.bytes() + taps_.bytes(),
                             .output = static_cast<std::uint64_t>(output_layout().elements()) * sizeof(Float16),
                             .partial = partial_.bytes()});
    work.macs_executed = static_cast<std::uint64_t>(static_cast<double>(work.macs_executed) * kept_share_ + 0.5);
    work.unit_used = kind_ == KernelClass::half2 ? "half2" : "tensor";
    // 16 products at a time are summed in FP16 there: the roof of packed FP16 sums is the one that applies.
    if (kind_ == KernelClass::half2) work.accumulator = "f16";
    const Tile tile = tiles()[static_cast<std::size_t>(tile_)];
    work.facts["implementation"] = "own kernel";
    work.facts["tile"] = fmt::format("{}x{}x{}", tile.rows, tile.columns, step_of(kind_));
    work.facts["splits"] = fmt::format("{}", shape_.splits);
    if (is_wgmma(kind_)) work.facts["pixels_copied_by"] = gathers_ ? "threads" : "copy engine, im2col";
    work.facts["channels_a_copy"] = fmt::format("{}", geometry_.vector);
    work.facts["padded_reduction"] = fmt::format("{} of {}", the_case().layer.reduction_length(), geometry_.reduction);
    return work;
  }

 protected:
  void enqueue(cudaStream_t on_stream) override {
    if (kind_ == KernelClass::half2)
      launch_half2(shape_, geometry_.vector, on_stream);
    else if (is_wgmma(kind_))
      launch_wgmma(shape_, maps_, tile_, is_sparse(kind_), gathers_, device_state().device.multiprocessors, on_stream);
    else
      launch_mma(shape_, tile_, geometry_.vector, is_sparse(kind_), on_stream);
  }

 private:
  std::vector<Tile> tiles() const { return tiles_of(kind_, gathers_); }

  KernelClass kind_;
  Geometry geometry_;
  bool gathers_ = true;  // the pixels, by threads instead of the copy engine
  gpu::WgmmaMaps maps_{};
  double kept_share_ = 1.0;
  int tile_ = 0;
  DeviceMemory input_, weights_, selection_, bias_, partial_, taps_;
  gpu::ConvolutionShape shape_{};
};

ActivationLayout plain_layout(const Tensor::Shape& s) { return {s[0], 1, s[1], s[1], s[2], s[3]}; }

class PlainKernel final : public DeviceKernel {
 public:
  PlainKernel(const Case& c, const Operands& operands) : DeviceKernel(c, plain_layout(c.output_shape())), shape_(plain_shape_of(c)) {
    input_ = uploaded(pack_activations(operands.input, plain_layout(c.input_shape())));
    if (c.layer.op == Op::add) addend_ = uploaded(pack_activations(operands.addend, plain_layout(c.input_shape())));
    shape_.input = input_.as<const std::uint16_t>();
    shape_.addend = addend_.as<const std::uint16_t>();
    shape_.output = static_cast<std::uint16_t*>(output());
  }

  Work work() const override {
    Work work = common_work({.input = input_.bytes() + addend_.bytes(), .output = static_cast<std::uint64_t>(output_layout().elements()) * sizeof(Float16)});
    work.unit_used = "fma";
    work.facts["implementation"] = "own kernel";
    return work;
  }

 protected:
  void enqueue(cudaStream_t on_stream) override { launch_plain(the_case().layer.op, shape_, on_stream); }

 private:
  DeviceMemory input_, addend_;
  gpu::PlainShape shape_;
};

}  // namespace

std::unique_ptr<Kernel> make_convolution_kernel(KernelClass kind, const Case& c, const Operands& operands) {
  return std::make_unique<ConvolutionKernel>(kind, c, operands, geometry_of(c, kind));
}

std::unique_ptr<Kernel> make_plain_kernel(const Case& c, const Operands& operands) { return std::make_unique<PlainKernel>(c, operands); }

}  // namespace convroof::cuda
