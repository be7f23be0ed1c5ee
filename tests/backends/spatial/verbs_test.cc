// What the emulator's verbs print.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

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

// Lanes that drift apart and wait, banks that hold a PE up, a halo that travels; each with the outputs that the others have.
TEST(Trace, zero_skipping_machines_show_who_waits) {
  std::string text = printed("trace", {"--accelerator", "cnvlutin", "--zeros", "1,4,9-11"});
  EXPECT_THAT(text, HasSubstr("     4  -       -        n0k11 17  Y0=744 Y2=1728\n"));
  EXPECT_THAT(text, HasSubstr("\n8 clocks, 36 multiply"));
  text = printed("trace", {"--accelerator", "scnn", "--zeros", "2,5"});
  EXPECT_THAT(text, HasSubstr("     2  c0 8p 8s   c0 8p 8s  queue 2s  c0 4p 4s\n"));
  EXPECT_THAT(text, HasSubstr("\n14 clocks, 128 multiply"));
  const std::string outputs = "Y0=332 Y1=375 Y2=454 Y3=495 Y4=756 Y5=863 Y6=1086 Y7=1191\n";
  EXPECT_THAT(text, HasSubstr(outputs));
  text = printed("trace", {"--accelerator", "dcnn", "--zeros", "2,5"});
  EXPECT_THAT(text, HasSubstr("n0m0 k0.. s=332  n1m0 k0.. s=375"));
  EXPECT_THAT(text, HasSubstr("\n2 clocks, 64 multiply"));
}

TEST(Explain, the_terms_of_zero_skipping_machines_add_up) {
  // 27,556 taps of the 56 x 56 windows lie inside, (3 x 56 - 2)^2; 128 channels are 8 steps.
  EXPECT_THAT(printed("explain", {"vgg16/conv3_1", "--accelerator", "dadiannao"}), HasSubstr("1 x 27556 x 8 = 220448\n"));
  EXPECT_THAT(printed("explain", {"vgg16/conv3_1", "--accelerator", "cnvlutin"}),
              HasSubstr("lanes     16 x 220448 clocks = 3527168 with a product + 0 at empty bricks + 0 waiting"));
  EXPECT_THAT(printed("explain", {"vgg16/conv3_1", "--accelerator", "scnn"}),
              HasSubstr("958592 x 64 PEs = 61349888 PE-clocks = 61341696 with a pair of vectors + 0 until banks took all products + 8192 waiting"));
  EXPECT_THAT(printed("explain", {"alexnet/conv1", "--accelerator", "dcnn"}), HasSubstr("1 x 1 x 23 x 49 x 96 = 108192\n"));
}

TEST(Trace, takes_values_weights_and_zeros) {
  const std::string text = printed("trace", {"--accelerator", "systolic-os", "--values", "1,10", "--weights", "1,2,3", "--zeros", "5-7"});
  EXPECT_THAT(text, HasSubstr("Y0=1"));   // 1 * 1 + 2 * 0
  EXPECT_THAT(text, HasSubstr("Y3=30"));  // 1 * 10 + 2 * 10
}

// The tutorial's two clock tables (Gross and Meyer, EPEPS 2019), every cell: two rows of eight pixels X1 = 1 ... X16 = 16, weights 1, 10, 100.
TEST(Trace, zascad_is_the_dense_table_of_the_tutorial) {
  const std::string text = printed("trace", {"--accelerator", "zascad"});
  EXPECT_THAT(text, HasSubstr(R"( clock  pixel   PE1                 PE2                 PE3                 done
     1  X1=1    P1 W1 1*1=1         -                   -
     2  X2=2    P1 W2 2*10=21       P2 W1 2*1=2         -
     3  X3=3    P1 W3 3*100=321     P2 W2 3*10=32       P3 W1 3*1=3         P1=321
     4  X4=4    P4 W1 4*1=4         P2 W3 4*100=432     P3 W2 4*10=43       P2=432
     5  X5=5    P4 W2 5*10=54       P5 W1 5*1=5         P3 W3 5*100=543     P3=543
     6  X6=6    P4 W3 6*100=654     P5 W2 6*10=65       P6 W1 6*1=6         P4=654
     7  X7=7    -                   P5 W3 7*100=765     P6 W2 7*10=76       P5=765
     8  X8=8    -                   -                   P6 W3 8*100=876     P6=876
     9  X9=9    P7 W1 9*1=9         -                   -                   bubble
    10  X10=10  P7 W2 10*10=109     P8 W1 10*1=10       -                   bubble
    11  X11=11  P7 W3 11*100=1209   P8 W2 11*10=120     P9 W1 11*1=11       P7=1209
    12  X12=12  P10 W1 12*1=12      P8 W3 12*100=1320   P9 W2 12*10=131     P8=1320
    13  X13=13  P10 W2 13*10=142    P11 W1 13*1=13      P9 W3 13*100=1431   P9=1431
    14  X14=14  P10 W3 14*100=1542  P11 W2 14*10=153    P12 W1 14*1=14      P10=1542
    15  X15=15  -                   P11 W3 15*100=1653  P12 W2 15*10=164    P11=1653
    16  X16=16  -                   -                   P12 W3 16*100=1764  P12=1764
)"));
  EXPECT_THAT(text, HasSubstr("outputs: 321 432 543 654 765 876 | 1209 1320 1431 1542 1653 1764\n"));
  EXPECT_THAT(text, HasSubstr("16 clocks, 36 multiply-accumulates in 48 PE slots, 75.0 %"));
}

// The table of zero skipping, X6 ... X11 = 0.
TEST(Trace, zascas_is_the_sparse_table_of_the_tutorial) {
  const std::string text = printed("trace", {"--accelerator", "zascas", "--zeros", "6-11"});
  EXPECT_THAT(text, HasSubstr(R"( clock  pixel   PE1                 PE2                 PE3                 done
     1  X1=1    P1 W1 1*1=1         -                   -
     2  X2=2    P1 W2 2*10=21       P2 W1 2*1=2         -
     3  X3=3    P1 W3 3*100=321     P2 W2 3*10=32       P3 W1 3*1=3         P1=321
     4  X4=4    P4 W1 4*1=4         P2 W3 4*100=432     P3 W2 4*10=43       P2=432
     5  X5=5    P4 W2 5*10=54       P5 W1 5*1=5         P3 W3 5*100=543     P3=543 (P4=54) (P5=5)
     6  X12=12  P10 W1 12*1=12      P8 W3 12*100=1200   P9 W2 12*10=120     P8=1200
     7  X13=13  P10 W2 13*10=142    P11 W1 13*1=13      P9 W3 13*100=1420   P9=1420
     8  X14=14  P10 W3 14*100=1542  P11 W2 14*10=153    P12 W1 14*1=14      P10=1542
     9  X15=15  -                   P11 W3 15*100=1653  P12 W2 15*10=164    P11=1653
    10  X16=16  -                   -                   P12 W3 16*100=1764  P12=1764
)"));
  EXPECT_THAT(text, HasSubstr("never scheduled in it: P6=0 P7=0\n"));
  EXPECT_THAT(text, HasSubstr("outputs: 321 432 543 54 5 0 | 0 1200 1420 1542 1653 1764\n"));
  EXPECT_THAT(text, HasSubstr("10 clocks, 24 multiply-accumulates in 30 PE slots, 80.0 %"));
  // Without zeros it is the dense one; with nothing else, no clock passes.
  const auto rows = [](const std::string& whole) { return whole.substr(whole.find("\n\n") + 2, whole.rfind("\n\n") - whole.find("\n\n")); };
  EXPECT_EQ(rows(printed("trace", {"--accelerator", "zascas"})), rows(printed("trace", {"--accelerator", "zascad"})));
  EXPECT_THAT(printed("trace", {"--accelerator", "zascas", "--zeros", "1-16"}), HasSubstr("\n0 clocks, 0 multiply-accumulates in 0 PE slots, 0.0 %"));
}

TEST(Trace, feie_draws_every_cell_of_its_table) {
  const std::string path = ::testing::TempDir() + "feie.svg";
  const std::string text = printed("trace", {"--accelerator", "zascad", "--svg", path});
  std::ifstream file(path);
  const std::string svg((std::istreambuf_iterator<char>(file)), {});
  for (const char* cell : {">pixel<", ">done<", ">X9=9<", ">P7 W1 9*1=9<", ">bubble<", ">P12 W3 16*100=1764<", ">P12=1764<"}) EXPECT_THAT(svg, HasSubstr(cell));
  std::size_t cells = 0;
  for (std::size_t at = svg.find("fill=\"#d6e6f7\""); at != std::string::npos; at = svg.find("fill=\"#d6e6f7\"", at + 1)) ++cells;
  EXPECT_EQ(cells, 36u);
}

// Stride 4, 11 weights: one row of AlexNet's first layer. T = 3, and a PE waits one pixel between its outputs (11 of 12 used).
TEST(Trace, feie_takes_other_rows_strides_and_filters) {
  const std::string text =
      printed("trace", {"--accelerator", "zascad", "--input", "1", "1", "27", "--kernel", "1", "11", "--stride", "4", "--values", "1", "--weights", "1"});
  EXPECT_THAT(text, HasSubstr("T = 3 PEs a filter"));
  EXPECT_THAT(text, HasSubstr("    27  X27=1  -              P5 W11 1*1=11  -              P5=11"));
  EXPECT_THAT(text, HasSubstr("27 clocks, 55 multiply-accumulates in 81 PE slots"));
  EXPECT_THAT(printed("trace", {"--accelerator", "zascad", "--filters", "2", "--padding", "1", "--kernel", "3", "3"}), HasSubstr("F2P1 W"));
  EXPECT_THROW(printed("trace", {"--accelerator", "zascad", "--rows", "3"}), std::invalid_argument);
  EXPECT_THROW(printed("trace", {"--accelerator", "zascad", "--filters", "40"}), std::invalid_argument);
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

TEST(Explain, feie_adds_up_term_by_term) {
  std::string text = printed("explain", {"vgg16/conv3_1", "--accelerator", "zascad"});
  EXPECT_THAT(text, HasSubstr("T = ceil(3 / 1) = 3 PEs a filter row; p = 64 filters at a time, so 4 blocks; N = 192 outputs held for each"));
  EXPECT_THAT(text, HasSubstr("5031936  groups x blocks x channels x filter rows x pixels = 1 x 4 x 128 x 3 x 3276"));
  EXPECT_THAT(text, HasSubstr("pixels = 3136 outputs x 1 + 70 stretches of a row x 2"));
  text = printed("explain", {"vgg16/conv3_1", "--accelerator", "zascas", "--density", "uniform:1/0.5"});
  EXPECT_THAT(text, HasSubstr("50.00 % of the inputs are not zero"));
  EXPECT_THAT(text, HasSubstr("pixels that are zero, padding included"));
  EXPECT_THROW(printed("explain", {"resnet50/conv1", "--accelerator", "zascas", "--density", "eyeriss-zeros"}), std::invalid_argument);
}

TEST(Reproduce, prints_published_and_emulated_with_a_verdict) {
  const std::string text = printed("reproduce", {"--accelerators", "eyeriss", "--networks", "alexnet", "--quantities", "active_pes,buffer_mb"});
  EXPECT_THAT(text, HasSubstr("alexnet/conv2 x4       active_pes                          135        135   +0.0 %  1       reproduced (0%)"));
  EXPECT_THAT(text, HasSubstr("70.088  +39.6 %  MB      NOT REPRODUCED (5%)"));
  EXPECT_THAT(text, HasSubstr("1 free constants"));
}

TEST(Reproduce, json_holds_every_field) {
  const std::string text = printed("reproduce", {"--accelerators", "eyeriss", "--networks", "alexnet", "--quantities", "active_pes", "--json"});
  for (const char* part : {"\"published\": 154.0", "\"emulated\": 154.0", "\"deviation\": 0.0", "\"verdict\": \"reproduced\"", "\"batch\": 4",
                           "\"place\": \"table V\"", "\"read\": \"transcription\"", "\"free_constants\""})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST(Reproduce, mistakes_are_named) {
  EXPECT_THROW(printed("reproduce", {"--accelerators", "eyeris"}), std::invalid_argument);
  EXPECT_THROW(printed("reproduce", {"--accelerators", "eyeriss", "--networks", "resnet50-v1"}), std::invalid_argument);  // nothing is left
  EXPECT_THROW(printed("reproduce", {"--figures", "/nowhere.csv"}), std::runtime_error);
  EXPECT_THROW(printed("reproduce", {"--frobnicate"}), std::invalid_argument);
}

}  // namespace
}  // namespace convroof
