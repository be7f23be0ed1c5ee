#include "harness/derived.h"

namespace convroof {
namespace {

std::optional<double> per_byte(double operations, std::uint64_t bytes) {
  if (bytes == 0) return std::nullopt;
  return operations / static_cast<double>(bytes);
}

}  // namespace

Rates rates_of(const Counts& c) {
  const double executed = 2 * static_cast<double>(c.macs_executed) + static_cast<double>(c.ops_other);
  Rates rates;
  rates.ops_per_second = executed / c.seconds;
  rates.ops_per_second_valid = 2 * static_cast<double>(c.macs_valid) / c.seconds;
  rates.ops_per_second_effective = 2 * static_cast<double>(c.macs_dense) / c.seconds;
  rates.intensity_effective = per_byte(2 * static_cast<double>(c.macs_dense), c.bytes_compulsory);
  rates.intensity_executed = per_byte(executed, c.bytes_packed);
  if (c.bytes_dram) rates.intensity_dram = per_byte(executed, *c.bytes_dram);
  return rates;
}

std::optional<std::uint64_t> dram_bytes(const std::vector<Traffic>& traffic) {
  std::optional<std::uint64_t> bytes;
  for (const Traffic& t : traffic)
    if (t.level == "dram") bytes = bytes.value_or(0) + (t.reads + t.writes) * static_cast<std::uint64_t>(t.word_bytes);
  return bytes;
}

}  // namespace convroof
