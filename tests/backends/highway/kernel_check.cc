#include "tests/backends/highway/kernel_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

#include "tests/backends/highway/cpu_classes.h"

namespace convroof {
std::unique_ptr<Backend> make_reference_backend();

namespace highway {
namespace {

void fill(Tensor& tensor, std::mt19937& random, bool integers, double deviation) {
  std::normal_distribution<double> normal(0.0, deviation);
  std::uniform_int_distribution<int> small(-3, 3);
  for (float& value : tensor.as<float>()) value = integers ? static_cast<float>(small(random)) : static_cast<float>(normal(random));
}

Tensor output_of(const Algorithm* algorithm, Backend& reference, const Case& c, const Operands& operands) {
  const std::unique_ptr<Kernel> kernel = algorithm != nullptr ? algorithm->prepare(c, operands) : reference.prepare(reference.variants().front(), c, operands);
  kernel->poison_output();
  kernel->run(1);
  if (algorithm != nullptr) {
    kernel->poison_output();  // a second run must not depend on what the first left behind
    kernel->run(2);
    const Work work = kernel->work();
    EXPECT_EQ(work.unit_used, "fma");
    EXPECT_GT(work.bytes_packed, 0U);
    if (c.layer.has_weights()) {
      EXPECT_GT(work.macs_executed, 0U);
    } else {
      EXPECT_EQ(work.macs_executed, 0U);
    }
  }
  Tensor output(ElementType::f32, c.output_shape());
  kernel->read_output(output);
  return output;
}

// Norm of the input patch x norm of the filter + |bias|: at least the sum of the absolute products.
std::vector<double> magnitudes(Backend& reference, const Case& c, const Operands& operands) {
  std::vector<double> magnitude(static_cast<std::size_t>(c.batch * output_elements(c.layer)), 0.0);
  if (!c.layer.has_weights()) {
    if (c.layer.op == Op::add)
      for (std::size_t i = 0; i < magnitude.size(); ++i)
        magnitude[i] = std::abs(operands.input.value(static_cast<std::int64_t>(i))) + std::abs(operands.addend.value(static_cast<std::int64_t>(i)));
    if (c.layer.op == Op::avgpool)
      for (double& m : magnitude) m = 8;  // of normal values
    return magnitude;
  }
  Tensor squares(ElementType::f32, c.input_shape()), ones(ElementType::f32, c.weight_shape());
  for (std::int64_t i = 0; i < squares.count(); ++i) squares.set_value(i, std::pow(operands.input.value(i), 2));
  for (std::int64_t i = 0; i < ones.count(); ++i) ones.set_value(i, 1);
  LayerSpec plain = c.layer;
  plain.has_bias = false;
  plain.activation = Activation::none;
  const Case norms{.layer = plain, .batch = c.batch};
  const Tensor none;
  const Tensor patches = output_of(nullptr, reference, norms, {squares, none, ones, none});
  const std::int64_t filter = ones.count() / c.layer.out_channels, pixels = c.layer.out_height * c.layer.out_width;
  for (std::int64_t i = 0; i < patches.count(); ++i) {
    const std::int64_t k = i / pixels % c.layer.out_channels;
    double norm = 0;
    for (std::int64_t t = 0; t < filter; ++t) norm += std::pow(operands.weights.value(k * filter + t), 2);
    magnitude[static_cast<std::size_t>(i)] = std::sqrt(patches.value(i) * norm) + (c.has_bias() ? std::abs(operands.bias.value(k)) : 0.0);
  }
  return magnitude;
}

}  // namespace

const Algorithm& algorithm_named(const std::string& name) {
  for (const Algorithm& algorithm : algorithms())
    if (algorithm.variant.name == name) return algorithm;
  throw std::invalid_argument("no algorithm " + name);
}

LayerSpec convolution(std::int64_t in_channels, std::int64_t out_channels, std::int64_t height, std::int64_t width, std::int64_t kernel, std::int64_t stride,
                      std::int64_t padding, std::int64_t groups, std::int64_t dilation) {
  LayerSpec l;
  l.name = "layer";
  l.op = Op::conv;
  l.in_channels = in_channels;
  l.out_channels = out_channels;
  l.in_height = height;
  l.in_width = width;
  l.kernel_height = l.kernel_width = kernel;
  l.stride_height = l.stride_width = stride;
  l.dilation_height = l.dilation_width = dilation;
  l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = padding;
  l.groups = groups;
  l.out_height = output_extent(height, kernel, stride, dilation, padding, padding);
  l.out_width = output_extent(width, kernel, stride, dilation, padding, padding);
  l.has_bias = true;
  return l;
}

LayerSpec fully_connected(std::int64_t in_channels, std::int64_t size, std::int64_t out_channels) {
  LayerSpec l = convolution(in_channels, out_channels, size, size, size);
  l.op = Op::fc;
  return l;
}

LayerSpec pooling(Op op, std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  LayerSpec l = convolution(channels, channels, height, width, kernel, stride, padding);
  l.op = op;
  l.has_bias = false;
  return l;
}

LayerSpec elementwise(Op op, std::int64_t channels, std::int64_t height, std::int64_t width) {
  LayerSpec l = pooling(op, channels, height, width, 1, 1, 0);
  return l;
}

void check(const std::string& variant, const LayerSpec& layer, const CheckOptions& options) {
  SCOPED_TRACE(variant + ": " + canonical_shape(layer) + ", batch " + std::to_string(options.batch) + ", threads " + std::to_string(options.threads));
  const Algorithm& algorithm = algorithm_named(variant);
  const Case c{.layer = layer, .batch = options.batch, .epilogue = options.epilogue, .threads = options.threads};
  if (const Support support = algorithm.supports(c); !support) FAIL() << support.reason;

  std::mt19937 random(static_cast<unsigned>(layer.in_channels * 1000 + layer.in_width * 10 + layer.kernel_width));
  Tensor input(ElementType::f32, c.input_shape()), addend, weights, bias;
  fill(input, random, options.integers, 1);
  if (layer.op == Op::add) fill(addend = Tensor(ElementType::f32, c.input_shape()), random, options.integers, 1);
  if (layer.has_weights()) {
    fill(weights = Tensor(ElementType::f32, c.weight_shape()), random, options.integers, std::sqrt(2.0 / static_cast<double>(layer.reduction_length())));
    fill(bias = Tensor(ElementType::f32, {layer.out_channels, 1, 1, 1}), random, options.integers, 1);
  }
  const Operands operands{input, addend, weights, bias};
  const std::unique_ptr<Backend> reference = make_reference_backend();
  const Tensor expected = output_of(nullptr, *reference, c, operands);
  const std::vector<double> magnitude = magnitudes(*reference, c, operands);
  const double largest = *std::ranges::max_element(magnitude);
  ErrorModel model = algorithm.error(c);
  // The reference itself is rounded to f32 once.
  model.relative_to_expected += 0x1p-24;
  if (options.integers) model = {};

  std::vector<CpuClass> classes = cpu_classes(c.type);
  ASSERT_FALSE(classes.empty());
  if (!options.all_targets) classes = {classes.back()};
  for (const CpuClass& cpu : classes) {
    SCOPED_TRACE(cpu.name());
    const RunsAs as(cpu);
    const Tensor actual = output_of(&algorithm, *reference, c, operands);
    std::int64_t wrong = 0, first = -1;
    double difference = 0, norm = 0;
    for (std::int64_t i = 0; i < expected.count(); ++i) {
      const double e = expected.value(i), a = actual.value(i);
      const double bound = model.relative_to_magnitude * magnitude[static_cast<std::size_t>(i)] + model.relative_to_largest_magnitude * largest +
                           model.relative_to_expected * std::abs(e) + model.absolute;
      if (!(std::abs(e - a) <= bound) && ++wrong == 1) first = i;
      difference += (e - a) * (e - a);
      norm += e * e;
    }
    EXPECT_EQ(wrong, 0) << "first at " << first << ": expected " << expected.value(std::max<std::int64_t>(first, 0)) << ", got "
                        << actual.value(std::max<std::int64_t>(first, 0)) << " of " << expected.count();
    EXPECT_GT(norm, 0);
    if (model.largest_relative_l2 > 0) {
      EXPECT_LE(std::sqrt(difference / norm), model.largest_relative_l2);
    }
  }
}

}  // namespace highway
}  // namespace convroof
