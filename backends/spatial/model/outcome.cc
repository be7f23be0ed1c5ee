#include "backends/spatial/model/outcome.h"

#include <fmt/format.h>

namespace convroof::spatial {

std::string_view name_of(Level level) {
  static constexpr std::array<std::string_view, 4> kNames = {"dram", "global", "array", "local"};
  return kNames[static_cast<std::size_t>(level)];
}

std::string_view name_of(Operand operand) {
  static constexpr std::array<std::string_view, 4> kNames = {"input", "weight", "psum", "output"};
  return kNames[static_cast<std::size_t>(operand)];
}

std::uint64_t Accesses::total(Level level) const {
  std::uint64_t sum = 0;
  for (const Operand operand : kOperands) sum += reads(level, operand) + writes(level, operand);
  return sum;
}

std::string differences(const Outcome& a, const Outcome& b) {
  std::string text;
  const auto compare = [&](std::string_view what, std::uint64_t x, std::uint64_t y) {
    if (x != y) text += fmt::format("{}: {} and {}\n", what, x, y);
  };
  compare("cycles", a.cycles, b.cycles);
  compare("stall_cycles", a.stall_cycles, b.stall_cycles);
  compare("macs", a.macs, b.macs);
  compare("macs_gated", a.macs_gated, b.macs_gated);
  compare("pe_active", a.pe_active, b.pe_active);
  compare("padding_words", a.padding_words, b.padding_words);
  for (const Level level : kLevels)
    for (const Operand operand : kOperands) {
      compare(fmt::format("{}.{}.reads", name_of(level), name_of(operand)), a.accesses.reads(level, operand), b.accesses.reads(level, operand));
      compare(fmt::format("{}.{}.writes", name_of(level), name_of(operand)), a.accesses.writes(level, operand), b.accesses.writes(level, operand));
    }
  for (const auto& [name, value] : a.counts) {
    const auto other = b.counts.find(name);
    if (other == b.counts.end())
      text += fmt::format("{}: {} and absent\n", name, value);
    else
      compare(name, value, other->second);
  }
  for (const auto& [name, value] : b.counts)
    if (!a.counts.contains(name)) text += fmt::format("{}: absent and {}\n", name, value);
  return text;
}

}  // namespace convroof::spatial
