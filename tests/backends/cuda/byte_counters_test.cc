// The profiler's counters: the real library's host half (no GPU needed) says whether our set is valid for each chip; a library that is built for the purpose
// stands in for the device.
#include "backends/cuda/device/byte_counters.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace convroof::cuda {
namespace {

using testing::HasSubstr;

std::unique_ptr<ByteCounters> counters_of(const char* file) {
  setenv("CONVROOF_CUPTI_LIBRARY", file, 1);
  auto counters = std::make_unique<ByteCounters>();
  unsetenv("CONVROOF_CUPTI_LIBRARY");
  return counters;
}

TEST(HiddenCupti, is_a_named_lack) {
  const auto counters = counters_of("/nonexistent/libcupti.so");
  EXPECT_FALSE(*counters);
  EXPECT_THAT(counters->reason(), testing::AllOf(HasSubstr("CUPTI was not found"), HasSubstr("/nonexistent/libcupti.so")));
  EXPECT_FALSE(counters->count([] {}, [] { FAIL() << "nothing can be counted"; }));
  EXPECT_THROW(counters->passes_on("GH100"), std::runtime_error);
}

TEST(HiddenCupti, a_library_that_lacks_a_function_is_a_named_lack) { EXPECT_THAT(counters_of("libc.so.6")->reason(), HasSubstr("lacks cupti")); }

// One pass on every chip that this backend knows: counting costs one more run.
TEST(Cupti, knows_our_counters_on_every_chip) {
  const ByteCounters counters;
  if (!counters) GTEST_SKIP() << counters.reason();
  for (const char* chip : {"TU102", "TU104", "GA100", "GA102", "AD102", "GH100", "GB100"}) EXPECT_EQ(counters.passes_on(chip), 1) << chip;
  EXPECT_THROW(counters.passes_on("no such chip"), std::runtime_error);
}

class FakeCupti : public testing::Test {
 protected:
  void SetUp() override {
    counters_ = counters_of(CONVROOF_FAKE_CUPTI);
    ASSERT_TRUE(*counters_) << counters_->reason();
    library_ = dlopen(CONVROOF_FAKE_CUPTI, RTLD_NOW | RTLD_LOCAL);
    reinterpret_cast<void (*)()>(dlsym(library_, "fake_cupti_reset"))();
  }
  void TearDown() override {
    for (const char* name : {"CONVROOF_FAKE_CUPTI_REFUSES", "CONVROOF_FAKE_CUPTI_NAN", "CONVROOF_FAKE_CUPTI_DROPS"}) unsetenv(name);
    if (library_ != nullptr) dlclose(library_);
  }
  std::optional<CountedBytes> count() {
    return counters_->count([this] { order_ += "p"; }, [this] { order_ += "r"; });
  }
  std::string trouble() { return reinterpret_cast<const char* (*)()>(dlsym(library_, "fake_cupti_trouble"))(); }
  bool is_off() { return reinterpret_cast<int (*)()>(dlsym(library_, "fake_cupti_is_off"))() == 1; }

  std::unique_ptr<ByteCounters> counters_;
  void* library_ = nullptr;
  std::string order_;
};

TEST_F(FakeCupti, replays_the_work_until_all_passes_are_in_and_switches_off) {
  const auto counted = count();
  ASSERT_TRUE(counted) << counters_->reason() << " " << trouble();
  EXPECT_EQ(trouble(), "");
  EXPECT_EQ(order_, "prprpr");
  EXPECT_EQ(counted->passes, 3);
  EXPECT_EQ(counted->dram_read, 1000u);
  EXPECT_EQ(counted->dram_written, 200u);
  EXPECT_EQ(counted->l2, 5000u);
  EXPECT_EQ(counted->l1, 9000u);
  EXPECT_TRUE(is_off());
}

TEST_F(FakeCupti, a_refusal_anywhere_is_a_reason_and_leaves_nothing_on) {
  for (const char* call : {"initialize", "chip_name", "availability", "host_initialize", "add_metrics", "image_size", "image", "enable", "data_size",
                           "data_initialize", "set_config", "start", "push", "pop", "stop", "decode", "evaluate"}) {
    SetUp();
    setenv("CONVROOF_FAKE_CUPTI_REFUSES", (std::string(call) + "=35").c_str(), 1);
    EXPECT_FALSE(count()) << call;
    EXPECT_THAT(counters_->reason(), testing::AllOf(HasSubstr("no permission to use the device's counters"), HasSubstr(call))) << call;
    EXPECT_TRUE(is_off()) << call;
    order_.clear();
    EXPECT_FALSE(count()) << "asked once, refused for good: " << call;
    EXPECT_EQ(order_, "");
  }
}

TEST_F(FakeCupti, counts_that_are_no_numbers_or_incomplete_are_no_counts) {
  setenv("CONVROOF_FAKE_CUPTI_NAN", "1", 1);
  EXPECT_FALSE(count());
  EXPECT_THAT(counters_->reason(), HasSubstr("no number"));
  unsetenv("CONVROOF_FAKE_CUPTI_NAN");
  SetUp();
  setenv("CONVROOF_FAKE_CUPTI_DROPS", "1", 1);
  EXPECT_FALSE(count());
  EXPECT_THAT(counters_->reason(), HasSubstr("dropped"));
}

TEST_F(FakeCupti, an_exception_of_the_work_is_not_swallowed_and_leaves_nothing_on) {
  EXPECT_THROW(counters_->count([] {}, [] { throw std::logic_error("the kernel failed"); }), std::logic_error);
  EXPECT_TRUE(is_off());
}

}  // namespace
}  // namespace convroof::cuda
