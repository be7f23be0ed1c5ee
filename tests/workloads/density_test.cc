#include "workloads/density.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "workloads/network.h"
#include "workloads/network_file.h"
#include "workloads/toml_document.h"

namespace convroof {
namespace {

int index_of(const Network& network, std::string_view layer) {
  for (std::size_t i = 0; i < network.layers.size(); ++i)
    if (network.layers[i].spec.name == layer) return static_cast<int>(i);
  return -2;
}

TEST(Density, names_are_read_back) {
  for (const char* name : {"dense", "2:4", "uniform:0.1/0.5", "han2015", "eyeriss-zeros"}) EXPECT_EQ(DensitySet::named(name).name(), name);
}

TEST(Density, bad_names_are_refused_with_the_word) {
  for (const char* name : {"uniform:0.1", "uniform:2/0.5", "uniform:x/1", "uniform:nan/1", "4:2", "0:4", "2:", "hann2015", ""})
    EXPECT_THROW(DensitySet::named(name), std::invalid_argument) << name;
}

TEST(Density, kept_counts_are_rounded_shares) {
  EXPECT_EQ(kept_of(0.1, 1000), 100);
  EXPECT_EQ(kept_of(0.0, 7), 0);
  EXPECT_EQ(kept_of(1.0, 7), 7);
  EXPECT_EQ(kept_of(0.5, 5), 3);
  EXPECT_EQ(kept_by_n_of_m(2, 4, 8), 4);
  EXPECT_EQ(kept_by_n_of_m(2, 4, 3), 2);  // a last group of three keeps two
  EXPECT_EQ(kept_by_n_of_m(2, 4, 5), 3);
}

// Han et al. print the density of a layer's *output*: it is the next layer's input.
TEST(Density, han2015_activations_belong_to_the_next_layer) {
  const Network alexnet = load_network("alexnet");
  const DensitySet set = DensitySet::named("han2015");
  EXPECT_DOUBLE_EQ(set.of(alexnet, index_of(alexnet, "conv1"), nullptr)->activations, 1.0);
  EXPECT_DOUBLE_EQ(set.of(alexnet, index_of(alexnet, "conv2"), nullptr)->activations, 0.88);
  EXPECT_DOUBLE_EQ(set.of(alexnet, index_of(alexnet, "conv2"), nullptr)->weights.share, 0.38);
  EXPECT_DOUBLE_EQ(set.of(alexnet, index_of(alexnet, "fc6"), nullptr)->activations, 0.34);
}

TEST(Density, eyeriss_zeros_are_inputs_of_the_layer_itself) {
  const Network alexnet = load_network("alexnet");
  const DensitySet set = DensitySet::named("eyeriss-zeros");
  EXPECT_DOUBLE_EQ(set.of(alexnet, index_of(alexnet, "conv3"), nullptr)->activations, 0.2750);
  EXPECT_EQ(set.of(alexnet, index_of(alexnet, "conv3"), nullptr)->weights.pattern, WeightSparsity::Pattern::dense);
  EXPECT_TRUE(set.of(alexnet, index_of(alexnet, "fc6"), nullptr)->is_dense());
}

TEST(Density, unknown_network_says_so) {
  const Network network = load_network("resnet18");
  std::string reason;
  EXPECT_FALSE(DensitySet::named("han2015").of(network, 0, &reason));
  EXPECT_NE(reason.find("resnet18"), std::string::npos);
}

// Every layer that a shipped set names must exist in the network that it names.
TEST(Density, shipped_sets_name_real_layers) {
  for (const std::string& name : shipped_density_names()) {
    const DensitySet set = DensitySet::named(name);
    int known = 0;
    for (const std::string& network_name : shipped_network_names()) {
      const Network network = load_network(network_name);
      if (!set.of(network, 0, nullptr)) continue;
      ++known;
      int sparse = 0;
      for (std::size_t i = 0; i < network.layers.size(); ++i) sparse += set.of(network, static_cast<int>(i), nullptr)->is_dense() ? 0 : 1;
      EXPECT_GT(sparse, 0) << name << " " << network_name;
    }
    EXPECT_GT(known, 0) << name;
  }
}

}  // namespace
}  // namespace convroof
