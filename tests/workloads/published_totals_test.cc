// Totals of the shipped networks against the papers and against a second calculation that never reads a file.
#include <gtest/gtest.h>

#include "workloads/network.h"
#include "workloads/network_file.h"

namespace convroof {
namespace {

struct Totals {
  std::int64_t macs = 0, conv_macs = 0, weights = 0, biases = 0, convolutions = 0;
};

Totals totals_of(std::string_view name) {
  Totals totals;
  for (const NetworkLayer& layer : load_network(name).layers) {
    totals.macs += macs(layer.spec) * layer.repeats;
    if (layer.spec.op == Op::conv) totals.conv_macs += macs(layer.spec) * layer.repeats, totals.convolutions += layer.repeats;
    totals.weights += weight_count(layer.spec) * layer.repeats;
    totals.biases += bias_count(layer.spec) * layer.repeats;
  }
  return totals;
}

TEST(PublishedTotals, alexnet) {
  const Totals totals = totals_of("alexnet");
  EXPECT_EQ(totals.macs, 724'406'816);
  EXPECT_EQ(totals.conv_macs, 665'784'864);
}

TEST(PublishedTotals, vgg16) {
  const Totals totals = totals_of("vgg16");
  EXPECT_EQ(totals.macs, 15'470'264'320);
  EXPECT_EQ(totals.weights, 138'344'128);
  EXPECT_EQ(totals.biases, 13'416);
}

TEST(PublishedTotals, lenets) {
  EXPECT_EQ(totals_of("lenet5").weights, 430'500);
  EXPECT_EQ(totals_of("lenet5").biases, 580);
  EXPECT_EQ(totals_of("lenet-300-100").weights, 266'200);
  EXPECT_EQ(totals_of("lenet-300-100").biases, 410);
}

// He et al. 2016, table 1, as arithmetic: `blocks` per stage; a bottleneck is 1x1, 3x3, 1x1 with four times the width going out.
Totals resnet(const int (&blocks)[4], bool bottleneck, bool stride_on_3x3) {
  Totals t;
  const auto conv = [&](std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t out_size) {
    const std::int64_t weights = in * out * kernel * kernel;
    t.weights += weights, t.biases += out, t.macs += weights * out_size * out_size, t.conv_macs += weights * out_size * out_size, ++t.convolutions;
  };
  conv(3, 64, 7, 112);
  std::int64_t in = 64, size = 56;
  for (int stage = 0; stage < 4; ++stage) {
    const std::int64_t width = 64ll << stage, out = bottleneck ? 4 * width : width;
    for (int block = 0; block < blocks[stage]; ++block) {
      const std::int64_t out_size = stage > 0 && block == 0 ? size / 2 : size;
      if (bottleneck) {
        conv(in, width, 1, stride_on_3x3 ? size : out_size);
        conv(width, width, 3, out_size);
        conv(width, out, 1, out_size);
      } else {
        conv(in, width, 3, out_size);
        conv(width, width, 3, out_size);
      }
      if (in != out || out_size != size) conv(in, out, 1, out_size);
      in = out, size = out_size;
    }
  }
  t.weights += in * 1000, t.biases += 1000, t.macs += in * 1000;
  return t;
}

void expect_equal(std::string_view name, const Totals& expected) {
  const Totals found = totals_of(name);
  EXPECT_EQ(found.macs, expected.macs) << name;
  EXPECT_EQ(found.conv_macs, expected.conv_macs) << name;
  EXPECT_EQ(found.weights, expected.weights) << name;
  EXPECT_EQ(found.biases, expected.biases) << name;
  EXPECT_EQ(found.convolutions, expected.convolutions) << name;
}

TEST(PublishedTotals, resnets) {
  expect_equal("resnet18", resnet({2, 2, 2, 2}, false, true));
  expect_equal("resnet34", resnet({3, 4, 6, 3}, false, true));
  expect_equal("resnet50", resnet({3, 4, 6, 3}, true, true));
  expect_equal("resnet101", resnet({3, 4, 23, 3}, true, true));
  expect_equal("resnet152", resnet({3, 8, 36, 3}, true, true));
  expect_equal("resnet50-v1", resnet({3, 4, 6, 3}, true, false));
  expect_equal("resnet101-v1", resnet({3, 4, 23, 3}, true, false));
  expect_equal("resnet152-v1", resnet({3, 8, 36, 3}, true, false));
}

// Simonyan and Zisserman 2015, table 1, column E.
TEST(PublishedTotals, vgg19) {
  Totals expected;
  const std::int64_t widths[] = {64, 128, 256, 512, 512}, depths[] = {2, 2, 4, 4, 4};
  std::int64_t in = 3, size = 224;
  for (int stage = 0; stage < 5; ++stage, size /= 2)
    for (std::int64_t i = 0; i < depths[stage]; ++i, in = widths[stage]) {
      expected.weights += in * widths[stage] * 9, expected.biases += widths[stage];
      expected.conv_macs += in * widths[stage] * 9 * size * size, ++expected.convolutions;
    }
  expected.macs = expected.conv_macs;
  const std::pair<std::int64_t, std::int64_t> fully_connected[] = {{512 * 7 * 7, 4096}, {4096, 4096}, {4096, 1000}};
  for (const auto& [from, to] : fully_connected) expected.macs += from * to, expected.weights += from * to, expected.biases += to;
  expect_equal("vgg19", expected);
}

TEST(PublishedTotals, names_are_the_papers) {
  const Network resnet50 = load_network("resnet50");
  for (const char* name : {"conv1", "pool1", "conv2_1_a", "conv2_1_b", "conv2_1_c", "conv2_1_proj", "conv2_1_add", "conv5_3_c", "fc"})
    EXPECT_NE(resnet50.find(name), nullptr) << name;
  EXPECT_EQ(resnet50.find("conv3_1_b")->spec.stride_height, 2);
  EXPECT_EQ(resnet50.find("conv3_1_a")->spec.stride_height, 1);
  EXPECT_EQ(load_network("resnet50-v1").find("conv3_1_a")->spec.stride_height, 2);
  const Network alexnet = load_network("alexnet");
  for (const char* name : {"conv1", "norm1", "pool1", "conv5", "fc6", "fc8", "softmax"}) EXPECT_NE(alexnet.find(name), nullptr) << name;
}

}  // namespace
}  // namespace convroof
