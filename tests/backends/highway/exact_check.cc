#include "tests/backends/highway/exact_check.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/backends/highway/cpu_classes.h"
#include "tests/backends/highway/kernel_check.h"

namespace convroof {
std::unique_ptr<Backend> make_reference_backend();

namespace highway {
namespace {

// Non-zero integers up to `largest`, negative ones too where the type has them; zeros by the share.
void fill(Tensor& tensor, std::mt19937& random, double share, int largest) {
  std::uniform_real_distribution<double> coin(0, 1);
  std::uniform_int_distribution<int> magnitude(1, largest);
  const bool has_sign = tensor.type() != ElementType::u8;
  for (std::int64_t i = 0; i < tensor.count(); ++i) {
    const int value = magnitude(random) * (has_sign && random() % 2 == 0 ? -1 : 1);
    tensor.set_value(i, coin(random) < share ? value : 0);
  }
}

// Seven loops that count instead of multiply.
std::uint64_t kept_taps(const Case& c, const Tensor& weights) {
  const LayerSpec& l = c.layer;
  std::uint64_t count = 0;
  for (std::int64_t i = 0; i < weights.count(); ++i) {
    if (weights.value(i) == 0) continue;
    const std::int64_t s = i % l.kernel_width, r = i / l.kernel_width % l.kernel_height;
    for (std::int64_t y = 0; y < l.out_height; ++y)
      for (std::int64_t x = 0; x < l.out_width; ++x) {
        const std::int64_t row = y * l.stride_height + r * l.dilation_height - l.pad_top, column = x * l.stride_width + s * l.dilation_width - l.pad_left;
        count += row >= 0 && row < l.in_height && column >= 0 && column < l.in_width;
      }
  }
  return count * static_cast<std::uint64_t>(c.batch);
}

}  // namespace

void check_exact(const std::string& variant, const LayerSpec& layer, const ExactOptions& options) {
  SCOPED_TRACE(variant + " " + std::string(name_of(options.type)) + ": " + canonical_shape(layer) + ", batch " + std::to_string(options.batch) + ", threads " +
               std::to_string(options.threads) + ", weights " + std::to_string(options.weights));
  const Algorithm& algorithm = algorithm_named(variant);
  const Case c{.layer = layer, .type = options.type, .batch = options.batch, .epilogue = options.epilogue, .threads = options.threads};
  if (const Support support = algorithm.supports(c); !support) FAIL() << support.reason;

  const NumberFormat format = format_of(options.type);
  std::mt19937 random(static_cast<unsigned>(layer.in_channels * 1000 + layer.in_width * 10 + layer.kernel_width));
  Tensor input(format.activation, c.input_shape()), addend, weights, bias;
  fill(input, random, options.activations, options.largest_activation);
  if (layer.op == Op::add) fill(addend = Tensor(format.activation, c.input_shape()), random, 1, options.largest_activation);
  if (layer.has_weights()) {
    fill(weights = Tensor(format.weight, c.weight_shape()), random, options.weights, options.largest_weight);
    fill(bias = Tensor(format.accumulator, {layer.out_channels, 1, 1, 1}), random, 1, 9);
  }
  const Operands operands{input, addend, weights, bias};
  const std::unique_ptr<Backend> reference = make_reference_backend();
  Tensor expected(format.output, c.output_shape()), actual(format.output, c.output_shape());
  const auto plain = reference->prepare(reference->variants().front(), c, operands);
  plain->run(1);
  plain->read_output(expected);

  const std::vector<CpuClass> classes = cpu_classes(options.type);
  ASSERT_FALSE(classes.empty());
  for (const CpuClass& cpu : classes) {
    const RunsAs as(cpu);
    SCOPED_TRACE(cpu.name());
    const auto kernel = algorithm.prepare(c, operands);
    for (const int times : {1, 2}) {  // a second run must not depend on what the first left behind
      kernel->poison_output();
      kernel->run(times);
      kernel->read_output(actual);
      std::int64_t wrong = 0, first = 0;
      for (std::int64_t i = 0; i < expected.count(); ++i)
        if (!(expected.value(i) == actual.value(i)) && ++wrong == 1) first = i;
      ASSERT_EQ(wrong, 0) << "first at " << first << ": expected " << expected.value(first) << ", got " << actual.value(first) << " of " << expected.count();
    }
    const Work work = kernel->work();
    EXPECT_GT(work.bytes_packed, 0U);
    if (!layer.has_weights()) {
      EXPECT_EQ(work.macs_executed, 0U);
    } else if (variant.starts_with("sparse")) {
      if (options.activations == 1) {
        EXPECT_EQ(work.macs_executed, kept_taps(c, weights));
      }
    } else if (variant.find("winograd") == std::string::npos) {
      EXPECT_EQ(work.macs_executed, static_cast<std::uint64_t>(c.batch * macs_valid(layer)));
    }
  }
}

}  // namespace highway
}  // namespace convroof
