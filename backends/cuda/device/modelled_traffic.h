// Bytes that a run should move, for devices whose counters may not be read. Pure. Rows say `modelled`: an estimate from sizes, never a measurement.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/backend.h"

namespace convroof::cuda {

// What a prepared kernel touches, in bytes.
struct TouchedBytes {
  std::uint64_t input = 0, weights = 0;  // read; weights with bias, selection words and tables
  std::uint64_t output = 0;              // written
  std::uint64_t partial = 0;             // partial sums or workspace: written, then read
};

// Words of one byte. Cold caches: each operand comes from memory once and the output goes there once. Warm: the same, unless everything fits into the
// level-two cache (`l2_bytes`), from which nothing has to leave between runs; then 0.
std::vector<Traffic> modelled_dram_traffic(const TouchedBytes& touched, CacheState cache, std::int64_t l2_bytes);

}  // namespace convroof::cuda
