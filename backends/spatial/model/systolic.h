// Systolic arrays: a rectangle of PEs, each with one multiplier, and three double buffers at its edge.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace convroof {
class TomlTable;
struct LayerSpec;
}  // namespace convroof

namespace convroof::spatial {

struct Accelerator;

enum class Stationary { weight, output, input };  // what stays in a PE

struct SystolicArray {
  Stationary stationary = Stationary::weight;
  std::int64_t rows = 0, columns = 0;  // of PEs

  // Buffers beside the array. Absent: as large as the layer needs.
  std::optional<std::int64_t> input_buffer_bytes, weight_buffer_bytes, output_buffer_bytes;

  std::int64_t multipliers() const { return rows * columns; }
  std::string shape() const;  // "16 x 16 PEs"
  // Words that may be kept in the working half of a double buffer; the other half is being filled.
  std::int64_t input_half_words(const Accelerator& a) const;
  std::int64_t weight_half_words(const Accelerator& a) const;
  std::int64_t output_half_words(const Accelerator& a) const;
};

// Its keys: rows, columns, multipliers_per_pe (1), [buffer.input], [buffer.weight], [buffer.output].
SystolicArray read_systolic(const TomlTable& root, const Accelerator& shared, Stationary stationary);

// Every layer runs: what does not fit the buffers waits outside.
inline std::string why_not(const Accelerator&, const SystolicArray&, const LayerSpec&, std::int64_t /*batch*/) { return ""; }

}  // namespace convroof::spatial
