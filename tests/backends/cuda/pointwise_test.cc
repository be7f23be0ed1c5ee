// The kernels of layers without weights, on the emulated machine, against the plain loops.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "backends/backend.h"
#include "backends/cuda/device/layout.h"
#include "backends/cuda/kernels/plain_shape_of.h"
#include "tests/backends/cuda/emulated_kernels.h"

namespace convroof {
std::unique_ptr<Backend> make_reference_backend();
}

namespace convroof::cuda {
namespace {

LayerSpec plain_layer(Op op, std::int64_t channels, std::int64_t size, std::int64_t kernel = 1, std::int64_t stride = 1, std::int64_t pad = 0) {
  LayerSpec l;
  l.name = "plain", l.op = op;
  l.in_channels = l.out_channels = channels, l.in_height = l.in_width = size;
  l.kernel_height = l.kernel_width = kernel, l.stride_height = l.stride_width = stride, l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = pad;
  l.out_height = l.out_width = output_extent(size, kernel, stride, 1, pad, pad);
  return l;
}

void check(const LayerSpec& layer, Activation activation = Activation::none) {
  LayerSpec l = layer;
  l.activation = activation;
  const Case c{.layer = l, .type = DataType::f16, .batch = 2};
  Tensor input(ElementType::f16, c.input_shape()), addend(ElementType::f16, c.input_shape()), none, output(ElementType::f16, c.output_shape());
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  for (std::int64_t i = 0; i < input.count(); ++i) input.set_value(i, normal(random)), addend.set_value(i, normal(random));
  const auto reference = make_reference_backend();
  const auto kernel = reference->prepare(reference->variants().front(), c, {input, addend, none, none});
  kernel->run(1);
  kernel->read_output(output);

  const ActivationLayout in{2, 1, l.in_channels, l.in_channels, l.in_height, l.in_width}, out{2, 1, l.out_channels, l.out_channels, l.out_height, l.out_width};
  const std::vector<Float16> packed = pack_activations(input, in), packed_addend = pack_activations(addend, in);
  Float16 poison;
  poison.bits = 0xffff;
  std::vector<Float16> result(static_cast<std::size_t>(out.elements()), poison);
  gpu::PlainShape shape = plain_shape_of(c);
  shape.input = reinterpret_cast<const std::uint16_t*>(packed.data());
  if (l.op == Op::add) shape.addend = reinterpret_cast<const std::uint16_t*>(packed_addend.data());
  shape.output = reinterpret_cast<std::uint16_t*>(result.data());
  emulate_plain(l.op, shape);
  Tensor actual(ElementType::f16, c.output_shape());
  unpack_activations(result, out, actual);
  const ErrorModel model = direct_error_model(c);
  for (std::int64_t i = 0; i < output.count(); ++i) {
    const double bound = model.relative_to_magnitude * 100 + model.relative_to_expected * std::abs(output.value(i)) + model.absolute;
    ASSERT_LE(std::abs(actual.value(i) - output.value(i)), bound)
        << name_of(l.op) << " element " << i << ": " << actual.value(i) << " against " << output.value(i);
  }
}

TEST(PlainKernels, pooling) {
  check(plain_layer(Op::maxpool, 5, 7, 3, 2, 1));
  check(plain_layer(Op::maxpool, 3, 8, 2, 2));
  check(plain_layer(Op::avgpool, 5, 7, 3, 2, 1));
  check(plain_layer(Op::avgpool, 4, 7, 7));
}
TEST(PlainKernels, normalisation_across_channels) {
  check(plain_layer(Op::lrn, 17, 3));
  LayerSpec even = plain_layer(Op::lrn, 3, 4);
  even.lrn_size = 4, even.lrn_alpha = 0.5;
  check(even);
}
TEST(PlainKernels, additions_and_activations) {
  check(plain_layer(Op::add, 6, 5), Activation::relu);
  check(plain_layer(Op::add, 6, 5));
  check(plain_layer(Op::relu, 6, 5));
  check(plain_layer(Op::add, 3, 3), Activation::sigmoid);
  check(plain_layer(Op::add, 3, 3), Activation::tanh);
}
TEST(PlainKernels, softmax) {
  check(plain_layer(Op::softmax, 1000, 1));
  check(plain_layer(Op::softmax, 3, 2));
}

}  // namespace
}  // namespace convroof::cuda
