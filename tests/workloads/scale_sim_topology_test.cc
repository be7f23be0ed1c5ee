// SCALE-Sim topologies: what their rows become, and what a person who made a mistake is told.
#include "workloads/import/scale_sim_topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workloads/mutated_files.h"
#include "workloads/input_error.h"
#include "workloads/network_file.h"

namespace convroof {
namespace {

using ::testing::HasSubstr;

constexpr const char* kHeading = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n";

Network parsed(const std::string& rows) { return parse_scale_sim_topology(kHeading + rows, "folder/mine.csv"); }

std::string message_of(const std::string& text) {
  try {
    parse_scale_sim_topology(text, "mine.csv");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ScaleSimTopology, rows_of_convolutions_are_read_with_or_without_the_last_comma) {
  for (const char* row : {"Conv1, 224, 220, 7, 5, 3, 64, 2,\n", "Conv1,224,220,7,5,3,64,2", "\nConv1\t,224 ,220,7,5,3,64,2, \r\n,,,,,,,,\n"}) {
    const Network network = parsed(row);
    EXPECT_EQ(network.name, "mine");
    ASSERT_EQ(network.layers.size(), 1u);
    const LayerSpec& l = network.layers[0].spec;
    // ceil((224 - 7 + 2) / 2) = 110 and ceil((220 - 5 + 2) / 2) = 109: the last windows miss one row and one column.
    EXPECT_EQ(canonical_shape(l), "conv c3h224w220 k64h110w109 f7x5 s2x2 d1x1 p0,0,1,1 g1 b0");
    EXPECT_EQ(l.name, "Conv1");
    EXPECT_EQ(l.activation, Activation::none);
  }
}

TEST(ScaleSimTopology, overhanging_windows_count) {
  std::mt19937 random(1);
  const auto between = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  for (int i = 0; i < 500; ++i) {
    const int in = between(1, 60), filter = between(1, in), stride = between(1, 5);
    const LayerSpec l = parsed("a," + std::to_string(in) + ",9," + std::to_string(filter) + ",3,2,4," + std::to_string(stride)).layers[0].spec;
    EXPECT_EQ(l.out_height, (in - filter + stride + stride - 1) / stride);  // their formula
    EXPECT_LT(l.pad_bottom, stride);
  }
}

TEST(ScaleSimTopology, rows_of_matrix_products_are_read) {
  const Network network = parse_scale_sim_topology("Layer,M,N,K,\nL0,196,192,384,\n1,1,5,16", "gemm.csv");
  ASSERT_EQ(network.layers.size(), 2u);
  EXPECT_EQ(canonical_shape(network.layers[0].spec), "conv c1h196w384 k192h196w1 f1x384 s1x1 d1x1 p0,0,0,0 g1 b0");
  EXPECT_EQ(macs(network.layers[0].spec), 196 * 192 * 384);
  EXPECT_EQ(network.layers[1].spec.op, Op::fc);  // one row: a matrix times a vector
  EXPECT_EQ(network.layers[1].inputs, std::vector<int>{0});
}

TEST(ScaleSimTopology, names_become_plain_and_distinct) {
  const Network network = parsed("Embedding/Pooling 1,1,1,1,1,8,4,1,\nFC,1,1,1,1,8,4,1,\nFC,1,1,1,1,8,4,1,\nFC_2,1,1,1,1,8,4,1,\n ,1,1,1,1,8,4,1,\n");
  std::vector<std::string> names;
  for (const NetworkLayer& layer : network.layers) names.push_back(layer.spec.name);
  EXPECT_EQ(names, (std::vector<std::string>{"Embedding-Pooling-1", "FC", "FC_2", "FC_2_2", "layer5"}));
}

TEST(ScaleSimTopology, depthwise_rows_and_columns_beyond_the_stride) {
  LayerSpec l = parsed("DP1,12,12,3,3,32,1,1,").layers[0].spec;
  EXPECT_EQ(l.groups, 32);
  EXPECT_EQ(l.out_channels, 32);
  const std::string heading = "Layer, H, W, FH, FW, C, N, Stride height, Stride width, Padding, Groups, Sparsity, Batch Size, anything\n";
  const Network network = parse_scale_sim_topology(heading + "a,12,12,3,3,4,8,1,2,1,2,2:4,1,x\nb,12,12,3,3,4,8,1\n", "wide.csv");
  EXPECT_EQ(canonical_shape(network.layers[0].spec), "conv c4h12w12 k8h12w6 f3x3 s1x2 d1x1 p1,1,1,1 g2 b0");
  EXPECT_EQ(canonical_shape(network.layers[1].spec), "conv c4h12w12 k8h10w10 f3x3 s1x1 d1x1 p0,0,0,0 g1 b0");
  EXPECT_THAT(network.note, HasSubstr("2:4"));
}

TEST(ScaleSimTopology, titles_of_sections_are_passed_over) {
  EXPECT_EQ(parsed("AlphaGoZero,\nConv,19,19,3,3,17,256,1,\n\nNCF,\nFC,1,1,1,1,722,362,1,\n").layers.size(), 2u);
}

TEST(ScaleSimTopology, mistakes_are_named_with_their_place_and_mend) {
  const std::string heading = kHeading;
  EXPECT_THAT(message_of(""), HasSubstr("mine.csv:1:1: the file is empty"));
  EXPECT_THAT(message_of(heading), HasSubstr("no layer stands below the heading"));
  EXPECT_THAT(message_of("Conv1,224,224,7,7,3,64,2,\n"), HasSubstr("mine.csv:1:7: `224` in the heading; the first line names the columns"));
  EXPECT_THAT(message_of("what is this\n1,2,3\n"), HasSubstr("`what is this` begins no topology"));
  EXPECT_THAT(message_of(heading + "a, 12, 1x2, 3,3,4,8,1,\n"), HasSubstr("mine.csv:2:8: the width of the input must be a whole number, got `1x2`"));
  EXPECT_THAT(message_of(heading + "a,12,12,3,3,4,8,\n"), HasSubstr("mine.csv:2:17: the stride of layer `a` is missing"));
  EXPECT_THAT(message_of(heading + "a,12,12,3\n"), HasSubstr("the width of the filter of layer `a` is missing"));
  EXPECT_THAT(message_of(heading + "a,12,12,3,3,4,8,0\n"), HasSubstr("mine.csv:2:17: the stride must lie between 1 and 16777216, got `0`"));
  EXPECT_THAT(message_of(heading + "a,12,12,3,3,99999999999999999999,8,1\n"), HasSubstr("got `99999999999999999999`"));
  EXPECT_THAT(message_of(heading + "a,12,12,13,3,4,8,1\n"),
              HasSubstr("mine.csv:2:9: a filter of height `13` does not fit an input of height `12`; make it smaller"));
  EXPECT_THAT(message_of(heading + "a,16777216,16777216,1,1,16777216,16777216,1\n"), HasSubstr("mine.csv:2:1: layer `a` cannot be: "));
  EXPECT_THAT(message_of("Layer,M,N,K\na,1,2\n"), HasSubstr("mine.csv:2:5: K of layer `a` is missing"));
  const std::string wide = "Layer, H, W, FH, FW, C, N, Strides, Groups, Sparsity, Batch,\n";
  EXPECT_THAT(message_of(wide + "a,12,12,3,3,4,8,1,3,,,\n"), HasSubstr("`3` groups must divide the 4 channels and the 8 filters"));
  EXPECT_THAT(message_of(wide + "a,12,12,3,3,4,8,1,,4:2,,\n"), HasSubstr("sparsity is N:M with N from 1 to M, as 2:4, got `4:2`"));
  EXPECT_THAT(message_of(wide + "a,12,12,3,3,4,8,1,,,8,\n"), HasSubstr("a batch of `8` belongs on the command line"));
  EXPECT_THROW(load_network("/nowhere/x.csv"), InputError);
  EXPECT_THROW(load_network("nowhere.csv"), InputError);  // a path, as .toml is
}

TEST(ScaleSimTopology, mutated_files_are_read_or_refused) {
  const Mutants mutants{.file = "mutant.csv",
                        .texts = {std::string(kHeading) + "Conv1, 224, 224, 7, 7, 3, 64, 2,\nDP2, 56, 56, 3, 3, 64, 1, 1,\nFC, 1, 1, 1, 1, 512, 1000, 1,\n",
                                  "\xEF\xBB\xBFLayer,M,N,K,Sparsity,\r\nL0,196,192,384,2:4,\r\nL1,1,2,3,1:1\r\n",
                                  "Layer\tH\tW\tFH\tFW\tC\tN\tStrides\tPadding\tGroups\na\t12\t12\t3\t3\t4\t8\t1\t1\t2\n"},
                        .alphabet = "0123456789,,,\n\n\t :-+.eDP\"\r\xEF\xFF\x01",
                        .seed = 2};
  const Fates fates = read_or_refuse(mutants, [](const std::string& text) {
    for (const NetworkLayer& layer : parse_scale_sim_topology(text, "mutant.csv").layers) EXPECT_NO_THROW(validate(layer.spec));
  });
  EXPECT_GT(fates.read, 1000);
  EXPECT_GT(fates.refused, 1000);
}

}  // namespace
}  // namespace convroof
