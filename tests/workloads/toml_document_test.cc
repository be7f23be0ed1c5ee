#include "workloads/toml_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace convroof {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(TomlDocument, syntax_errors_name_place_and_word) {
  const std::string error = error_of([] { TomlDocument::parse("a = 1\nb = = 2\n", "x.toml"); });
  EXPECT_THAT(error, StartsWith("x.toml:2:"));
  EXPECT_THAT(error, HasSubstr("`="));
}

TEST(TomlDocument, wrong_type_and_range_name_key_and_value) {
  const TomlDocument document = TomlDocument::parse("a = \"seven\"\nb = 12\n", "x.toml");
  const std::string type = error_of([&] { document.root().integer("a", 0, 9); });
  EXPECT_THAT(type, StartsWith("x.toml:1:5:"));
  EXPECT_THAT(type, HasSubstr("seven"));
  const std::string range = error_of([&] { document.root().integer("b", 0, 9); });
  EXPECT_THAT(range, StartsWith("x.toml:2:5:"));
  EXPECT_THAT(range, HasSubstr("`12`"));
}

TEST(TomlDocument, unknown_keys_name_the_nearest) {
  const TomlDocument document = TomlDocument::parse("strid = 2\n", "x.toml");
  const std::string error = error_of([&] { document.root().allow_only({"stride", "padding"}); });
  EXPECT_THAT(error, HasSubstr("`strid`"));
  EXPECT_THAT(error, HasSubstr("`stride`"));
}

TEST(TomlDocument, no_file_folder_and_size_are_told_apart) {
  EXPECT_THAT(error_of([] { TomlDocument::read("/nonexistent.toml"); }), HasSubstr("no such file"));
  EXPECT_THAT(error_of([] { TomlDocument::read("/tmp"); }), HasSubstr("folder"));
  EXPECT_THAT(error_of([] { TomlDocument::read("/dev/zero"); }), HasSubstr("larger than"));
}

TEST(TomlDocument, not_a_number_is_no_number) {
  const TomlDocument document = TomlDocument::parse("a = nan\nb = inf\n", "x.toml");
  EXPECT_THAT(error_of([&] { document.root().number("a", 0, 1); }), HasSubstr("between"));
  EXPECT_THAT(error_of([&] { document.root().number("b", 0, 1); }), HasSubstr("between"));
}

TEST(TomlDocument, integers_that_no_double_holds_are_numbers) {
  const TomlDocument document = TomlDocument::parse("a = 9223372036854775807\n", "x.toml");
  EXPECT_EQ(document.root().number("a", 0, 1e19), 9223372036854775808.0);
  EXPECT_THAT(error_of([&] { document.root().number("a", 0, 1); }), StartsWith("x.toml:1:5: `a` must lie between 0 and 1, got `9223372036854775807`"));
}

}  // namespace
}  // namespace convroof
