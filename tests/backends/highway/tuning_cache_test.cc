// What `auto` remembers on disk.
#include "backends/highway/tuning_cache.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/backends/highway/kernel_check.h"

namespace convroof::highway {
namespace {

namespace fs = std::filesystem;

class TuningCacheTest : public ::testing::Test {
 protected:
  TuningCacheTest() {
    std::string name = (fs::temp_directory_path() / "convroof-cache-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    setenv("CONVROOF_CACHE", folder_.c_str(), 1);
  }
  ~TuningCacheTest() override {
    unsetenv("CONVROOF_CACHE");
    fs::remove_all(folder_);
  }
  std::string file() const { return (folder_ / "highway-tuning.jsonl").string(); }
  std::string text() const {
    std::ostringstream text;
    text << std::ifstream(file()).rdbuf();
    return text.str();
  }
  std::map<std::string, std::string> facts_of_auto(const LayerSpec& layer) const {
    const Case c{.layer = layer};
    Tensor input(ElementType::f32, c.input_shape()), weights(ElementType::f32, c.weight_shape()), bias(ElementType::f32, {layer.out_channels, 1, 1, 1}), none;
    const Operands operands{input, none, weights, bias};
    const std::unique_ptr<Kernel> kernel = algorithm_named("auto").prepare(c, operands);
    kernel->run(1);
    return kernel->work().facts;
  }
  fs::path folder_;
};

TEST_F(TuningCacheTest, FindsWhatWasStoredInAnotherLife) {
  EXPECT_EQ(TuningCache::default_path(), file());
  TuningCache(file()).store("a \"key\"", {"direct", "direct 1 ms"});
  TuningCache(file()).store("b", {"gemm", ""});
  TuningCache(file()).store("b", {"winograd2x2", ""});
  const TuningCache cache(file());
  ASSERT_TRUE(cache.find("a \"key\""));
  EXPECT_EQ(cache.find("a \"key\"")->picked, "direct");
  EXPECT_EQ(cache.find("a \"key\"")->trials, "direct 1 ms");
  EXPECT_EQ(cache.find("b")->picked, "winograd2x2");
  EXPECT_FALSE(cache.find("c"));
}

TEST_F(TuningCacheTest, DamageIsPassedOverAndMended) {
  TuningCache(file()).store("good", {"direct", ""});
  std::ofstream(file(), std::ios::app) << "{\"key\": \"cut off\n\xff\xfe\n[1]\n{\"key\": 3, \"picked\": \"direct\"}\n{\"key\": \"empty\", \"picked\": \"\"}\n";
  EXPECT_EQ(TuningCache(file()).find("good")->picked, "direct");
  EXPECT_FALSE(TuningCache(file()).find("empty"));
  TuningCache(file()).store("more", {"gemm", ""});
  EXPECT_EQ(text(), "{\"key\":\"good\",\"picked\":\"direct\",\"trials\":\"\"}\n{\"key\":\"more\",\"picked\":\"gemm\",\"trials\":\"\"}\n");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "nothing is left beside the file";
}

TEST_F(TuningCacheTest, WithoutAFolderNothingIsRememberedAndNothingFails) {
  for (const std::string& path : {std::string(), std::string("/proc/nowhere/file")}) {
    TuningCache cache(path);
    cache.store("a", {"direct", ""});
    EXPECT_FALSE(cache.find("a"));
  }
  setenv("CONVROOF_CACHE", "", 1);
  EXPECT_EQ(TuningCache::default_path(), "");
  unsetenv("CONVROOF_CACHE");
  setenv("XDG_CACHE_HOME", "/x", 1);
  EXPECT_EQ(TuningCache::default_path(), "/x/convroof/highway-tuning.jsonl");
  unsetenv("XDG_CACHE_HOME");
}

TEST_F(TuningCacheTest, KeysTellCasesApart) {
  const LayerSpec a = convolution(16, 16, 8, 8, 3, 1, 1), b = convolution(16, 16, 8, 9, 3, 1, 1);
  EXPECT_EQ(TuningCache::key({.layer = a}), TuningCache::key({.layer = a}));
  EXPECT_NE(TuningCache::key({.layer = a}), TuningCache::key({.layer = b}));
  EXPECT_NE(TuningCache::key({.layer = a}), TuningCache::key({.layer = a, .batch = 2}));
  EXPECT_NE(TuningCache::key({.layer = a}), TuningCache::key({.layer = a, .threads = 2}));
  EXPECT_NE(TuningCache::key({.layer = a}), TuningCache::key({.layer = a, .type = DataType::bf16}));
  EXPECT_NE(TuningCache::key({.layer = a}), TuningCache::key({.layer = a, .epilogue = Epilogue::none}));
}

TEST_F(TuningCacheTest, AutoTriesOnceAndRemembers) {
  const LayerSpec layer = convolution(16, 16, 8, 8, 3, 1, 1);
  const auto first = facts_of_auto(layer), second = facts_of_auto(layer);
  EXPECT_EQ(first.at("tuning"), "trials");
  EXPECT_EQ(second.at("tuning"), "remembered");
  EXPECT_EQ(second.at("picked"), first.at("picked"));
  EXPECT_EQ(second.at("trials"), first.at("trials"));
}

TEST_F(TuningCacheTest, AutoDoesNotTrustNamesThatAreNoCandidates) {
  const LayerSpec layer = convolution(16, 16, 8, 8, 3, 1, 1);
  TuningCache(file()).store(TuningCache::key({.layer = layer}), {"winograd6x6", ""});
  EXPECT_EQ(facts_of_auto(layer).at("tuning"), "trials");
  EXPECT_NE(TuningCache(file()).find(TuningCache::key({.layer = layer}))->picked, "winograd6x6");
}

TEST_F(TuningCacheTest, AutoTakesWhatIsRemembered) {
  const LayerSpec layer = convolution(16, 16, 8, 8, 3, 1, 1);
  for (const char* name : {"direct", "winograd2x2", "winograd3x3"}) {
    TuningCache(file()).store(TuningCache::key({.layer = layer}), {name, ""});
    EXPECT_EQ(facts_of_auto(layer).at("picked"), name);
  }
}

}  // namespace
}  // namespace convroof::highway
