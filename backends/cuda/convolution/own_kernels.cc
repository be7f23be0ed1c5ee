#include "backends/cuda/convolution/own_kernels.h"

#include "backends/cuda/convolution/device_convolution.h"
#include "backends/cuda/device/device.h"
#include "backends/cuda/device/device_kernel.h"
#include "backends/cuda/kernels/pointwise.h"

namespace convroof::cuda {
namespace {

class ConvolutionKernel final : public DeviceKernel {
 public:
  ConvolutionKernel(KernelClass kind, const Case& c, const Operands& operands)
      : DeviceKernel(c, geometry_of(c, kind).output),
        kind_(kind),
        convolution_(kind, c, operands.weights, operands.bias, device_state().device.multiprocessors) {
    const std::vector<Float16> input = pack_activations(operands.input, convolution_.geometry().input);
    require_free_memory(static_cast<std::int64_t>(input.size() * sizeof(Float16) + convolution_.partial_bytes()));
    input_ = uploaded(input);
    partial_ = DeviceMemory(convolution_.partial_bytes());
    convolution_.bind(input_.data(), output(), partial_.data());
  }

  Work work() const override {
    Work work = common_work({.input = input_.bytes(),
                             .weights = convolution_.weight_bytes(),
                             .output = static_cast<std::uint64_t>(output_layout().elements()) * sizeof(Float16),
                             .partial = partial_.bytes()});
    work.macs_executed = static_cast<std::uint64_t>(static_cast<double>(work.macs_executed) * convolution_.kept_share() + 0.5);
    work.unit_used = kind_ == KernelClass::half2 ? "half2" : "tensor";
    // 16 products at a time are summed in FP16 there: the roof of packed FP16 sums is the one that applies.
    if (kind_ == KernelClass::half2) work.accumulator = "f16";
    work.facts.merge(convolution_.facts());
    work.facts["implementation"] = "own kernel";
    return work;
  }

 protected:
  void enqueue(cudaStream_t on_stream) override { convolution_.enqueue(on_stream); }

 private:
  const KernelClass kind_;
  DeviceConvolution convolution_;
  DeviceMemory input_, partial_;
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
  return std::make_unique<ConvolutionKernel>(kind, c, operands);
}

std::unique_ptr<Kernel> make_plain_kernel(const Case& c, const Operands& operands) { return std::make_unique<PlainKernel>(c, operands); }

}  // namespace convroof::cuda
