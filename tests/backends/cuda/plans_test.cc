// cuDNN, asked about devices that are only described. Runs wherever cuDNN is installed, with no GPU and no driver.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "backends/cuda/cudnn/cudnn_kernel.h"
#include "backends/cuda/cudnn/library.h"
#include "backends/cuda/cudnn/plan.h"
#include "backends/cuda/cudnn/plans_verb.h"
#include "backends/cuda/device/profiles.h"
#include "workloads/network_file.h"

namespace convroof::cuda {
namespace {

LayerSpec small_convolution() {
  LayerSpec layer;
  layer.name = "small";
  layer.in_channels = layer.out_channels = 64;
  layer.in_height = layer.in_width = layer.out_height = layer.out_width = 28;
  layer.kernel_height = layer.kernel_width = 3;
  layer.pad_top = layer.pad_left = layer.pad_bottom = layer.pad_right = 1;
  layer.has_bias = true;
  layer.activation = Activation::relu;
  return layer;
}

class Plans : public testing::Test {
 protected:
  void SetUp() override {
    if (!CudnnLibrary::get()) GTEST_SKIP() << CudnnLibrary::get().reason;
  }
};

TEST_F(Plans, fused_and_bare_graphs_have_tensor_core_plans_on_every_profile) {
  const LayerSpec layer = small_convolution();
  ASSERT_GE(shipped_profiles().size(), 4u);
  for (const std::string& profile : shipped_profiles())
    for (const Epilogue epilogue : {Epilogue::layer, Epilogue::bias, Epilogue::none}) {
      const CudnnTarget target = CudnnTarget::described(profile);
      const Case c{.layer = layer, .type = DataType::f16, .batch = 8, .epilogue = epilogue};
      const ConvolutionGraph graph(convolution_problem(c), target);
      EXPECT_TRUE(heuristic_plan(graph).candidate.has("tensor_core")) << profile << " " << name_of(epilogue);
    }
}

TEST_F(Plans, candidates_are_distinct_and_standard_and_more_than_the_heuristic_offers) {
  const LayerSpec layer = small_convolution();
  const CudnnTarget target = CudnnTarget::described("h200");
  const ConvolutionGraph graph(convolution_problem({.layer = layer, .type = DataType::f16, .batch = 8}), target);
  const std::vector<Candidate> all = all_candidates(graph);
  std::map<std::string, int> origins, tags;
  for (const Candidate& candidate : all) {
    EXPECT_TRUE(candidate.is_standard()) << candidate.tag;
    EXPECT_EQ(++tags[candidate.tag], 1) << candidate.tag;
    ++origins[candidate.origin];
  }
  EXPECT_GT(origins["heuristic A"], 0);
  EXPECT_GT(origins["engine list"], 0);
}

// cuDNN fuses nothing into a convolution with FP16 sums; the bare one has tensor-core plans, and whether they keep the promise only a device can show.
TEST_F(Plans, fp16_sums_have_bare_tensor_core_plans_on_every_profile) {
  const LayerSpec layer = small_convolution();
  const Case c{.layer = layer, .type = DataType::f16, .batch = 8};
  const ConvolutionProblem problem = convolution_problem(c, true, Sums::f16);
  EXPECT_FALSE(problem.has_bias);
  EXPECT_EQ(problem.activation, Activation::none);
  EXPECT_NE(problem.text(), convolution_problem({.layer = layer, .type = DataType::f16, .batch = 8, .epilogue = Epilogue::none}).text());
  for (const std::string& profile : shipped_profiles()) {
    const CudnnTarget target = CudnnTarget::described(profile);
    const ConvolutionGraph graph(problem, target);
    const ChosenPlan chosen = heuristic_plan(graph);
    EXPECT_TRUE(chosen.candidate.has("tensor_core")) << profile;
    for (const Candidate& candidate : all_candidates(graph)) EXPECT_TRUE(candidate.is_standard(Sums::f16)) << candidate.tag;
  }
}

TEST_F(Plans, a_skipped_case_carries_the_plan) {
  const LayerSpec layer = small_convolution();
  const auto facts = described_plan_facts({.layer = layer, .type = DataType::f16, .batch = 1}, "a100");
  EXPECT_EQ(facts.at("described_device"), "a100");
  EXPECT_THAT(facts.at("plan"), testing::StartsWith("eng"));
  EXPECT_THAT(facts.at("notes"), testing::HasSubstr("tensor_core"));
  EXPECT_TRUE(facts.contains("workspace_bytes"));
}

TEST_F(Plans, an_unknown_or_broken_profile_is_an_error_with_words) {
  EXPECT_THROW(CudnnTarget::described("h2000"), std::invalid_argument);
  const std::string path = testing::TempDir() + "/broken.json";
  std::ofstream(path) << "{\"deviceVer\": 900}";
  EXPECT_THROW(CudnnTarget::described(path), std::invalid_argument);
  std::ofstream(path) << "no json";
  EXPECT_THROW(CudnnTarget::described(path), std::invalid_argument);
}

// The committed list guards against a cuDNN or a description of ours that loses the tensor cores or wants huge workspaces. Made by
//   convroof cudnn-plans > tests/backends/cuda/cudnn_plans.tsv
TEST_F(Plans, every_layer_of_every_network_keeps_its_tensor_cores_and_workspace) {
  std::ifstream file(CONVROOF_PLAN_LIST);
  ASSERT_TRUE(file) << CONVROOF_PLAN_LIST;
  struct Expected {
    int tensor_cores;
    std::int64_t workspace;
  };
  std::map<std::string, Expected> expected;
  bool is_same_version = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "# cuDNN " + CudnnLibrary::get().version_text()) is_same_version = true;
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    std::string profile, network, layer, batch;
    Expected entry{};
    fields >> profile >> network >> layer >> batch >> entry.tensor_cores >> entry.workspace;
    ASSERT_TRUE(fields) << line;
    expected[profile + " " + network + " " + layer] = entry;
  }
  const std::vector<PlanRow> rows = described_plans(shipped_profiles(), shipped_network_names(), 1);
  EXPECT_EQ(rows.size(), expected.size());
  for (const PlanRow& row : rows) {
    const std::string key = row.profile + " " + row.network + " " + row.layer;
    ASSERT_TRUE(expected.contains(key)) << key << " is not in the list";
    const Expected& entry = expected[key];
    if (is_same_version) {
      EXPECT_EQ(row.uses_tensor_cores, entry.tensor_cores == 1) << key;
      EXPECT_EQ(row.workspace_bytes, entry.workspace) << key;
    } else {
      EXPECT_GE(row.uses_tensor_cores, entry.tensor_cores == 1) << key << " lost its tensor cores";
      EXPECT_LE(row.workspace_bytes, 2 * entry.workspace + (std::int64_t{16} << 20)) << key << ": the workspace exploded";
    }
  }
}

}  // namespace
}  // namespace convroof::cuda
