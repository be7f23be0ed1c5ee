// The buffers at the edge of an array: one for inputs, one for weights, one for outputs and waiting partial sums.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace convroof {
class TomlTable;
}

namespace convroof::spatial {

struct EdgeBuffers {
  std::optional<std::int64_t> input_bytes, weight_bytes, output_bytes;  // absent: as large as the layer needs
  bool is_double = true;                                                // one half works while the other is filled; false: all of it works

  // Words of so many bits that the working part of a buffer holds.
  std::int64_t words(const std::optional<std::int64_t>& bytes, int bits) const;
};

// Reads [buffer], with its keys `double` and the tables input, weight and output (each: bytes).
EdgeBuffers read_edge_buffers(const TomlTable& root);

// Throws InputError if the working part of a buffer is smaller than `words` words of so many bits. `buffer`: input, weight or output.
void require_words(const TomlTable& root, const EdgeBuffers& buffers, std::string_view buffer, std::int64_t words, int bits);

}  // namespace convroof::spatial
