#include "backends/highway/cpu_ceilings.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "backends/highway/cpu_micro_kernels.h"
#include "backends/highway/cpu_theory.h"
#include "backends/host_cpu.h"
#include "tests/backends/highway/cpu_classes.h"

namespace convroof {
namespace {

struct Free {
  void operator()(void* p) const { std::free(p); }
};
std::unique_ptr<void, Free> aligned(std::size_t bytes) { return std::unique_ptr<void, Free>(std::aligned_alloc(64, bytes)); }

// The loops are counted for operations that they really do: with all operands equal to one, the sum over all accumulators is the number of products.
double products_done(MicroKernel kernel, std::size_t iterations) {
  const auto scratch = aligned(kMicroKernelScratch);
  if (kernel == MicroKernel::fma_f32) {
    std::fill_n(static_cast<float*>(scratch.get()), kMicroKernelScratch / sizeof(float), 1.0f);
  } else if (kernel == MicroKernel::dot_bf16) {
    std::fill_n(static_cast<std::uint16_t*>(scratch.get()), kMicroKernelScratch / 2, std::uint16_t{0x3f80});
  } else if (kernel == MicroKernel::dot_s16) {
    std::fill_n(static_cast<std::int16_t*>(scratch.get()), kMicroKernelScratch / 2, std::int16_t{1});
  } else {
    std::memset(scratch.get(), 1, kMicroKernelScratch);
  }
  const std::size_t sums = compute_loop(kernel).run(iterations, scratch.get());
  const char* const result = static_cast<const char*>(scratch.get()) + kMicroKernelScratch - sums * 4;
  double total = 0;
  for (std::size_t i = 0; i < sums; ++i) {
    float as_float = 0;
    std::int32_t as_int = 0;
    std::memcpy(&as_float, result + i * 4, 4);
    std::memcpy(&as_int, result + i * 4, 4);
    total += kernel == MicroKernel::fma_f32 || kernel == MicroKernel::dot_bf16 ? static_cast<double>(as_float) : as_int;
  }
  return total;
}

class MicroKernels : public ::testing::TestWithParam<MicroKernel> {};

TEST_P(MicroKernels, do_the_operations_that_they_are_counted_for) {
  bool offered = false;
  for (const highway::CpuClass& cpu : highway::cpu_classes(DataType::s8)) {
    SCOPED_TRACE(cpu.name());
    const highway::RunsAs as(cpu);
    const ComputeLoop loop = compute_loop(GetParam());
    if (loop.instruction == nullptr) continue;
    offered = true;
    for (const std::size_t iterations : {1, 7, 1000})
      EXPECT_EQ(2 * products_done(GetParam(), iterations), static_cast<double>(loop.operations_per_iteration * iterations));
  }
  if (!offered) GTEST_SKIP() << "this CPU or build has no such instruction";
}

INSTANTIATE_TEST_SUITE_P(All, MicroKernels, ::testing::Values(MicroKernel::fma_f32, MicroKernel::dot_bf16, MicroKernel::dot_u8_s8, MicroKernel::dot_s16));

TEST(MicroKernels, reading_reads_every_word_in_every_pass) {
  constexpr std::size_t kBytes = 64 << 10;
  const auto data = aligned(kBytes);
  auto* const words = static_cast<std::uint64_t*>(data.get());
  for (const highway::CpuClass& cpu : highway::cpu_classes(DataType::s8)) {
    SCOPED_TRACE(cpu.name());
    const highway::RunsAs as(cpu);
    // All lanes of a vector are equal, so that the sum of one lane tells.
    const std::size_t lanes = micro_kernel_vector_bytes() / 8;
    std::uint64_t expected = 0;
    for (std::size_t i = 0; i < kBytes / 8; ++i) words[i] = i / lanes + 1;
    for (std::size_t i = 0; i < kBytes / 8; i += lanes) expected += words[i];
    EXPECT_EQ(read_bytes(data.get(), kBytes, 1), expected);
    EXPECT_EQ(read_bytes(data.get(), kBytes, 3), 3 * expected);
    EXPECT_EQ(read_bytes(data.get(), kBytes, 2, true), 2 * expected);
  }
}

TEST(MicroKernels, additions_are_all_done) { EXPECT_EQ(dependent_additions(160, 3), 480u); }

TEST(CpuTheory, known_and_unknown_cores) {
  EXPECT_STREQ(core_theory_x86("AuthenticAMD", 0x19, 0x11).core, "Zen 4");
  EXPECT_STREQ(core_theory_x86("AuthenticAMD", 0x19, 0x01).core, "Zen 3");
  EXPECT_STREQ(core_theory_x86("AuthenticAMD", 0x17, 0x31).core, "Zen 2");
  EXPECT_STREQ(core_theory_x86("GenuineIntel", 6, 0x6a).core, "Ice Lake server");
  EXPECT_STREQ(core_theory_aarch64(0xd40).core, "Neoverse V1");
  EXPECT_EQ(core_theory_x86("GenuineIntel", 6, 0xff).f32_operations, 0);
  EXPECT_EQ(core_theory_x86("", -1, -1).f32_operations, 0);
  EXPECT_EQ(core_theory_aarch64(0x123).f32_operations, 0);
}

void expect_sane(const Ceiling& c, int threads) {
  EXPECT_EQ(c.device, host_cpu().name);
  EXPECT_GT(c.value, 0);
  EXPECT_TRUE(std::isfinite(c.value));
  EXPECT_GE(c.spread, 0);
  EXPECT_GT(c.clock_hz, 1e8);
  EXPECT_EQ(c.threads, threads);
  EXPECT_EQ(c.source, "measured");
  EXPECT_NE(c.method, "");
  // The clock is read between the repetitions; on a busy machine that reads low, never high.
  if (c.theoretical > 0) {
    EXPECT_LT(c.value, 1.3 * c.theoretical) << c.method;
  }
}

TEST(CpuCeilings, every_type_of_a_cpu_kernel_has_a_compute_roof) {
  for (const DataType type : {DataType::f32, DataType::bf16, DataType::s8, DataType::s16}) {
    const std::vector<Ceiling> list = measure_cpu_compute(type, 1, true);
    ASSERT_FALSE(list.empty()) << name_of(type);
    for (const Ceiling& c : list) {
      expect_sane(c, 1);
      EXPECT_EQ(c.kind, "compute");
      EXPECT_EQ(c.type, name_of(type));
      EXPECT_EQ(c.unit, "op/s");
      EXPECT_TRUE(c.unit_used == "fma" || c.unit_used == "dot");
    }
  }
  EXPECT_TRUE(measure_cpu_compute(DataType::f16, 1, true).empty());
}

TEST(CpuCeilings, levels_are_ordered_in_size_and_reach_dram) {
  const std::vector<Ceiling> list = measure_cpu_bandwidth(1, true);
  ASSERT_EQ(list.size(), host_cpu().l3_bytes > 0 ? 5u : 4u);  // with the last-level cache known, also what it and main memory serve together
  std::int64_t before = 0;
  for (const Ceiling& c : list) {
    expect_sane(c, 1);
    EXPECT_EQ(c.kind, "bandwidth");
    EXPECT_EQ(c.unit, "B/s");
    if (c.level != "dram") {
      EXPECT_GT(c.capacity_bytes, before);
      before = c.capacity_bytes;
    }
  }
  EXPECT_EQ(list.front().level, "L1");
  EXPECT_EQ(list.back().level, "dram");
  EXPECT_EQ(list.back().capacity_bytes, 0);
  EXPECT_GT(list.front().value, list.back().value);  // by 7 on a quiet machine
}

TEST(CpuCeilings, threads_are_those_asked_for) {
  const int threads = 2;
  expect_sane(measure_cpu_compute(DataType::f32, threads, true).at(0), threads);
}

}  // namespace
}  // namespace convroof
