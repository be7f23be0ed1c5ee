// An accelerator, as its file describes it. docs/backends/spatial.md explains every key with an example.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace convroof::spatial {

// Which family of machines computes the layer. One pair of engine files each, named like this.
enum class Dataflow { systolic_ws, systolic_os, systolic_is };

// Cost of one event, in `unit`.
struct EnergyTable {
  std::string name;  // as in the file's `energy`
  std::string unit;  // pJ, or MAC: relative to one multiply-accumulate
  std::string source;
  double mac = 0, local = 0, array = 0, global = 0, dram = 0;
};

struct Accelerator {
  std::string name;   // the variant: the file's stem
  std::string title;  // for people; the device of its results
  std::string source;
  std::string fidelity;  // chip (published figures exist to check against), family, sketch
  std::vector<std::string> assumptions;

  Dataflow dataflow = Dataflow::systolic_ws;
  std::int64_t rows = 0, columns = 0;  // of PEs
  std::int64_t multipliers_per_pe = 1;
  double clock_hz = 0;
  int word_bits = 16;         // of an input or weight
  int accumulator_bits = 64;  // of a partial sum or output, wherever it is stored

  // Buffers beside the array. Absent: as large as the layer needs.
  std::optional<std::int64_t> input_buffer_bytes, weight_buffer_bytes, output_buffer_bytes;
  std::optional<double> dram_bits_per_cycle;  // of the array's clock, reads and writes together. Absent: memory never waits

  std::optional<EnergyTable> energy;

  std::int64_t multipliers() const { return rows * columns * multipliers_per_pe; }
  double peak_ops_per_second() const { return 2.0 * static_cast<double>(multipliers()) * clock_hz; }
  // Words that may be kept in the working half of a double buffer; the other half is being filled.
  std::int64_t input_half_words() const { return half_words(input_buffer_bytes, word_bits); }
  std::int64_t weight_half_words() const { return half_words(weight_buffer_bytes, word_bits); }
  std::int64_t output_half_words() const { return half_words(output_buffer_bytes, accumulator_bits); }

 private:
  static std::int64_t half_words(const std::optional<std::int64_t>& bytes, int bits);
};

std::string_view name_of(Dataflow dataflow);

// Throws InputError (file:line:column, the word, the mend). The name is the file's stem.
Accelerator read_accelerator(const std::string& path);
Accelerator parse_accelerator(std::string_view text, const std::string& shown_name);

// A shipped accelerator's name or a path. Throws InputError, or std::invalid_argument for an unknown name.
Accelerator load_accelerator(std::string_view name_or_path);
std::vector<std::string> shipped_accelerator_names();  // in the order of tables

}  // namespace convroof::spatial
