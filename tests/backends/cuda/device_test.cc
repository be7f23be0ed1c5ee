#include "backends/cuda/device/device.h"

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "backends/cuda/device/check.h"
#include "backends/cuda/device/nvml.h"
#include "backends/cuda/device/shared_library.h"

namespace convroof::cuda {
namespace {

using testing::HasSubstr;

TEST(Device, every_lack_has_a_name_of_its_own) {
  const std::string no_driver = reason_without_device(cudaErrorInsufficientDriver, "x", 0, 13000);
  const std::string old_driver = reason_without_device(cudaErrorInsufficientDriver, "x", 12040, 13000);
  const std::string no_device = reason_without_device(cudaErrorNoDevice, "x", 13000, 13000);
  const std::string broken = reason_without_device(cudaErrorSystemDriverMismatch, "driver mismatch", 13000, 13000);
  EXPECT_THAT(no_driver, HasSubstr("no NVIDIA driver"));
  EXPECT_THAT(old_driver, HasSubstr("too old: it supports CUDA 12.4, this build needs 13.0"));
  EXPECT_THAT(no_device, HasSubstr("no CUDA device"));
  EXPECT_THAT(broken, HasSubstr("driver mismatch"));
}

TEST(Device, state_without_a_device_says_why) {
  if (device_state().usable) GTEST_SKIP() << "a device is here: " << device_state().device.name;
  EXPECT_FALSE(device_state().reason.empty());
}

TEST(Check, names_the_call_the_place_and_the_kind) {
  try {
    CONVROOF_CUDA(cudaErrorInvalidValue);
    FAIL();
  } catch (const CudaError& error) {
    EXPECT_THAT(error.what(), HasSubstr("cudaErrorInvalidValue"));
    EXPECT_THAT(error.what(), HasSubstr("device_test.cc:"));
    EXPECT_FALSE(error.is_sticky());
  }
  EXPECT_TRUE(CudaError(cudaErrorIllegalAddress, "run", std::source_location::current()).is_sticky());
  EXPECT_FALSE(CudaError(cudaErrorMemoryAllocation, "run", std::source_location::current()).is_sticky());
}

TEST(SharedLibrary, a_missing_file_is_a_reason_and_an_override_is_the_only_file_tried) {
  const SharedLibrary missing({"libconvroof-no-such-library.so"}, "CONVROOF_TEST_LIBRARY");
  EXPECT_FALSE(missing);
  EXPECT_THAT(missing.why(), HasSubstr("libconvroof-no-such-library.so"));
  EXPECT_EQ(missing.function<int()>("f"), nullptr);
  setenv("CONVROOF_TEST_LIBRARY", "/nonexistent/hidden.so", 1);
  const SharedLibrary hidden({"libc.so.6"}, "CONVROOF_TEST_LIBRARY");
  unsetenv("CONVROOF_TEST_LIBRARY");
  EXPECT_FALSE(hidden);
  EXPECT_THAT(hidden.why(), HasSubstr("/nonexistent/hidden.so"));
  const SharedLibrary present({"libconvroof-no-such-library.so", "libc.so.6"}, "CONVROOF_TEST_LIBRARY");
  EXPECT_TRUE(present);
  EXPECT_NE(present.function<int()>("getpid"), nullptr);
  EXPECT_THAT(present.path(), HasSubstr("libc"));
}

TEST(Nvml, throttle_bits_have_names) {
  EXPECT_EQ(throttle_text(0), "none");
  EXPECT_EQ(throttle_text(0x4), "power_cap");
  EXPECT_EQ(throttle_text(0x24), "power_cap+thermal");
}

}  // namespace
}  // namespace convroof::cuda
