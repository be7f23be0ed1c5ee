#include "harness/run_folder.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "harness/command_line.h"

namespace convroof {
namespace {

namespace fs = std::filesystem;

class RunFolderTest : public ::testing::Test {
 protected:
  RunFolderTest() : path_((fs::temp_directory_path() / ("convroof-folder-" + std::to_string(getpid()))).string()) { fs::remove_all(path_); }
  ~RunFolderTest() override { fs::remove_all(path_); }
  std::string content(const std::string& name) const {
    std::ifstream stream(path_ + "/" + name);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
  }
  static Row row(const std::string& name) { return {{"name", name}, {"outcome", "measured"}}; }
  std::string path_;
};

TEST_F(RunFolderTest, keeps_a_line_a_case_and_finds_it_again) {
  {
    RunFolder folder = RunFolder::create(path_, false);
    folder.append(row("a"));
    folder.append(row("b"));
  }
  RunFolder folder = RunFolder::resume(path_);
  EXPECT_EQ(folder.finished_rows().size(), 2u);
  folder.append(row("a"));
  EXPECT_EQ(folder.finished_rows().size(), 2u);
}

TEST_F(RunFolderTest, is_not_made_where_something_lies) {
  fs::create_directories(path_);
  std::ofstream(path_ + "/precious.txt") << "keep me";
  EXPECT_THROW(RunFolder::create(path_, false), UsageError);
  RunFolder::create(path_, true);
  EXPECT_EQ(content("precious.txt"), "keep me");
  EXPECT_THROW(RunFolder::create(path_ + "/precious.txt", true), UsageError);
}

TEST_F(RunFolderTest, cannot_be_resumed_where_there_is_no_run) { EXPECT_THROW(RunFolder::resume(path_), UsageError); }

TEST_F(RunFolderTest, drops_a_last_line_that_was_cut_short) {
  {
    RunFolder folder = RunFolder::create(path_, false);
    folder.append(row("a"));
    std::ofstream(path_ + "/journal.jsonl", std::ios::app) << R"({"name":"b","outco)";
  }
  RunFolder folder = RunFolder::resume(path_);
  EXPECT_EQ(folder.finished_rows().size(), 1u);
  folder.append(row("c"));
  EXPECT_EQ(folder.finished_rows().size(), 2u);
}

TEST_F(RunFolderTest, names_the_line_that_is_no_case) {
  {
    RunFolder folder = RunFolder::create(path_, false);
    std::ofstream(path_ + "/journal.jsonl", std::ios::app) << "nonsense\n";
    folder.append(row("a"));
  }
  RunFolder folder = RunFolder::resume(path_);
  try {
    folder.finished_rows();
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("journal.jsonl:1"), std::string::npos);
  }
}

// A file that may not grow stands for a disk that is full: the write fails, and what was there before stays whole.
TEST_F(RunFolderTest, loses_nothing_when_the_disk_is_full) {
  RunFolder folder = RunFolder::create(path_, false);
  folder.append(row("a"));
  folder.write_run({{"old", 1}});
  const std::string journal = content("journal.jsonl"), run = content("run.json");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{journal.size() + 10, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(folder.append(row("a second case")), OutputError);
  EXPECT_THROW(folder.write_run({{"new", std::string(1000, 'x')}}), OutputError);
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(content("journal.jsonl"), journal);
  EXPECT_EQ(content("run.json"), run);
  EXPECT_FALSE(fs::exists(path_ + "/run.json.tmp"));
}

TEST_F(RunFolderTest, replaces_no_device_by_a_file) {
  EXPECT_THROW(write_atomically("/dev/full", "text"), OutputError);
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

}  // namespace
}  // namespace convroof
