#include "workloads/network_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <stdexcept>

#include "tests/workloads/mutated_files.h"
#include "workloads/toml_document.h"

namespace convroof {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kHead = "name = \"n\"\ninput = [3, 8, 8]\n";

std::string error_of(const std::string& text) {
  try {
    parse_network(text, "n.toml");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string with_layer(std::string_view keys) { return std::string(kHead) + "[[layer]]\n" + std::string(keys); }

TEST(NetworkFile, smallest_network) {
  const Network network = parse_network(with_layer("name = \"a\"\nop = \"conv\"\nout_channels = 4\nkernel = 3\n"), "n.toml");
  ASSERT_EQ(network.layers.size(), 1u);
  EXPECT_EQ(network.layers[0].spec.out_height, 6);
  EXPECT_TRUE(network.layers[0].spec.has_bias);
  EXPECT_EQ(network.layers[0].inputs, std::vector<int>{kNetworkInput});
}

TEST(NetworkFile, one_dimensional_convolution_has_height_one) {
  const Network network = parse_network(
      "name = \"n\"\ninput = [2, 1, 10]\n[[layer]]\nname = \"a\"\nop = \"conv\"\nout_channels = 4\nkernel = [1, 3]\npadding = [0, 1]\n", "n.toml");
  EXPECT_EQ(network.layers[0].spec.out_height, 1);
  EXPECT_EQ(network.layers[0].spec.out_width, 10);
}

struct Bad {
  const char* name;
  std::string text;
  std::string place;  // file:line:column at which the error stands ("" = any)
  std::string word;   // what it must mention
};

void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

class Malformed : public testing::TestWithParam<Bad> {};

TEST_P(Malformed, names_place_word_and_mend) {
  const std::string error = error_of(GetParam().text);
  EXPECT_THAT(error, StartsWith("n.toml:" + GetParam().place));
  EXPECT_THAT(error, HasSubstr(GetParam().word));
  EXPECT_EQ(error.find('\n'), std::string::npos) << "one line";
}

const std::string kConv = "name = \"a\"\nop = \"conv\"\nout_channels = 4\nkernel = 3\n";

INSTANTIATE_TEST_SUITE_P(
    NetworkFile, Malformed,
    testing::Values(Bad{"wrong_type", with_layer("name = \"a\"\nop = \"conv\"\nout_channels = \"many\"\nkernel = 3\n"), "6:16", "many"},
                    Bad{"negative_size", with_layer("name = \"a\"\nop = \"conv\"\nout_channels = -4\nkernel = 3\n"), "6:16", "-4"},
                    Bad{"zero_stride", with_layer(kConv + "stride = 0\n"), "8:10", "`0`"},
                    Bad{"overflowing_size", with_layer("name = \"a\"\nop = \"conv\"\nout_channels = 99999999999999\nkernel = 3\n"), "6:16", "99999999999999"},
                    Bad{"not_even_64_bits", with_layer("name = \"a\"\nop = \"conv\"\nout_channels = 99999999999999999999999\nkernel = 3\n"), "6:", "9999"},
                    Bad{"overflowing_product",
                        "name = \"n\"\ninput = [16777216, 16777216, 16777216]\n[[layer]]\nname = \"a\"\nop = \"conv\"\nout_channels = 16777216\nkernel = 1\n",
                        "", "too large"},
                    Bad{"unknown_key", with_layer(kConv + "strid = 2\n"), "8:", "`stride`"},
                    Bad{"unknown_op", with_layer("name = \"a\"\nop = \"convv\"\n"), "5:6", "`conv`"},
                    Bad{"three_dimensional", with_layer("name = \"a\"\nop = \"conv\"\nout_channels = 4\nkernel = [3, 3, 3]\n"), "7:10", "3-D"},
                    Bad{"conv3d", with_layer("name = \"a\"\nop = \"conv3d\"\nout_channels = 4\nkernel = 3\n"), "5:6", "3-D"},
                    Bad{"missing_kernel", with_layer("name = \"a\"\nop = \"conv\"\nout_channels = 4\n"), "", "kernel"},
                    Bad{"missing_input", with_layer(kConv + "input = \"nowhere\"\n"), "8:9", "nowhere"},
                    Bad{"misspelt_input",
                        with_layer(kConv) + "[[layer]]\nname = \"bee\"\nop = \"relu\"\n[[layer]]\nname = \"c\"\nop = \"relu\"\ninput = \"be\"\n", "14:9",
                        "did you mean `bee`?"},
                    Bad{"itself", with_layer(kConv + "input = \"a\"\n"), "8:9", "cycle"},
                    Bad{"cycle", with_layer(kConv + "input = \"b\"\n") + "[[layer]]\nname = \"b\"\nop = \"relu\"\ninput = \"a\"\n", "8:9", "cycle"},
                    Bad{"wrong_order", with_layer(kConv + "input = \"b\"\n") + "[[layer]]\nname = \"b\"\nop = \"relu\"\ninput = \"image\"\n", "8:9", "below"},
                    Bad{"duplicate_name", with_layer(kConv) + "[[layer]]\nname = \"a\"\nop = \"relu\"\n", "9:8", "`a`"},
                    Bad{"unequal_addition", with_layer(kConv) + "[[layer]]\nname = \"s\"\nop = \"add\"\ninputs = [\"a\", \"image\"]\n", "11:10", "4x6x6"},
                    Bad{"groups_do_not_divide", with_layer(kConv + "groups = 2\n"), "8:10", "groups"},
                    Bad{"kernel_too_large", with_layer("name = \"a\"\nop = \"conv\"\nout_channels = 4\nkernel = 9\n"), "7:10", "9"},
                    Bad{"blank_in_name", with_layer("name = \"a b\"\nop = \"relu\"\n"), "4:8", "a b"},
                    Bad{"path_in_name", with_layer("name = \"../a\"\nop = \"relu\"\n"), "4:8", "../a"}, Bad{"no_layers", std::string(kHead), "1:", "[[layer]]"},
                    Bad{"empty", "", "1:1", "name"}, Bad{"layer_is_a_number", std::string(kHead) + "layer = 3\n", "3:", "layer"},
                    Bad{"input_is_text", "name = \"n\"\ninput = \"big\"\n[[layer]]\nname = \"a\"\nop = \"relu\"\n", "2:9", "big"},
                    Bad{"pool_padding_hides_the_window", with_layer("name = \"a\"\nop = \"maxpool\"\nkernel = 2\npadding = 2\n"), "", "window"},
                    Bad{"even_lrn", with_layer("name = \"a\"\nop = \"lrn\"\nsize = 4\n"), "6:8", "`4`"},
                    Bad{"repeat_changes_shape", with_layer(kConv + "repeats = 2\n"), "8:11", "repeats"},
                    Bad{"garbage", std::string(1000, '\x01'), "1:", "not TOML"}, Bad{"invalid_utf8", "name = \"\xff\xfe\"\n", "1:", "not TOML"},
                    Bad{"deep_nesting", "a = " + std::string(100000, '['), "1:", "not TOML"}),
    [](const auto& bad) { return bad.param.name; });

TEST(NetworkFile, ten_megabytes_of_garbage_are_an_input_error) {
  std::mt19937 random(7);
  std::string garbage(10'000'000, '\0');
  for (char& c : garbage) c = static_cast<char>(random());
  EXPECT_THAT(error_of(garbage), StartsWith("n.toml:"));
}

TEST(NetworkFile, mutated_files_are_read_or_refused) {
  const std::string text = with_layer(kConv + "stride = 1\npadding = 1\ngroups = 1\n") +
                           "[[layer]]\nname = \"p\"\nop = \"maxpool\"\nkernel = 2\nstride = 2\n[[layer]]\nname = \"s\"\nop = \"add\"\ninputs = [\"p\", \"p\"]\n"
                           "[[layer]]\nname = \"f\"\nop = \"fc\"\nout_channels = 10\nactivation = \"relu\"\n";
  EXPECT_NO_THROW(parse_network(text, "n.toml"));
  const Mutants mutants{.file = "n.toml", .texts = {text}, .alphabet = "[]{}=\"'#\n\t ,.-+0123456789eaopcnv\\\xff", .seed = 42};
  const Fates fates = read_or_refuse(mutants, [](const std::string& mutant) {
    for (const NetworkLayer& layer : parse_network(mutant, "n.toml").layers) EXPECT_NO_THROW(validate(layer.spec));
  });
  EXPECT_GT(fates.read, 100);
  EXPECT_GT(fates.refused, 10000);
}

TEST(NetworkFile, every_shipped_network_reads_and_is_named_as_its_file) {
  const std::vector<std::string> names = shipped_network_names();
  EXPECT_GE(names.size(), 13u);
  for (const std::string& name : names) EXPECT_EQ(load_network(name).name, name);
}

TEST(NetworkFile, unknown_names_get_the_nearest) {
  try {
    load_network("vgg61");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "unknown network `vgg61`; did you mean `vgg16`?");
  }
}

}  // namespace
}  // namespace convroof
