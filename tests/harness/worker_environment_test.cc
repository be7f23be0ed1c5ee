#include "harness/worker_environment.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace convroof {
namespace {

using Settings = std::map<std::string, std::string>;

TEST(WorkerEnvironment, PinsThreadsToCores) {
  EXPECT_EQ(settings_of_workers({}), (Settings{{"OMP_PROC_BIND", "close"}, {"OMP_PLACES", "cores"}}));
  EXPECT_EQ(settings_of_workers({"HOME=/root", "OMP_PROC_BINDING=no", "OMP_NUM_THREADS=2"}), settings_of_workers({}));
}

TEST(WorkerEnvironment, WhatTheUserSetStands) {
  EXPECT_EQ(settings_of_workers({"OMP_PROC_BIND=false"}), (Settings{{"OMP_PLACES", "cores"}}));
  EXPECT_EQ(settings_of_workers({"OMP_PLACES=threads", "OMP_PROC_BIND="}), Settings{});
  EXPECT_EQ(settings_of_workers({"GOMP_CPU_AFFINITY=3"}), Settings{});
}

TEST(WorkerEnvironment, ReadsItsOwn) {
  ASSERT_EQ(setenv("CONVROOF_ENVIRONMENT_TEST", "a=b", 1), 0);
  EXPECT_EQ(std::ranges::count(own_environment(), "CONVROOF_ENVIRONMENT_TEST=a=b"), 1);
}

}  // namespace
}  // namespace convroof
