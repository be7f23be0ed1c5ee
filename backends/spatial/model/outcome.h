// What a simulated machine did with one layer, apart from the output it computed. Both engines fill one; tests require them equal in every field.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace convroof::spatial {

// From the outside in. A word is counted once, at the level it comes from (read) or goes to (write): a fill of the global buffer is a read of dram.
//   dram    off the chip
//   global  buffers beside the array, at the array's edge
//   array   from a PE's register to its neighbour
//   local   registers and scratchpads inside a PE, at its multiplier and adder
enum class Level : std::size_t { dram, global, array, local };
// psum: a sum that is not finished yet (it waits for more products). output: a finished one.
enum class Operand : std::size_t { input, weight, psum, output };

inline constexpr std::array<Level, 4> kLevels = {Level::dram, Level::global, Level::array, Level::local};
inline constexpr std::array<Operand, 4> kOperands = {Operand::input, Operand::weight, Operand::psum, Operand::output};

std::string_view name_of(Level level);
std::string_view name_of(Operand operand);

// Words.
struct Access {
  std::uint64_t reads = 0, writes = 0;
  bool operator==(const Access&) const = default;
};

class Accesses {
 public:
  Access& at(Level level, Operand operand) { return words_[static_cast<std::size_t>(level)][static_cast<std::size_t>(operand)]; }
  const Access& at(Level level, Operand operand) const { return words_[static_cast<std::size_t>(level)][static_cast<std::size_t>(operand)]; }
  std::uint64_t reads(Level level, Operand operand) const { return at(level, operand).reads; }
  std::uint64_t writes(Level level, Operand operand) const { return at(level, operand).writes; }
  std::uint64_t total(Level level) const;  // reads and writes of all operands
  bool operator==(const Accesses&) const = default;

 private:
  std::array<std::array<Access, 4>, 4> words_{};
};

struct Outcome {
  std::uint64_t cycles = 0;         // clocks of the array with memory that never waits
  std::uint64_t stall_cycles = 0;   // added by finite bandwidth
  std::uint64_t macs = 0;           // multiplications that PEs did, on padding too where the machine streams it
  std::uint64_t macs_gated = 0;     // of them with a zero operand, where the machine sees zeros and saves the energy (not the clock)
  std::uint64_t pe_active = 0;      // PEs that the mapping uses, at its widest
  std::uint64_t padding_words = 0;  // zeros put into the array for padding; they are made at its edge and never fetched
  Accesses accesses;
  // What only some machines have, by name: macs_skipped, index_words, passes ... Reach the results file as facts. Zero and absent are different.
  std::map<std::string, std::uint64_t> counts;
  bool operator==(const Outcome&) const = default;
};

// Fields that differ, one line each: "cycles: 12 and 13". Empty when equal.
std::string differences(const Outcome& a, const Outcome& b);

}  // namespace convroof::spatial
