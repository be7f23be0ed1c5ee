#include "backends/cuda/cudnn/plan_cache.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace convroof::cuda {
namespace {

std::string fresh_path(const char* name) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / name;
  std::filesystem::remove(path);
  return path.string();
}

TEST(PlanCache, remembers_between_processes) {
  const std::string path = fresh_path("convroof_plans.jsonl");
  PlanCache(path).store("a", "eng1");
  PlanCache(path).store("b", "eng2");
  PlanCache(path).store("a", "eng3");
  const PlanCache cache(path);
  EXPECT_EQ(cache.find("a"), "eng3");
  EXPECT_EQ(cache.find("b"), "eng2");
  EXPECT_EQ(cache.find("c"), std::nullopt);
}

TEST(PlanCache, passes_over_damaged_lines) {
  const std::string path = fresh_path("convroof_damaged.jsonl");
  std::ofstream(path) << "{\"key\":\"a\",\"plan\":\"eng1\"}\n{\"key\":\"b\",\n\x80\xff\n[]\n{\"key\":1,\"plan\":2}\n";
  const PlanCache cache(path);
  EXPECT_EQ(cache.find("a"), "eng1");
  EXPECT_EQ(cache.find("b"), std::nullopt);
}

TEST(PlanCache, device_version_and_problem_are_told_apart) {
  EXPECT_NE(PlanCache::key("H100", "9.19.0", "p"), PlanCache::key("H200", "9.19.0", "p"));
  EXPECT_NE(PlanCache::key("H200", "9.18.0", "p"), PlanCache::key("H200", "9.19.0", "p"));
  EXPECT_NE(PlanCache::key("H200", "9.19.0", "p"), PlanCache::key("H200", "9.19.0", "q"));
}

TEST(PlanCache, an_unwritable_place_is_no_error) {
  PlanCache cache("/proc/nowhere/plans.jsonl");
  cache.store("a", "eng1");
  EXPECT_EQ(cache.find("a"), "eng1");
}

}  // namespace
}  // namespace convroof::cuda
