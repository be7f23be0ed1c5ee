// Configuration files of SCALE-Sim: what they become, and what a person who made a mistake is told.
#include "backends/spatial/model/scale_sim_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "backends/spatial/model/accelerator.h"
#include "tests/workloads/mutated_files.h"
#include "workloads/input_error.h"

namespace convroof::spatial {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

const std::string kGood = R"([general]
run_name = mine

[architecture_presets]
ArrayHeight:    32
ArrayWidth:     16
IfmapSramSzkB:   64
FilterSramSzkB:  128
OfmapSramSzkB:   2
IfmapOffset:    0
Bandwidth : 10
Dataflow : ws
; a comment
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
)";

std::string with(const std::string& old_text, const std::string& new_text) {
  std::string text = kGood;
  text.replace(text.find(old_text), old_text.size(), new_text);
  return text;
}

Accelerator parsed(const std::string& text) { return parse_accelerator(toml_of_scale_sim_config(text, "mine.cfg"), "mine.cfg"); }

std::string message_of(const std::string& text) {
  try {
    toml_of_scale_sim_config(text, "mine.cfg");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ScaleSimConfig, reads_what_is_written) {
  const Accelerator a = parsed(kGood);
  const auto& array = std::get<SystolicArray>(a.array);
  EXPECT_EQ(a.name, "mine");
  EXPECT_EQ(array.stationary, Stationary::weight);
  EXPECT_EQ(array.rows, 32);
  EXPECT_EQ(array.columns, 16);
  // Half of so many words, whatever their width.
  EXPECT_EQ(array.input_half_words(a), 64 * 1024 / 2);
  EXPECT_EQ(array.weight_half_words(a), 128 * 1024 / 2);
  EXPECT_EQ(array.output_half_words(a), 2 * 1024 / 2);
  EXPECT_FALSE(a.dram_bits_per_cycle.has_value());
  const Accelerator user = parsed(with("CALC", "USER"));
  EXPECT_EQ(user.dram_bits_per_cycle, 160);
  EXPECT_EQ(std::get<SystolicArray>(parsed(with("Dataflow : ws", "dataflow=OS")).array).stationary, Stationary::output);
  EXPECT_THAT(parsed(kGood + "[sparsity]\nSparsitySupport : true\n").assumptions, Contains("SparsitySupport is passed over"));
}

TEST(ScaleSimConfig, a_file_is_an_accelerator) {
  const std::string path = testing::TempDir() + "tpu.cfg";
  std::ofstream(path) << kGood;
  EXPECT_EQ(load_accelerator(path).name, "tpu");
  EXPECT_THROW(load_accelerator("nowhere.cfg"), InputError);
}

TEST(ScaleSimConfig, mistakes_are_named_with_their_place_and_mend) {
  EXPECT_THAT(message_of(""), HasSubstr("mine.cfg:1:1: `Dataflow` is missing; give one of ws, os, is"));
  EXPECT_THAT(message_of(with("Dataflow : ws", "Dataflow : wos")), HasSubstr("mine.cfg:12:12: unknown dataflow `wos`; did you mean `ws`?"));
  EXPECT_THAT(message_of(with("ArrayHeight:    32", "ArrayHeight:    0")), HasSubstr("mine.cfg:5:17: `ArrayHeight` must lie between 1 and 4096, got `0`"));
  EXPECT_THAT(message_of(with("ArrayHeight:    32", "ArrayHeight: 3x2")), HasSubstr("`ArrayHeight` must be a whole number, got `3x2`"));
  EXPECT_THAT(message_of(with("ArrayHeight:    32", "ArrayHeight: 99999999999999999999")), HasSubstr("must lie between"));
  EXPECT_THAT(message_of(with("ArrayHeight:    32", "ArayHeight: 32")), HasSubstr("mine.cfg:5:1: unknown key `ArayHeight`; did you mean `ArrayHeight`?"));
  EXPECT_THAT(message_of(with("ArrayWidth:     16\n", "")), HasSubstr("`ArrayWidth` is missing; give it, as ArrayWidth : 32"));
  EXPECT_THAT(message_of(with("ArrayWidth:     16", "ArrayWidth 16")), HasSubstr("`ArrayWidth 16` is neither a section nor a key with its value"));
  EXPECT_THAT(message_of(with("ArrayWidth:     16", "ArrayHeight: 16")), HasSubstr("mine.cfg:6:1: `ArrayHeight` stands twice; keep one"));
  EXPECT_THAT(message_of(with("ArrayWidth:     16", "ArrayWidth: 4096")), HasSubstr("mine.cfg:8:18: `FilterSramSzkB` is smaller than one tile: both halves of "
                                                                                    "131072 words need `256`, got `128`; enlarge it"));
  EXPECT_THAT(message_of(with("CALC", "CLAC")), HasSubstr("did you mean `CALC`?"));
  EXPECT_THAT(message_of("[general]\n" + with("CALC", "USER").replace(kGood.find("Bandwidth : 10"), 14, "")), HasSubstr("`Bandwidth` is missing"));
  EXPECT_THAT(message_of("ArrayHeight : 3\n"), HasSubstr("stands before the first section"));
  EXPECT_THAT(message_of("[general\n"), HasSubstr("`[general` is no section"));
}

TEST(ScaleSimConfig, mutated_files_are_read_or_refused) {
  const Mutants mutants{.file = "mine.cfg", .texts = {kGood, with("CALC", "USER")}, .alphabet = "0123456789::==\n\n\t []#;UwsAe\"\\\r\xEF\xFF\x01", .seed = 3};
  const Fates fates = read_or_refuse(mutants, [](const std::string& text) { EXPECT_GE(parsed(text).multipliers(), 1); });
  EXPECT_GT(fates.read, 1000);
  EXPECT_GT(fates.refused, 1000);
}

}  // namespace
}  // namespace convroof::spatial
