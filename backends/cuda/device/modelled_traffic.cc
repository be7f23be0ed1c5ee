#include "backends/cuda/device/modelled_traffic.h"

namespace convroof::cuda {

std::vector<Traffic> modelled_dram_traffic(const TouchedBytes& touched, CacheState cache, std::int64_t l2_bytes) {
  const std::uint64_t working_set = touched.input + touched.weights + touched.output + touched.partial;
  const bool stays = cache == CacheState::warm && working_set <= static_cast<std::uint64_t>(l2_bytes);
  const auto moved = [stays](std::uint64_t bytes) { return stays ? 0 : bytes; };
  std::vector<Traffic> traffic = {
      {.level = "dram", .operand = "input", .reads = moved(touched.input), .writes = 0, .word_bytes = 1},
      {.level = "dram", .operand = "weight", .reads = moved(touched.weights), .writes = 0, .word_bytes = 1},
      {.level = "dram", .operand = "output", .reads = 0, .writes = moved(touched.output), .word_bytes = 1},
  };
  if (touched.partial > 0)
    traffic.push_back({.level = "dram", .operand = "psum", .reads = moved(touched.partial), .writes = moved(touched.partial), .word_bytes = 1});
  return traffic;
}

}  // namespace convroof::cuda
