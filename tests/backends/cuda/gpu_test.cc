// What only a device can show. Without one every test here is skipped, not passed.
#include <gtest/gtest.h>

#include <unistd.h>
#include <csignal>
#include <cstdlib>

#include "backends/cuda/device/check.h"
#include "backends/cuda/device/device.h"
#include "backends/cuda/device/device_memory.h"
#include "backends/cuda/device/roofs.h"
#include "tests/backends/cuda/faults.h"

namespace convroof::cuda {
namespace {

// Children are started anew instead of forked: a process that has used CUDA must not fork and go on.
class Gpu : public testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    if (!device_state().usable) GTEST_SKIP() << device_state().reason;
  }
};
using GpuDeathTest = Gpu;

TEST_F(GpuDeathTest, an_illegal_address_costs_the_process_and_no_other) {
  const auto child = [] {
    try {
      write_to_illegal_address();
    } catch (const CudaError& error) {
      std::_Exit(error.is_sticky() ? 42 : 1);
    }
    std::_Exit(0);
  };
  EXPECT_EXIT(child(), testing::ExitedWithCode(42), "");
  EXPECT_EQ(add_on_device(2, 3), 5);
}

TEST_F(GpuDeathTest, a_kernel_that_never_ends_costs_the_process_and_no_other) {
  const auto child = [] {
    alarm(5);
    run_for_ever();
  };
  EXPECT_EXIT(child(), testing::KilledBySignal(SIGALRM), "");
  EXPECT_EQ(add_on_device(2, 3), 5);
}

TEST_F(Gpu, too_little_memory_costs_the_case_alone) {
  try {
    const DeviceMemory everything(static_cast<std::size_t>(device_state().device.memory_bytes) * 16);
    FAIL() << "sixteen times the device's memory was given";
  } catch (const CudaError& error) {
    EXPECT_EQ(error.code(), cudaErrorMemoryAllocation);
    EXPECT_FALSE(error.is_sticky());
  }
  cudaGetLastError();
  EXPECT_EQ(add_on_device(2, 3), 5);
}

TEST_F(Gpu, roofs_are_positive_and_below_what_the_datasheet_allows) {
  for (const Ceiling& ceiling : measured_compute_roofs()) {
    EXPECT_GT(ceiling.value, 0) << ceiling.unit_used;
    if (ceiling.theoretical > 0) {
      EXPECT_LE(ceiling.value, 1.02 * ceiling.theoretical) << ceiling.unit_used;
    }
  }
  for (const Ceiling& ceiling : measured_bandwidth_roofs()) EXPECT_GT(ceiling.value, 0) << ceiling.level;
}

}  // namespace
}  // namespace convroof::cuda
