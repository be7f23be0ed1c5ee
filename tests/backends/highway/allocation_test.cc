// run() does what is timed and nothing else: no kernel of this backend takes memory from the heap in it.
//
// One warm-up run comes first and is not counted: the pool of threads (OpenMP's) makes its threads and the record of the team in the first region of their
// number. What every kernel does once for itself belongs into prepare() all the same, so a second kernel of the same case, prepared when the pool is up, is
// counted from its first run on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "backends/highway/algorithms.h"
#include "tests/backends/highway/cpu_classes.h"
#include "tests/backends/highway/heap.h"
#include "tests/backends/highway/kernel_check.h"

namespace convroof::highway {
namespace {

struct Shape {
  std::string name;
  LayerSpec layer;
};

// Together they reach every kernel: borders, groups, few channels, remainders of blocks, taps of 3, 5, 7 and 11, and each operation without weights.
std::vector<Shape> shapes() {
  LayerSpec relu = convolution(18, 35, 9, 11, 3, 1, 1);
  relu.activation = Activation::relu;
  return {{"conv 3x3", convolution(35, 50, 14, 13, 3, 1, 1)},
          {"conv 3x3 with ReLU", relu},
          {"conv 3x3, groups", convolution(32, 48, 13, 13, 3, 1, 1, 2)},
          {"conv 3x3, depthwise", convolution(6, 6, 9, 9, 3, 1, 1, 6)},
          {"conv 3x3, stride 2", convolution(20, 33, 15, 15, 3, 2, 1)},
          {"conv 3x3, dilated", convolution(8, 9, 15, 15, 3, 1, 2, 1, 2)},
          {"conv 1x1", convolution(70, 66, 7, 7, 1)},
          {"conv 1x1, stride 2", convolution(33, 34, 8, 8, 1, 2)},
          {"conv 5x5", convolution(16, 24, 15, 15, 5, 1, 2)},
          {"conv 7x7, first layer", convolution(3, 32, 30, 30, 7, 2, 3)},
          {"conv 11x11, first layer", convolution(3, 24, 39, 39, 11, 4)},
          {"fc", fully_connected(70, 1, 37)},
          {"fc of a map", fully_connected(9, 4, 65)},
          {"maxpool", pooling(Op::maxpool, 19, 9, 11, 3, 2, 1)},
          {"avgpool", pooling(Op::avgpool, 19, 7, 7, 7, 1, 0)},
          {"lrn", elementwise(Op::lrn, 19, 6, 5)},
          {"add", elementwise(Op::add, 19, 6, 5)},
          {"relu", elementwise(Op::relu, 19, 6, 5)},
          {"softmax", elementwise(Op::softmax, 40, 1, 1)}};
}

// Non-zero integers; half of the weights zero in every group of four channels, so that kernels for dense, pruned and 2:4 weights all have work.
struct Data {
  Tensor input, addend, weights, bias;
  explicit Data(const Case& c) {
    const NumberFormat format = format_of(c.type);
    std::mt19937 random(7);
    const auto fill = [&](Tensor& tensor) {
      for (std::int64_t i = 0; i < tensor.count(); ++i) tensor.set_value(i, static_cast<double>(1 + random() % 3));
    };
    fill(input = Tensor(format.activation, c.input_shape()));
    if (c.layer.op == Op::add) fill(addend = Tensor(format.activation, c.input_shape()));
    if (!c.layer.has_weights()) return;
    fill(weights = Tensor(format.weight, c.weight_shape()));
    fill(bias = Tensor(format.accumulator, {c.layer.out_channels, 1, 1, 1}));
    const std::int64_t taps = c.layer.kernel_height * c.layer.kernel_width;
    for (std::int64_t i = 0; !c.density.is_dense() && i < weights.count(); ++i)
      if (i / taps % c.layer.in_channels_per_group() % 4 >= 2) weights.set_value(i, 0);
  }
  Operands view() const { return {input, addend, weights, bias}; }
};

std::int64_t allocations_of(Kernel& kernel, int times) {
  kernel.poison_output();
  const HeapWatch watch;
  kernel.run(times);
  return watch.allocations();
}

class EveryAlgorithm : public testing::TestWithParam<std::string> {};

TEST_P(EveryAlgorithm, TakesNoMemoryInRun) {
  if (!HeapWatch::can_count()) GTEST_SKIP() << "allocations cannot be counted with this C library";
  const Algorithm& algorithm = algorithm_named(GetParam());
  int kernels = 0;
  std::string reason;
  for (const DataType type : {DataType::f32, DataType::bf16, DataType::f16, DataType::s8, DataType::s16})
    for (const auto& [name, layer] : shapes())
      for (const int threads : {1, 2})
        for (const std::int64_t batch : {1, 5}) {
          Case c{.layer = layer, .type = type, .batch = batch, .threads = threads};
          if (GetParam().starts_with("sparse")) c.density.weights = {.pattern = WeightSparsity::Pattern::n_of_m, .n = 2, .m = 4};
          const std::vector<CpuClass> classes = cpu_classes(type);
          if (classes.empty()) continue;
          const Data data(c);
          for (const CpuClass& cpu : classes) {
            SCOPED_TRACE(std::string(name_of(type)) + " " + name + ", batch " + std::to_string(batch) + ", threads " + std::to_string(threads) + ", " +
                         cpu.name());
            const RunsAs as(cpu);
            if (const Support support = algorithm.supports(c); !support) {
              reason = support.reason;
              continue;
            }
            algorithm.prepare(c, data.view())->run(1);  // wakes the threads
            const std::unique_ptr<Kernel> kernel = algorithm.prepare(c, data.view());
            ASSERT_EQ(allocations_of(*kernel, 1), 0);
            ASSERT_EQ(allocations_of(*kernel, 3), 0);
            ++kernels;
          }
        }
  if (kernels == 0) GTEST_SKIP() << reason;
}

std::vector<std::string> names() {
  std::vector<std::string> list;
  for (const Algorithm& algorithm : algorithms()) list.push_back(algorithm.variant.name);
  return list;
}

INSTANTIATE_TEST_SUITE_P(Highway, EveryAlgorithm, testing::ValuesIn(names()), [](const auto& parameter) {
  std::string name = parameter.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

// The watch itself: a kernel that takes memory, in the caller's thread or in one of its own, in each of the ways there are.
class Greedy final : public Kernel {
 public:
  explicit Greedy(void (*take)()) : take_(take) {}
  std::optional<double> run(int times) override {
    for (int i = 0; i < times; ++i) take_();
    return std::nullopt;
  }
  void poison_output() override {}
  void read_output(Tensor&) override {}
  Work work() const override { return {}; }

 private:
  void (*take_)();
};

// Read by nobody, written by everybody: keeps the compiler from leaving a pair of allocation and release out.
void* volatile kept = nullptr;

template <typename T>
void keep(T* memory) {
  kept = memory;
}

TEST(HeapWatch, SeesEveryWayToTakeMemory) {
  if (!HeapWatch::can_count()) GTEST_SKIP() << "allocations cannot be counted with this C library";
  struct alignas(128) Wide {
    char bytes[128];
  };
  void (*const ways[])() = {
      [] { keep(std::malloc(10)), std::free(kept); },
      [] { keep(std::calloc(2, 10)), std::free(kept); },
      [] { keep(std::aligned_alloc(128, 256)), std::free(kept); },
      [] {
        void* memory = nullptr;
        if (posix_memalign(&memory, 128, 256) == 0) keep(memory);
        std::free(kept);
      },
      [] {
        auto p = std::make_unique<int>(1), q = std::make_unique<int>(2);
        keep(p.get()), keep(q.get());
      },
      [] {
        const auto p = std::make_unique<Wide>();
        keep(p.get());
      },
      [] {
        const auto p = std::make_unique<float[]>(5);
        keep(p.get());
      },
      [] {
        std::vector<float> v(20, 1);
        keep(v.data());
      },
      [] { std::thread([] { keep(std::malloc(10)), std::free(kept); }).join(); },
  };
  for (std::size_t i = 0; i < std::size(ways); ++i) {
    SCOPED_TRACE(i);
    Greedy kernel(ways[i]);
    const std::int64_t once = allocations_of(kernel, 1);
    EXPECT_GE(once, 1);
    EXPECT_GE(allocations_of(kernel, 3), 3);
  }
  Greedy modest([] {});
  EXPECT_EQ(allocations_of(modest, 3), 0);
}

}  // namespace
}  // namespace convroof::highway
