// What the emulator's verbs print.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/registry.h"

namespace convroof {
namespace {

using ::testing::HasSubstr;

std::string printed(const std::string& verb_name, const std::vector<std::string>& arguments) {
  for (const Verb& verb : find_backend("spatial")->verbs())
    if (verb.name == verb_name) {
      ::testing::internal::CaptureStdout();
      try {
        EXPECT_EQ(verb.main(arguments), 0);
      } catch (...) {
        ::testing::internal::GetCapturedStdout();
        throw;
      }
      return ::testing::internal::GetCapturedStdout();
    }
  ADD_FAILURE() << "no verb " << verb_name;
  return "";
}

TEST(Trace, shows_the_clocks_and_sums_of_the_example) {
  for (const auto& [accelerator, clocks] : {std::pair{"systolic-ws", "\n11 clocks, 24 multiply"}, std::pair{"systolic-os", "\n12 clocks, 24 multiply"},
                                            std::pair{"systolic-is", "\n20 clocks, 24 multiply"}}) {
    const std::string text = printed("trace", {"--accelerator", accelerator});
    EXPECT_THAT(text, HasSubstr(clocks)) << accelerator;
    EXPECT_THAT(text, HasSubstr("Y11=68")) << accelerator;  // 4 * 5 + 8 * 6
  }
}

TEST(Trace, takes_values_weights_and_zeros) {
  const std::string text = printed("trace", {"--accelerator", "systolic-os", "--values", "1,10", "--weights", "1,2,3", "--zeros", "5-7"});
  EXPECT_THAT(text, HasSubstr("Y0=1"));   // 1 * 1 + 2 * 0
  EXPECT_THAT(text, HasSubstr("Y3=30"));  // 1 * 10 + 2 * 10
}

TEST(Trace, mistakes_are_named) {
  EXPECT_THROW(printed("trace", {"--accelerator", "systolic-w"}), std::invalid_argument);
  EXPECT_THROW(printed("trace", {"--rows", "60", "--columns", "60"}), std::invalid_argument);
  EXPECT_THROW(printed("trace", {"--kernel", "9", "9"}), std::invalid_argument);
  for (const char* zeros : {"0", "9", "5-3", "1-", "-3", "1-2x", "two"})
    EXPECT_THROW(printed("trace", {std::string("--zeros=") + zeros}), std::invalid_argument) << zeros;
}

TEST(Explain, terms_multiply_to_the_clocks) {
  const std::string text = printed("explain", {"vgg16/conv3_1", "--accelerator", "systolic-ws"});
  EXPECT_THAT(text, HasSubstr("1 x 72 x 16 x 3182 = 3665664"));
  EXPECT_THAT(text, HasSubstr("local   psum           924844032       924844032"));
}

TEST(Energy, compares_with_the_first_accelerator) {
  const std::string text = printed("energy", {"alexnet", "--accelerators", "isca16-osb,isca16-osc,shidiannao", "--batch", "16"});
  EXPECT_THAT(text, HasSubstr("alexnet, 5 layers, batch 16; units of one MAC a multiply-accumulate (table isca2016)"));
  EXPECT_THAT(text, HasSubstr("1.00x"));
  EXPECT_THAT(text, HasSubstr("shidiannao        not run: conv1: shidiannao has no outer memory"));
  EXPECT_THROW(printed("energy", {"alexnet", "--accelerators", "isca16-os"}), std::invalid_argument);
  EXPECT_THROW(printed("energy", {"alexnet", "--accelerators", "isca16-osa", "--layers", "("}), std::invalid_argument);
  EXPECT_THROW(printed("energy", {"alexnet", "--accelerators", "isca16-osa", "--layers", "pool1"}), std::invalid_argument);
}

TEST(Trace, shows_where_inputs_come_from) {
  const std::string text = printed("trace", {"--accelerator", "shidiannao"});
  EXPECT_THAT(text, HasSubstr("below 6*4=44"));
  EXPECT_THAT(text, HasSubstr("16 clocks, 36 multiply-accumulates, 25 inputs from the buffer, 11 from neighbours"));
}

TEST(Trace, shows_sums_walking_through_a_chain) {
  const std::string text = printed("trace", {"--accelerator", "neuflow"});
  EXPECT_THAT(text, HasSubstr("Y0 6*4=44"));
  EXPECT_THAT(text, HasSubstr("16 clocks, 24 multiply-accumulates, 12 pixels called out"));
}

// The numbers in the printed terms add up to the printed clocks.
TEST(Explain, terms_of_chains_and_neighbours_add_up) {
  EXPECT_THAT(printed("explain", {"alexnet/conv3", "--accelerator", "shidiannao-dram"}), HasSubstr("= 1 x 1 x 384 x 2 x 2 x 2304 = 3538944"));
  EXPECT_THAT(printed("explain", {"alexnet/conv3", "--accelerator", "neuflow"}), HasSubstr("= 1 x 48 x (59904) = 2875392"));
}

}  // namespace
}  // namespace convroof
