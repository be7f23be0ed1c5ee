// How many blocks of one of our kernels fit a multiprocessor, from the registers that ptxas reported and the limits of a device. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "backends/cuda/convolution/geometry.h"
#include "backends/cuda/device/profiles.h"

namespace convroof::cuda {

struct BlockNeeds {
  int threads = 0, registers_a_thread = 0, shared_bytes = 0;
};
struct Occupancy {
  int blocks = 0;             // a multiprocessor
  double share_of_warps = 0;  // of the most that it can hold
  std::string limit;          // what ends it: "registers", "shared memory", "threads" or "blocks"
};
// Registers are given to warps in units of 256, shared memory to blocks in units of 128 bytes (256 on compute capability 7.5): CUDA programming guide,
// technical specifications per compute capability, and the occupancy calculator's table.
Occupancy occupancy(const BlockNeeds& needs, const DescribedDevice& device);

// Of a compiled kernel, from backends/cuda/kernel_resources.tsv; nothing where the list does not have it.
struct CompiledKernel {
  int registers = 0, spilled_bytes = 0;
};
std::optional<CompiledKernel> compiled_kernel(const std::string& architecture, const std::string& kernel, const std::string& tile, const std::string& copy);

// What can be said about a case of our own kernels without a device: "tile", "splits", "threads_a_block", "shared_bytes_a_block", "registers_a_thread",
// "blocks_a_multiprocessor" ... on a described device. Never throws; what goes wrong is the fact "kernel_refused".
std::map<std::string, std::string> described_kernel_facts(KernelClass kind, const Case& c, const std::string& profile);

}  // namespace convroof::cuda
