// Accelerator files: what is read, and what a person who made a mistake is told.
#include "backends/spatial/model/accelerator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "backends/spatial/model/energy.h"
#include "backends/spatial/model/outcome.h"

#include <fstream>
#include <iterator>

#include "tests/backends/spatial/accelerator_message.h"
#include "tests/workloads/mutated_files.h"
#include "workloads/data_folder.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

using ::testing::HasSubstr;

const std::string kGood = R"(dataflow = "weight-stationary"
rows = 4
columns = 8
clock_hz = 2e8
word_bits = 16

[buffer.input]
bytes = 1024

[dram]
bits_per_cycle = 64
)";

std::string with(const std::string& old_text, const std::string& new_text) {
  std::string text = kGood;
  text.replace(text.find(old_text), old_text.size(), new_text);
  return text;
}

TEST(Accelerator, reads_what_is_written) {
  const Accelerator a = parse_accelerator(kGood, "folder/mine.toml");
  EXPECT_EQ(a.name, "mine");
  EXPECT_EQ(a.dataflow, "weight-stationary");
  const SystolicArray& array = std::get<SystolicArray>(a.array);
  EXPECT_EQ(array.stationary, Stationary::weight);
  EXPECT_EQ(a.multipliers(), 32);
  EXPECT_EQ(a.peak_ops_per_second(), 2 * 32 * 2e8);
  EXPECT_EQ(array.input_half_words(a), 256);
  EXPECT_EQ(array.weight_half_words(a), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(a.dram_bits_per_cycle, 64);
  EXPECT_FALSE(a.energy.has_value());
  EXPECT_EQ(a.fidelity, "sketch");  // until its author says more
}

TEST(Accelerator, the_bus_may_have_a_clock_of_its_own) {
  EXPECT_EQ(parse_accelerator(with("bits_per_cycle = 64", "width_bits = 64\nclock_hz = 5e7"), "mine.toml").dram_bits_per_cycle, 16);
  EXPECT_THAT(message_of(with("bits_per_cycle = 64", "width_bits = 64")), HasSubstr("`clock_hz` is missing; give the clock of the bus"));
  EXPECT_THAT(message_of(with("bits_per_cycle = 64", "bits_per_cycle = 64\nwidth_bits = 64")), HasSubstr("say the same; keep one of them"));
}

TEST(Accumulator, meets_its_ends_as_the_file_says) {
  const Accumulator saturating{.bits = 24};
  EXPECT_EQ(saturating.add(8388600, 4, 3), 8388607);
  EXPECT_EQ(saturating.add(-8388600, -4, 3), -8388608);
  EXPECT_EQ(saturating.add(8388600, 7, 1), 8388607);
  const Accumulator wrapping{.bits = 24, .overflow = Overflow::wrap};
  EXPECT_EQ(wrapping.add(8388607, 1, 1), -8388608);
  EXPECT_EQ(wrapping.add(-8388608, -1, 1), 8388607);
  EXPECT_EQ(Accumulator{}.add(INT64_MAX - 5, 5, 1), INT64_MAX);
  EXPECT_EQ((Accumulator{.dropped_bits = 2}.product(-5, 3)), -4);                                 // floor(-3.75)
  EXPECT_EQ((Accumulator{.dropped_bits = 2, .rounding = Rounding::nearest}.product(-7, 2)), -3);  // -3.5, ties upwards
  EXPECT_TRUE(Accumulator{}.is_exact());
  EXPECT_FALSE(saturating.is_exact());
}

TEST(Accelerator, mistakes_are_named_with_their_place_and_mend) {
  EXPECT_THAT(message_of(with("rows = 4", "rows = 0")), HasSubstr("mine.toml:2:8: `rows` must lie between 1 and 4096, got `0`"));
  EXPECT_THAT(message_of(with("rows = 4\n", "")), HasSubstr("`rows` is missing; give it, as rows = 16"));
  EXPECT_THAT(message_of(with("weight-stationary", "weight-stationery")),
              HasSubstr("mine.toml:1:12: unknown dataflow `weight-stationery`; did you mean `weight-stationary`?"));
  EXPECT_THAT(message_of(with("columns = 8", "columns = 99999999999999")), HasSubstr("mine.toml:3:11"));
  EXPECT_THAT(message_of(with("columns", "colums")), HasSubstr("did you mean `columns`?"));
  EXPECT_THAT(message_of(with("bytes = 1024", "bytes = 15")), HasSubstr("mine.toml:8:9: the input buffer is smaller than one tile"));
  EXPECT_THAT(message_of(with("bits_per_cycle = 64", "bits_per_cycle = 0")), HasSubstr("mine.toml:11:18: `bits_per_cycle` must lie between"));
  EXPECT_THAT(message_of(with("clock_hz = 2e8", "clock_hz = \"fast\"")), HasSubstr("`clock_hz` must be a number, got a string `fast`"));
  EXPECT_THAT(message_of(with("word_bits = 16", "word_bits = 8")), HasSubstr("`word_bits` must lie between 16 and 64"));
  EXPECT_THAT(message_of(with("word_bits = 16", "fidelity = \"exact\"")), HasSubstr("unknown fidelity `exact`"));
  EXPECT_THAT(message_of(with("word_bits = 16", "energy = \"isca2061\"")), HasSubstr("unknown energy table `isca2061`; did you mean `isca2016`?"));
  const std::string with_sums = kGood + "[accumulator]\n";
  EXPECT_THAT(message_of(with_sums + "bits = 12"), HasSubstr("`bits` must lie between 16 and 64, got `12`"));
  EXPECT_THAT(message_of(with_sums + "bits = 20"), HasSubstr("`bits` must be a multiple of 8, got `20`"));
  EXPECT_THAT(message_of(with_sums + "overflow = \"saturated\""), HasSubstr("unknown overflow `saturated`; did you mean `saturate`?"));
  EXPECT_THAT(message_of(with_sums + "bits = 24"), HasSubstr("a systolic array here adds up exactly, in 64 bits; leave [accumulator] out"));
  EXPECT_THAT(message_of("dataflow = ["), HasSubstr("mine.toml:1:"));
  EXPECT_THAT(message_of(""), HasSubstr("`dataflow` is missing"));
}

// `energy` names a shipped table or a file beside the accelerator's own.
TEST(Accelerator, energy_by_a_named_table_or_a_file_of_the_users_own) {
  for (const char* table : {"isca2016", "horowitz2014", "horowitz2014-16bit", "jouppi2021"}) {
    const Accelerator a = parse_accelerator("energy = \"" + std::string(table) + "\"\n" + kGood, "mine.toml");
    ASSERT_TRUE(a.energy) << table;
    EXPECT_EQ(a.energy->name, table);
    EXPECT_FALSE(a.energy->source.empty()) << table;
    EXPECT_LE(a.energy->local, a.energy->global) << table;
    EXPECT_LT(a.energy->global, a.energy->dram) << table;
  }
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "convroof-energy";
  std::filesystem::create_directories(folder);
  const std::string accelerator = (folder / "mine.toml").string();
  std::ofstream(accelerator) << "energy = \"./costs.toml\"\n" << kGood;
  const auto with_costs = [&](const std::string& text) {
    std::ofstream(folder / "costs.toml") << text;
    return read_accelerator(accelerator);
  };
  const Accelerator a = with_costs("unit = \"pJ\"\nmac = 1.5\nlocal = 0.25\narray = 0.5\nglobal = 4\ndram = 160\n");
  EXPECT_EQ(a.energy->name, "costs");
  EXPECT_EQ(a.energy->unit, "pJ");
  Outcome o;
  o.macs = 10, o.macs_gated = 2;
  o.accesses.at(Level::local, Operand::psum).reads = 3, o.accesses.at(Level::dram, Operand::input).reads = 2;
  const auto energy = energy_of(*a.energy, o);
  EXPECT_DOUBLE_EQ(energy.at("mac"), 8 * 1.5);
  EXPECT_DOUBLE_EQ(energy.at("local"), 3 * 0.25);
  EXPECT_DOUBLE_EQ(energy.at("dram"), 2 * 160.0);
  try {
    with_costs("unit = \"pJ\"\nmac = 1.5\nlocal = 0.25\narray = 0.5\nglobal = 4\n");
    FAIL() << "a table without dram was taken";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("costs.toml:1:"));
    EXPECT_THAT(error.what(), HasSubstr("`dram`"));
  }
  std::filesystem::remove_all(folder);
}

TEST(Accelerator, shipped_files_are_complete) {
  const std::vector<std::string> names = shipped_accelerator_names();
  EXPECT_THAT(names, ::testing::IsSupersetOf({"systolic-ws", "systolic-os", "systolic-is"}));
  for (const std::string& name : names) {
    const Accelerator a = load_accelerator(name);
    EXPECT_EQ(a.name, name);
    EXPECT_FALSE(a.title.empty()) << name;
    EXPECT_FALSE(a.source.empty()) << name;
    EXPECT_TRUE(a.energy.has_value()) << name;
    if (a.fidelity != "chip") {
      EXPECT_FALSE(a.assumptions.empty()) << name;
    }
  }
  EXPECT_THROW(load_accelerator("systolic"), std::invalid_argument);
}

TEST(Accelerator, mutated_files_are_read_or_refused) {
  Mutants mutants{.file = "mine.toml", .texts = {}, .alphabet = "[]{}=\"'#\n\t ,.-+0123456789eabdl_\\\x01\xff", .times = 6000, .seed = 7};
  for (const std::string& name : shipped_accelerator_names()) {
    std::ifstream file(find_data("backends/spatial/accelerators/" + name + ".toml"));
    mutants.texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    EXPECT_EQ(message_of(mutants.texts.back()), "no error") << name;
  }
  LayerSpec layer;
  layer.in_channels = 3, layer.out_channels = 5, layer.in_height = layer.in_width = 9, layer.kernel_height = layer.kernel_width = 3;
  layer.out_height = layer.out_width = 7;
  const Fates fates = read_or_refuse(mutants, [&](const std::string& text) {
    const Accelerator a = parse_accelerator(text, "mine.toml");
    EXPECT_GE(a.multipliers(), 1);
    EXPECT_NO_THROW(why_not(a, layer, 3));
  });
  EXPECT_GT(fates.read, 500);
  EXPECT_GT(fates.refused, 1000);
}

}  // namespace
}  // namespace convroof::spatial
