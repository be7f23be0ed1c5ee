#include "workloads/nearest.h"

#include <gtest/gtest.h>

namespace convroof {
namespace {

TEST(Nearest, finds_what_was_meant) {
  const std::vector<std::string> names = {"alexnet", "vgg16", "vgg19", "resnet50"};
  EXPECT_EQ(nearest("vgg61", names), "vgg16");  // two neighbours swapped count once
  EXPECT_EQ(nearest("resnet5", names), "resnet50");
  EXPECT_EQ(nearest("alexnett", names), "alexnet");
  EXPECT_EQ(nearest("x", {}), "");
}

TEST(Nearest, sentence_names_the_word_and_the_mend) {
  EXPECT_EQ(unknown_name("network", "vgg61", {"vgg16"}), "unknown network `vgg61`; did you mean `vgg16`?");
  EXPECT_EQ(unknown_name("network", "a", {}), "unknown network `a`; none is known here");
}

TEST(Nearest, megabytes_of_word_cost_nothing) {
  const std::string sentence = unknown_name("network", std::string(10'000'000, 'x'), {"vgg16"});
  EXPECT_LT(sentence.size(), 200u);
}

}  // namespace
}  // namespace convroof
