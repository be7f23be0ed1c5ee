// Our convolution kernels, their very source, on the emulated machine, against the plain loops. No GPU is needed and none is used.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "backends/backend.h"
#include "tests/backends/cuda/emulated_run.h"

namespace convroof {
std::unique_ptr<Backend> make_reference_backend();
}

namespace convroof::cuda {
namespace {

struct Shape {
  const char* name;
  std::int64_t batch, channels, height, width, filters, kernel_h, kernel_w, stride = 1, pad = 0, dilation = 1, groups = 1;
};

LayerSpec layer_of(const Shape& s, Activation activation) {
  LayerSpec l;
  l.name = s.name;
  l.in_channels = s.channels, l.in_height = s.height, l.in_width = s.width, l.out_channels = s.filters;
  l.kernel_height = s.kernel_h, l.kernel_width = s.kernel_w, l.stride_height = l.stride_width = s.stride;
  l.dilation_height = l.dilation_width = s.dilation, l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = s.pad, l.groups = s.groups;
  l.out_height = output_extent(s.height, s.kernel_h, s.stride, s.dilation, s.pad, s.pad);
  l.out_width = output_extent(s.width, s.kernel_w, s.stride, s.dilation, s.pad, s.pad);
  l.has_bias = true, l.activation = activation;
  validate(l);
  return l;
}

// Whole numbers, so small that every sum is exact in FP16 too; never zero. `pruned`: two of four consecutive channels are zero.
struct Data {
  Tensor input, weights, bias, none;
  Operands view() const { return {input, none, weights, bias}; }
};
Data data_of(const Case& c, bool pruned, unsigned seed) {
  std::mt19937 random(seed);
  const auto small = [&](int largest) { return std::uniform_int_distribution(1, largest)(random) * (random() % 2 == 0 ? 1 : -1); };
  Data d;
  d.input = Tensor(ElementType::f16, c.input_shape());
  d.weights = Tensor(ElementType::f16, c.weight_shape());
  d.bias = Tensor(ElementType::f32, {c.layer.out_channels, 1, 1, 1});
  for (std::int64_t i = 0; i < d.input.count(); ++i) d.input.set_value(i, small(3));
  for (std::int64_t i = 0; i < d.weights.count(); ++i) d.weights.set_value(i, small(3));
  for (std::int64_t i = 0; i < d.bias.count(); ++i) d.bias.set_value(i, small(20));
  if (pruned) {
    const auto [filters, channels, rows, columns] = d.weights.shape();
    for (std::int64_t k = 0; k < filters; ++k)
      for (std::int64_t tap = 0; tap < rows * columns; ++tap)
        for (std::int64_t first = 0; first < channels; first += 4) {
          std::array<int, 4> order = {0, 1, 2, 3};
          std::shuffle(order.begin(), order.end(), random);
          for (int drop = 0; drop < 2; ++drop)
            if (first + order[static_cast<std::size_t>(drop)] < channels)
              d.weights.set_value((k * channels + first + order[static_cast<std::size_t>(drop)]) * rows * columns + tap, 0);
        }
  }
  return d;
}

Tensor reference(const Case& c, const Operands& operands) {
  const auto backend = make_reference_backend();
  const auto kernel = backend->prepare(backend->variants().front(), c, operands);
  kernel->run(1);
  Tensor output(ElementType::f16, c.output_shape());
  kernel->read_output(output);
  return output;
}

struct Subject {
  KernelClass kind;
  int tile;
  const char* name;
  bool always_gathers = false;
};

class Kernels : public testing::TestWithParam<std::tuple<Subject, Shape, int>> {};

TEST_P(Kernels, are_exact_on_whole_numbers) {
  const auto& [subject, shape, splits] = GetParam();
  const LayerSpec layer = layer_of(shape, Activation::relu);
  const Case c{.layer = layer, .type = DataType::f16, .batch = shape.batch};
  const Data data = data_of(c, is_sparse(subject.kind), 7);
  const Tensor expected = reference(c, data.view());
  const Tensor actual = run_emulated({subject.kind, subject.tile, splits, subject.always_gathers}, c, data.view());
  std::int64_t positive = 0;
  for (std::int64_t i = 0; i < expected.count(); ++i) {
    ASSERT_EQ(actual.value(i), expected.value(i)) << "element " << i;
    if (expected.value(i) > 0) ++positive;
  }
  EXPECT_GT(positive, 0) << "an output of zeros proves nothing";
}

constexpr Subject kSubjects[] = {
    {KernelClass::half2, 0, "half2"},
    {KernelClass::mma, 0, "mma_128x128"},
    {KernelClass::mma, 1, "mma_64x64"},
    {KernelClass::mma, 2, "mma_128x16"},
    {KernelClass::mma_2of4, 0, "mma_2of4_128x128"},
    {KernelClass::mma_2of4, 1, "mma_2of4_64x64"},
    {KernelClass::mma_2of4, 2, "mma_2of4_128x16"},
    {KernelClass::wgmma, 0, "wgmma_128x256"},
    {KernelClass::wgmma, 1, "wgmma_128x64"},
    {KernelClass::wgmma, 2, "wgmma_128x32"},
    {KernelClass::wgmma, 0, "wgmma_gather_128x128", true},
    {KernelClass::wgmma_2of4, 0, "wgmma_2of4_128x256"},
    {KernelClass::wgmma_2of4, 1, "wgmma_2of4_128x64"},
    {KernelClass::wgmma_2of4, 2, "wgmma_2of4_128x32"},
    {KernelClass::wgmma_2of4, 1, "wgmma_2of4_gather_128x64", true},
};

// Small and odd: images of one to three channels, sizes that divide nothing, windows over every edge.
constexpr Shape kShapes[] = {
    {.name = "one_by_one", .batch = 2, .channels = 40, .height = 5, .width = 7, .filters = 70, .kernel_h = 1, .kernel_w = 1},
    {.name = "three_by_three", .batch = 1, .channels = 16, .height = 9, .width = 8, .filters = 24, .kernel_h = 3, .kernel_w = 3, .pad = 1},
    {.name = "stem", .batch = 1, .channels = 3, .height = 17, .width = 15, .filters = 33, .kernel_h = 7, .kernel_w = 7, .stride = 2, .pad = 3},
    {.name = "one_channel", .batch = 3, .channels = 1, .height = 6, .width = 6, .filters = 5, .kernel_h = 5, .kernel_w = 2, .pad = 2},
    {.name = "odd_everything",
     .batch = 3,
     .channels = 17,
     .height = 5,
     .width = 3,
     .filters = 19,
     .kernel_h = 2,
     .kernel_w = 3,
     .stride = 2,
     .pad = 1,
     .dilation = 2},
    {.name = "groups", .batch = 2, .channels = 48, .height = 5, .width = 5, .filters = 36, .kernel_h = 3, .kernel_w = 3, .pad = 1, .groups = 2},
    {.name = "depthwise", .batch = 1, .channels = 5, .height = 6, .width = 6, .filters = 5, .kernel_h = 3, .kernel_w = 3, .pad = 1, .groups = 5},
    {.name = "copy_engine", .batch = 3, .channels = 64, .height = 5, .width = 6, .filters = 200, .kernel_h = 3, .kernel_w = 2, .stride = 2, .pad = 1},
    {.name = "copy_engine_groups",
     .batch = 2,
     .channels = 256,
     .height = 3,
     .width = 4,
     .filters = 22,
     .kernel_h = 2,
     .kernel_w = 2,
     .pad = 1,
     .dilation = 2,
     .groups = 2},
    {.name = "fully_connected", .batch = 2, .channels = 12, .height = 3, .width = 3, .filters = 150, .kernel_h = 3, .kernel_w = 3},
};

std::string name_of_case(const testing::TestParamInfo<Kernels::ParamType>& info) {
  const auto& [subject, shape, splits] = info.param;
  return fmt::format("{}__{}__splits_{}", subject.name, shape.name, splits);
}
INSTANTIATE_TEST_SUITE_P(All, Kernels, testing::Combine(testing::ValuesIn(kSubjects), testing::ValuesIn(kShapes), testing::Values(1, 3)), name_of_case);

TEST(Kernels, keep_the_promised_error_on_normal_numbers) {
  const Shape shape{.name = "deep", .batch = 1, .channels = 128, .height = 4, .width = 4, .filters = 16, .kernel_h = 3, .kernel_w = 3, .pad = 1};
  const LayerSpec layer = layer_of(shape, Activation::none);
  const Case c{.layer = layer, .type = DataType::f16, .batch = 1, .epilogue = Epilogue::none};
  Data data = data_of(c, true, 3);
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  for (std::int64_t i = 0; i < data.input.count(); ++i) data.input.set_value(i, normal(random));
  for (std::int64_t i = 0; i < data.weights.count(); ++i)
    if (data.weights.value(i) != 0) data.weights.set_value(i, normal(random) / 34);
  const Tensor expected = reference(c, data.view());
  for (const KernelClass kind : {KernelClass::half2, KernelClass::mma, KernelClass::mma_2of4, KernelClass::wgmma, KernelClass::wgmma_2of4}) {
    const Tensor actual = run_emulated({kind, kind == KernelClass::half2 ? 0 : 1, 1}, c, data.view());
    double error = 0, norm = 0;
    for (std::int64_t i = 0; i < expected.count(); ++i) {
      error += std::pow(actual.value(i) - expected.value(i), 2);
      norm += std::pow(expected.value(i), 2);
    }
    EXPECT_LE(std::sqrt(error / norm), 1e-3) << static_cast<int>(kind);
  }
}

}  // namespace
}  // namespace convroof::cuda
