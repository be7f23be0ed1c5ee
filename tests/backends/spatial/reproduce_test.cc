// Published figures: how they are read, how a verdict is reached, and which verdicts the shipped ones get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "backends/spatial/reproduce/published.h"
#include "backends/spatial/reproduce/quantities.h"
#include "backends/spatial/reproduce/verdict.h"
#include "workloads/input_error.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

using ::testing::HasSubstr;

const std::string kHead =
    "accelerator,network,layer,batch,quantity,value,unit,density,test,accept,baseline,macs,padding,compression,evidence,source,place,read,note\n";

std::string message_of(const std::string& row) {
  try {
    parse_figures(kHead + row, "mine.csv");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

Comparison compared(const std::string& row) { return compare_figures(parse_figures(kHead + row, "mine.csv"), {}, 1).at(0); }

TEST(PublishedFigures, are_read_with_quotes_and_commas) {
  const auto figures =
      parse_figures(kHead + "eyeriss,alexnet,conv1,4,processing_ms,16.5,ms,,within,5%,,,,,silicon,\"Chen, \"\"et al\"\"\",table V,read,\n", "mine.csv");
  ASSERT_EQ(figures.size(), 1u);
  EXPECT_EQ(figures[0].source, "Chen, \"et al\"");
  EXPECT_EQ(figures[0].batch, 4);
  EXPECT_EQ(figures[0].where, "mine.csv:2");
  EXPECT_NEAR(figures[0].acceptance()->low, 15.675, 1e-9);
  EXPECT_NEAR(figures[0].acceptance()->high, 17.325, 1e-9);
}

TEST(PublishedFigures, mistakes_are_named_with_line_and_column) {
  EXPECT_THAT(message_of("a,,,,peak_gops,x,,,within,5%,,,,,,,,read,"), HasSubstr("mine.csv:2:16: `x` is no number"));
  EXPECT_THAT(message_of("a,,,,peak_gops,1,,,within,five,,,,,,,,read,"), HasSubstr("`five` is no acceptance"));
  EXPECT_THAT(message_of("a,,,,peak_gops,1,,,within,5%,,,,,,,,recalled,"), HasSubstr("only recalled is never tested on"));
  EXPECT_THAT(message_of("a,,,,peak_gops,1,,,none,,,,,,,,,read,"), HasSubstr("needs the reason as its note"));
  EXPECT_THAT(message_of("a,,,,peak_gops,1,,,withn,5%,,,,,,,,read,"), HasSubstr("did you mean `within`"));
  EXPECT_THAT(message_of("a,,,0,peak_gops,1,,,within,5%,,,,,,,,read,"), HasSubstr("`0` is no batch"));
  EXPECT_THAT(message_of("a,b\n"), HasSubstr("`2` cells where the heading has 19"));
  EXPECT_THAT(message_of("a,\"b\n"), HasSubstr("a quoted cell does not end"));
}

TEST(Verdicts, follow_from_acceptance) {
  const std::string end = ",,,,,,,,read,\n";
  EXPECT_EQ(compared("eyeriss,,,,peak_gmacs,33.6,GMAC/s,,within,0.1%" + end).verdict, Verdict::reproduced);
  EXPECT_EQ(compared("eyeriss,,,,peak_gmacs,35,GMAC/s,,within,1" + end).verdict, Verdict::not_reproduced);
  EXPECT_EQ(compared("eyeriss,,,,peak_gmacs,35,GMAC/s,,compatible,30..34" + end).verdict, Verdict::compatible);
  EXPECT_EQ(compared("eyeriss,,,,peak_gmacs,35,GMAC/s,,compatible,30..33" + end).verdict, Verdict::not_compatible);
  const Comparison missing = compared("eyeris,,,,peak_gmacs,35,GMAC/s,,within,5%" + end);
  EXPECT_EQ(missing.verdict, Verdict::not_testable);
  EXPECT_THAT(missing.reason, HasSubstr("no accelerator `eyeris`"));
  EXPECT_THAT(compared("eyeriss,googlenet,conv,,gmacs,1,GMAC,,within,5%" + end).reason, HasSubstr("no network `googlenet`"));
  EXPECT_THAT(compared("eyeriss,alexnet,conv9,,gmacs,1,GMAC,,within,5%" + end).reason, HasSubstr("no layer `conv9`"));
  EXPECT_THAT(compared("systolic-ws,alexnet,conv1,,buffer_mb,1,MB,,within,5%" + end).reason, HasSubstr("row-stationary"));
}

// One value of an option serves all figures of a quantity: it must bring one inside and may put none outside.
TEST(Verdicts, an_option_explains_only_without_losing_another_figure) {
  const PublishedOption faster{"eyeriss", "bus.input", "4", "a wider bus"}, slower{"eyeriss", "bus.weight", "1", "a narrower bus"};
  const auto verdicts = [&](const std::string& rows, const PublishedOption& option) {
    std::vector<Verdict> all;
    for (const Comparison& c : compare_figures(parse_figures(kHead + rows, "mine.csv"), {option}, 1)) all.push_back(c.verdict);
    return all;
  };
  const std::string conv2 = "eyeriss,alexnet,conv2,4,processing_ms,34.73,ms,,within,0.1%,,,,,,,,read,\n";  // what a bus of 4 words gives
  const std::string conv2_now = "eyeriss,alexnet,conv2,4,processing_ms,35.56,ms,,within,0.1%,,,,,,,,read,\n";
  EXPECT_EQ(verdicts(conv2, faster), (std::vector{Verdict::explained}));
  EXPECT_EQ(verdicts(conv2, slower), (std::vector{Verdict::not_reproduced}));
  EXPECT_EQ(verdicts(conv2 + conv2_now, faster), (std::vector{Verdict::not_reproduced, Verdict::reproduced}));
}

std::string name_of_figure(const PublishedFigure& f) {
  return f.accelerator + " " + f.network + "/" + f.layer + " " + f.quantity + (f.density.empty() ? "" : " " + f.density);
}

// The verdicts as they stand. A change here is a change of what the emulator can claim: docs/backends/spatial/reproduce.md says what each means.
void figures_that_are_not_reproduced_are_these(const std::vector<Comparison>& shipped) {
  std::set<std::string> open;
  for (const Comparison& c : shipped)
    if (c.verdict == Verdict::not_reproduced) open.insert(name_of_figure(c.figure));
  EXPECT_THAT(
      open, ::testing::UnorderedElementsAre("eyeriss alexnet/conv1 processing_ms", "eyeriss alexnet/conv2 processing_ms", "eyeriss alexnet/conv processing_ms",
                                            "eyeriss alexnet/conv3 buffer_mb", "eyeriss alexnet/conv buffer_mb", "zascad resnet50-v1/conv total_ms dense"));
}

void explanations_are_these(const std::vector<Comparison>& shipped) {
  std::map<std::string, std::string> options;  // of total figures
  for (const Comparison& c : shipped)
    if (c.verdict == Verdict::explained && c.figure.layer == "conv") options[name_of_figure(c.figure)] = c.option;
  EXPECT_EQ(options, (std::map<std::string, std::string>{
                         {"zascad alexnet/conv total_ms dense", "schedule.ragged_filters = \"packed\""},
                         {"zascad alexnet/conv accesses_with_padding_m dense", "schedule.last_segment = \"padded\""},
                         {"zascad vgg16/conv accesses_with_padding_m dense", "schedule.last_segment = \"padded\""},
                         {"zascad resnet50-v1/conv accesses_with_padding_m dense", "schedule.last_segment = \"padded\""},
                     }));
}

void every_figure_of_eyeriss_that_must_come_out_does(const std::vector<Comparison>& shipped) {
  std::map<std::string, int> reproduced;
  for (const Comparison& c : shipped)
    if (c.figure.accelerator == "eyeriss" && c.verdict == Verdict::reproduced) ++reproduced[c.figure.quantity];
  EXPECT_EQ(reproduced["active_pes"], 5);
  EXPECT_EQ(reproduced["buffer_input_kib"], 5);
  EXPECT_EQ(reproduced["buffer_psum_kib"], 5);
  EXPECT_EQ(reproduced["buffer_mb"], 4);
  EXPECT_EQ(reproduced["buffer_mb_mapped_like_conv4"], 1);
  EXPECT_EQ(reproduced["processing_ms"], 3);
}

void nothing_tested_was_recalled_and_every_batch_is_the_papers(const std::vector<Comparison>& shipped) {
  for (const Comparison& c : shipped) {
    if (!c.figure.is_tested()) continue;
    EXPECT_NE(c.figure.read, "recalled") << c.figure.where;
    EXPECT_NE(find_quantity(c.figure.quantity), nullptr) << c.figure.where;
    EXPECT_FALSE(c.figure.source.empty() || c.figure.place.empty()) << c.figure.where;
    if (c.figure.accelerator == "eyeriss" && c.figure.evidence == "silicon" && !c.figure.network.empty()) {
      EXPECT_EQ(c.figure.batch, c.figure.network == "alexnet" ? 4 : 3) << c.figure.where;
    }
    if (c.figure.accelerator != "eyeriss") {
      EXPECT_EQ(c.figure.batch, 1) << c.figure.where;
    }
  }
}

void free_constants_are_fewer_than_the_figures_that_they_serve(const std::vector<Comparison>& shipped) {
  std::map<std::string, int> tested, free;
  for (const Comparison& c : shipped)
    if (c.figure.is_tested() && c.emulated) ++tested[c.figure.accelerator];
  for (const FreeConstant& constant : shipped_constants()) ++free[constant.accelerator];
  for (const auto& [accelerator, count] : free)
    if (tested.contains(accelerator)) {
      EXPECT_LT(count, tested[accelerator]) << accelerator;
    }
}

TEST(Shipped, figures_get_the_verdicts_that_the_documentation_discusses) {
  const std::vector<Comparison> shipped = compare_figures(shipped_figures(), shipped_options(), 2);
  ASSERT_GT(shipped.size(), 500u);
  figures_that_are_not_reproduced_are_these(shipped);
  explanations_are_these(shipped);
  every_figure_of_eyeriss_that_must_come_out_does(shipped);
  nothing_tested_was_recalled_and_every_batch_is_the_papers(shipped);
  free_constants_are_fewer_than_the_figures_that_they_serve(shipped);
}

}  // namespace
}  // namespace convroof::spatial
