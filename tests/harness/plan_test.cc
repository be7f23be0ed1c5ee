#include "harness/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "backends/registry.h"
#include "harness/command_line.h"
#include "harness/selection.h"

namespace convroof {
namespace {

using ::testing::HasSubstr;

RunOptions options_for(std::vector<std::string> networks, std::vector<std::string> backend_names) {
  RunOptions options;
  options.networks = std::move(networks);
  options.backends = std::move(backend_names);
  return options;
}

std::string refusal(const RunOptions& options) {
  try {
    make_plan(options);
  } catch (const UsageError& error) {
    return error.what();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(Plan, names_are_stable_and_made_of_plain_letters) {
  RunOptions options = options_for({"lenet5"}, {"reference"});
  options.types = {"f32", "s8"};
  options.batches = {1, 16};
  options.densities = {"dense", "uniform:0.1/0.5", "2:4"};
  const Plan plan = make_plan(options);
  EXPECT_EQ(plan.cases.size(), 7u * 2 * 2 * 3);
  EXPECT_EQ(plan.cases[0].name, "lenet5/conv1/reference/plain/f32/batch:1/dense/real_time");
  EXPECT_EQ(plan.cases[1].name, "lenet5/conv1/reference/plain/f32/batch:1/uniform:0.1-0.5/real_time");
  EXPECT_EQ(plan.cases[2].name, "lenet5/conv1/reference/plain/f32/batch:1/2:4/real_time");
  const std::regex plain("[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+){3}/(f32|s8)/batch:[0-9]+/[A-Za-z0-9_.:+-]+/real_time");
  for (const PlannedCase& c : plan.cases) EXPECT_TRUE(std::regex_match(c.name, plain)) << c.name;
}

TEST(Plan, without_filters_every_backend_runs_in_its_own_type) {
  const Plan plan = make_plan({});
  std::set<std::string> seen;
  for (const PlannedCase& c : plan.cases) {
    EXPECT_EQ(c.type, c.backend->native_type());
    EXPECT_EQ(c.batch, 1);
    EXPECT_TRUE(c.density.is_dense());
    seen.insert(c.backend->name());
  }
  for (const auto& backend : backends()) EXPECT_TRUE(seen.contains(backend->name())) << backend->name();
}

TEST(Plan, unknown_names_are_answered_with_the_nearest_one) {
  RunOptions options = options_for({"vgg61"}, {});
  EXPECT_THAT(refusal(options), HasSubstr("did you mean `vgg16`"));
  options = options_for({"lenet5"}, {"refrence"});
  EXPECT_THAT(refusal(options), HasSubstr("did you mean `reference`"));
  options = options_for({"lenet5"}, {"reference"});
  options.types = {"fp32"};
  EXPECT_THAT(refusal(options), HasSubstr("did you mean `f32`"));
  options.types.clear();
  options.layers = "cnov1";
  EXPECT_THAT(refusal(options), HasSubstr("did you mean `conv1`"));
  options.layers.clear();
  options.variants = "^plan$";
  EXPECT_THAT(refusal(options), HasSubstr("did you mean `plain`"));
  options.variants.clear();
  options.densities = {"han2051"};
  EXPECT_THAT(refusal(options), HasSubstr("did you mean `han2015`"));
  options.densities.clear();
  options.cache = "wram";
  EXPECT_THAT(refusal(options), HasSubstr("did you mean `warm`"));
  options.cache = "warm";
  options.epilogue = "layr";
  EXPECT_THAT(refusal(options), HasSubstr("did you mean `layer`"));
  options.epilogue = "layer";
  options.accelerators = {"./my.toml"};
  EXPECT_THAT(refusal(options), HasSubstr("accelerator"));
}

TEST(Plan, bad_patterns_are_refused) {
  RunOptions options = options_for({"lenet5"}, {"reference"});
  options.layers = "conv(";
  EXPECT_THAT(refusal(options), HasSubstr("--layers"));
  options.layers = std::string(5000, '(');
  EXPECT_THAT(refusal(options), HasSubstr("too long"));
  options.layers.clear();
  options.case_filter = "[";
  EXPECT_THAT(refusal(options), HasSubstr("--benchmark_filter"));
  options.case_filter = "nothing_is_called_so";
  EXPECT_THAT(refusal(options), HasSubstr("matches no case"));
}

TEST(Plan, the_filter_on_names_can_be_inverted) {
  RunOptions options = options_for({"lenet5"}, {"reference"});
  const std::size_t all = make_plan(options).cases.size();
  options.case_filter = "conv";
  const std::size_t some = make_plan(options).cases.size();
  options.case_filter = "-conv";
  EXPECT_EQ(some, 2u);
  EXPECT_EQ(make_plan(options).cases.size(), all - some);
}

TEST(Plan, a_density_set_that_does_not_know_the_network_gives_skipped_rows) {
  RunOptions options = options_for({"resnet18", "lenet5"}, {"reference"});
  options.densities = {"han2015"};
  for (const PlannedCase& c : make_plan(options).cases)
    if (c.network->network.name == "resnet18")
      EXPECT_THAT(c.skip_reason, HasSubstr("does not know the network `resnet18`"));
    else
      EXPECT_EQ(c.skip_reason, "");
}

TEST(Plan, a_quick_run_measures_each_distinct_layer_once_and_carries_the_repeats) {
  RunOptions options;
  options.quick = true;
  options.backends = {"reference"};
  const Plan plan = make_plan(options);
  std::map<std::string, std::int64_t> repeats, macs_seen;
  std::map<std::string, std::set<std::string>> shapes;
  for (const PlannedCase& c : plan.cases) {
    const std::string network = c.network->network.name;
    EXPECT_TRUE(c.layer().spec.has_weights());
    EXPECT_TRUE(shapes[network].insert(canonical_shape(c.layer().spec)).second) << c.name;
    repeats[network] += c.repeats;
    macs_seen[network] += c.repeats * macs(c.layer().spec);
    EXPECT_EQ(c.skip_reason, macs(c.layer().spec) > 50'000'000 ? "quick" : "") << c.name;
  }
  EXPECT_EQ(repeats.size(), 3u);
  EXPECT_EQ(macs_seen["vgg16"], 15'470'264'320);
  EXPECT_EQ(macs_seen["alexnet"], 724'406'816);
  EXPECT_EQ(repeats["vgg16"], 16);
  EXPECT_EQ(repeats["resnet50"], 54);
  EXPECT_LT(shapes["resnet50"].size(), 30u);
}

TEST(Plan, a_backend_without_quick_variants_takes_part_in_a_quick_run_that_names_it) {
  RunOptions options;
  options.quick = true;
  for (const PlannedCase& c : make_plan(options).cases) EXPECT_NE(c.backend->name(), "xnnpack");
  options.backends = {"reference", "xnnpack"};
  std::set<std::string> seen;
  for (const PlannedCase& c : make_plan(options).cases) seen.insert(c.backend->name());
  EXPECT_THAT(seen, testing::ElementsAre("reference", "xnnpack"));
}

TEST(Plan, a_quick_run_with_a_published_density_keeps_layers_apart_that_differ_in_density) {
  RunOptions options;
  options.quick = true;
  options.backends = {"reference"};
  options.networks = {"vgg16"};
  options.densities = {"dense", "han2015"};
  std::map<std::string, int> rows;
  for (const PlannedCase& c : make_plan(options).cases) ++rows[c.density_name];
  EXPECT_EQ(rows["dense"], 12);
  EXPECT_EQ(rows["han2015"], 16);
}

TEST(Plan, groups_cover_every_case_that_is_to_be_run_once_and_share_operands) {
  RunOptions options = options_for({"vgg16", "vgg19"}, {"reference"});
  options.types = {"f32", "s16"};
  options.densities = {"dense", "uniform:0.5/0.5"};
  const Plan plan = make_plan(options);
  std::set<std::size_t> seen;
  for (const auto& group : plan.groups()) {
    ASSERT_FALSE(group.empty());
    for (const std::size_t index : group) {
      EXPECT_TRUE(seen.insert(index).second);
      EXPECT_EQ(operands_key(plan, plan.cases[index]), operands_key(plan, plan.cases[group.front()]));
    }
  }
  EXPECT_EQ(seen.size(), plan.cases.size());
  EXPECT_LT(plan.groups().size(), plan.cases.size());  // vgg19 shares layers with vgg16
}

TEST(Plan, a_network_named_twice_counts_once) { EXPECT_EQ(make_plan(options_for({"lenet5", "lenet5"}, {"reference", "reference"})).cases.size(), 7u); }

TEST(Plan, options_survive_the_way_to_a_worker) {
  RunOptions options = options_for({"lenet5"}, {"reference"});
  options.quick = true, options.seed = 77, options.half_width = 0.125, options.batches = {3}, options.timeout_seconds = 4.5, options.case_filter = "-x";
  EXPECT_EQ(to_json(options_from(to_json(options))), to_json(options));
}

TEST(Sampling, a_number_of_samples_is_exact) {
  RunOptions options;
  options.samples = 7;
  EXPECT_EQ(options.sampling().min_samples, 7);
  EXPECT_EQ(options.sampling().max_samples, 7);
  options.samples = 0;
  options.min_seconds = 3;
  EXPECT_GE(options.sampling().max_seconds, 3);
  options.quick = true;
  EXPECT_EQ(options.sampling().half_width, 0.05);
}

}  // namespace
}  // namespace convroof
