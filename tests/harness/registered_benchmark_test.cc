#include "harness/registered_benchmark.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace convroof {
namespace {

TEST(RegisteredBenchmark, calls_the_sample_once_a_repetition_and_takes_its_time) {
  int calls = 0;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const std::vector<double> seconds = run_registered("a/name with (signs)", 3, [&] { return 0.25 * ++calls; });
  EXPECT_EQ(calls, 3);
  ASSERT_EQ(seconds.size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(seconds[static_cast<std::size_t>(i)], 0.25 * (i + 1), 1e-9);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");  // the library's own reporters are silent, and so is its warning about a debug build
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(RegisteredBenchmark, one_after_another_do_not_add_up) {
  EXPECT_EQ(run_registered("first", 1, [] { return 1.0; }).size(), 1u);
  EXPECT_EQ(run_registered("second", 1, [] { return 2.0; }), std::vector<double>{2.0});
}

// The library would turn an error into an entry of 0 ns.
TEST(RegisteredBenchmark, an_exception_comes_out_as_it_went_in) {
  EXPECT_THROW(run_registered("throws", 2, []() -> double { throw std::invalid_argument("x"); }), std::invalid_argument);
  EXPECT_EQ(run_registered("afterwards", 1, [] { return 3.0; }), std::vector<double>{3.0});
}

}  // namespace
}  // namespace convroof
