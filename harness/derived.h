// The numbers of a case that follow from others: rates and intensities. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "backends/backend.h"

namespace convroof {

struct Counts {
  double seconds = 0;  // of one run
  std::uint64_t macs_dense = 0, macs_valid = 0, macs_executed = 0, ops_other = 0;
  std::uint64_t bytes_compulsory = 0, bytes_packed = 0;
  std::optional<std::uint64_t> bytes_dram;
};

struct Rates {
  double ops_per_second = 0;            // (2 macs_executed + ops_other) / s: what roofs are judged by
  double ops_per_second_valid = 0;      // 2 macs_valid / s
  double ops_per_second_effective = 0;  // 2 macs_dense / s: what algorithms and densities are compared by
  // Operations a byte; nothing where there are no bytes to divide by.
  std::optional<double> intensity_effective;  // 2 macs_dense / bytes_compulsory
  std::optional<double> intensity_executed;   // executed operations / bytes_packed
  std::optional<double> intensity_dram;       // executed operations / bytes_dram
};

Rates rates_of(const Counts& counts);

// Bytes that cross the border of the outermost memory; nothing where its traffic is not known.
std::optional<std::uint64_t> dram_bytes(const std::vector<Traffic>& traffic);

}  // namespace convroof
