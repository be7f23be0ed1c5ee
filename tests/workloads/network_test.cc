#include "workloads/network.h"

#include <gtest/gtest.h>

#include "workloads/network_file.h"

namespace convroof {
namespace {

constexpr std::string_view kText =
    "name = \"n\"\ninput = [3, 8, 8]\n[[layer]]\nname = \"a\"\nop = \"conv\"\nout_channels = 3\nkernel = 3\npadding = 1\n[[layer]]\nname = \"b\"\nop = "
    "\"conv\"\nout_channels = 3\nkernel = 3\npadding = 1\n";

TEST(Network, hash_ignores_the_files_looks) {
  const Network plain = parse_network(kText, "n.toml");
  const Network decorated = parse_network("# a comment\ntitle = \"Title\"\n" + std::string(kText), "other.toml");
  EXPECT_EQ(content_hash(plain), content_hash(decorated));
  EXPECT_EQ(content_hash(plain).size(), 32u);
}

TEST(Network, hash_sees_every_change_of_the_work) {
  Network network = parse_network(kText, "n.toml");
  const std::string before = content_hash(network);
  network.layers[1].repeats = 2;
  EXPECT_NE(content_hash(network), before);
  network.layers[1].repeats = 1, network.layers[1].inputs = {kNetworkInput};
  EXPECT_NE(content_hash(network), before);
  network.layers[1].inputs = {0}, network.layers[0].spec.activation = Activation::relu;
  EXPECT_NE(content_hash(network), before);
}

TEST(Network, equal_shapes_share_their_first) { EXPECT_EQ(first_of_same_shape(parse_network(kText, "n.toml")), (std::vector<int>{0, 0})); }

TEST(Network, cost_counts_each_operand_once) {
  const LayerSpec layer = load_network("vgg16").find("conv1_1")->spec;
  const LayerCost cost = cost_of(layer, 2, DataType::f32, {});
  EXPECT_EQ(cost.macs, 2 * 86'704'128);
  EXPECT_EQ(cost.input_bytes, 2 * 3 * 224 * 224 * 4);
  EXPECT_EQ(cost.weight_bytes, 64 * 27 * 4);
  EXPECT_EQ(cost.bias_bytes, 64 * 4);
  EXPECT_EQ(cost.output_bytes, 2ll * 64 * 224 * 224 * 4);
  EXPECT_EQ(cost.bytes_compulsory(), cost.input_bytes + cost.weight_bytes + cost.bias_bytes + cost.output_bytes);
  EXPECT_DOUBLE_EQ(cost.intensity_effective(), 2.0 * 2 * 86'704'128 / static_cast<double>(cost.bytes_compulsory()));
}

TEST(Network, sparse_weights_carry_their_metadata) {
  const LayerSpec layer = load_network("vgg16").find("conv4_2")->spec;
  const std::int64_t count = weight_count(layer);
  LayerDensity half;
  half.weights = {WeightSparsity::Pattern::unstructured, 0.5, 0, 0};
  EXPECT_EQ(cost_of(layer, 1, DataType::f16, half).weight_bytes, count / 2 * 2 + count / 8);  // values and one bit an element
  LayerDensity structured;
  structured.weights = {WeightSparsity::Pattern::n_of_m, 0.5, 2, 4};
  EXPECT_EQ(cost_of(layer, 1, DataType::f16, structured).weight_bytes, count / 2 * 2 + count / 2 * 2 / 8);  // values and two bits a kept one
}

TEST(Network, training_needs_no_gradient_of_the_image) {
  const LayerSpec layer = load_network("vgg16").find("conv1_1")->spec;
  EXPECT_EQ(cost_of(layer, 1, DataType::f32, {}, true).macs_backward_data, 0);
  EXPECT_EQ(cost_of(layer, 1, DataType::f32, {}, false).macs_backward_data, 86'704'128);
  EXPECT_EQ(cost_of(layer, 1, DataType::f32, {}, true).macs_backward_weights, 86'704'128);
}

}  // namespace
}  // namespace convroof
