#include "backends/cuda/convolution/occupancy.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

#include "backends/cuda/convolution/tiles.h"
#include "backends/cuda/convolution/wgmma_maps.h"
#include "workloads/checked.h"
#include "workloads/data_folder.h"

namespace convroof::cuda {
namespace {

constexpr int kWarp = 32, kRegistersAUnit = 256;

int round_up(int value, int unit) { return (value + unit - 1) / unit * unit; }

const char* class_name(KernelClass kind) {
  switch (kind) {
    case KernelClass::half2:
      return "half2";
    case KernelClass::mma:
      return "mma";
    case KernelClass::mma_2of4:
      return "mma-2of4";
    case KernelClass::wgmma:
      return "wgmma";
    case KernelClass::wgmma_2of4:
      return "wgmma-2of4";
  }
  return "";
}

// The machine code of the default build that a device runs: the newest of 7.5, 8.0 and 9.0 that is not newer than the device and of its generation.
const char* architecture_for(KernelClass kind, int compute_capability) {
  if (is_wgmma(kind)) return "sm_90a";
  return compute_capability >= 90 ? "sm_90" : compute_capability >= 80 ? "sm_80" : "sm_75";
}

}  // namespace

Occupancy occupancy(const BlockNeeds& needs, const DescribedDevice& device) {
  const int warps = (needs.threads + kWarp - 1) / kWarp;
  const int registers = warps * round_up(needs.registers_a_thread * kWarp, kRegistersAUnit);
  const int shared = round_up(needs.shared_bytes + device.reserved_bytes_a_block, device.compute_capability >= 80 ? 128 : 256);
  Occupancy best{std::numeric_limits<int>::max(), 0, ""};
  const auto limit = [&](int blocks, const char* name) {
    if (blocks < best.blocks) best.blocks = blocks, best.limit = name;
  };
  limit(device.blocks, "blocks");
  limit(device.threads / (warps * kWarp), "threads");
  if (registers > 0) limit(device.registers / registers, "registers");
  if (shared > 0) limit(device.shared_bytes / shared, "shared memory");
  best.share_of_warps = static_cast<double>(best.blocks) * warps / (static_cast<double>(device.threads) / kWarp);
  return best;
}

std::optional<CompiledKernel> compiled_kernel(const std::string& architecture, const std::string& kernel, const std::string& tile, const std::string& copy) {
  std::ifstream file(find_data("backends/cuda/kernel_resources.tsv"));
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string found_architecture, found_kernel, found_tile, found_copy;
    CompiledKernel compiled;
    if (fields >> found_architecture >> found_kernel >> found_tile >> found_copy >> compiled.registers >> compiled.spilled_bytes &&
        found_architecture == architecture && found_kernel == kernel && found_tile == tile && found_copy == copy)
      return compiled;
  }
  return std::nullopt;
}

std::map<std::string, std::string> described_kernel_facts(KernelClass kind, const Case& c, const std::string& profile) {
  std::map<std::string, std::string> facts = {{"described_device", profile}};
  try {
    const DescribedDevice device = described_device(profile);
    const Geometry geometry = geometry_of(c, kind);
    const bool gathers = must_gather(c, geometry);
    const std::vector<Tile> tiles = tiles_of(kind, gathers);
    const TileChoice choice = choose_tile(geometry, tiles, step_of(kind), device.multiprocessors);
    const Tile tile = tiles[static_cast<std::size_t>(choice.tile)];
    const TileResources resources = resources_of(kind, gathers, geometry.vector, choice.tile);
    facts["tile"] = fmt::format("{}x{}x{}", tile.rows, tile.columns, step_of(kind));
    facts["splits"] = fmt::format("{}", choice.splits);
    facts["channels_a_copy"] = fmt::format("{}", geometry.vector);
    facts["padded_reduction"] = fmt::format("{} of {}", c.layer.reduction_length(), geometry.reduction);
    if (is_wgmma(kind)) facts["pixels_copied_by"] = gathers ? "threads" : "copy engine, im2col";
    facts["threads_a_block"] = fmt::format("{}", resources.threads);
    facts["shared_bytes_a_block"] = fmt::format("{}", resources.shared_bytes);
    const char* const architecture = architecture_for(kind, device.compute_capability);
    const std::string copy = is_wgmma(kind) ? (gathers ? "gathered" : "copied") : fmt::format("vector{}", geometry.vector);
    const auto compiled = compiled_kernel(architecture, class_name(kind), fmt::format("{}x{}", tile.rows, tile.columns), copy);
    if (!compiled) return facts;
    facts["machine_code"] = architecture;
    facts["registers_a_thread"] = fmt::format("{}", compiled->registers);
    facts["spilled_bytes"] = fmt::format("{}", compiled->spilled_bytes);
    const Occupancy fits = occupancy({resources.threads, compiled->registers, resources.shared_bytes}, device);
    facts["blocks_a_multiprocessor"] = fmt::format("{}", fits.blocks);
    facts["occupancy"] = fmt::format("{:.3f}, by {}", fits.share_of_warps, fits.limit);
  } catch (const std::exception& error) {
    facts["kernel_refused"] = error.what();
  }
  return facts;
}

}  // namespace convroof::cuda
