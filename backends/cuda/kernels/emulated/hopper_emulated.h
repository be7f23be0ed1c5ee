// Hopper's own operations on the emulated machine: barriers with byte counts, the bulk copy engine, wgmma. Copies and products are done when they are issued;
// a multiplication reads shared memory through the same descriptors and swizzles as the device (PTX ISA, sections on matrix descriptors and swizzling modes).
#pragma once

#include <cstdint>

#include "backends/cuda/kernels/machine.h"
#include "backends/cuda/kernels/tensor_map.h"

#define CONVROOF_HAS_WGMMA 1

namespace convroof::gpu {

// Descriptions as the emulated copy engine reads them.
TensorMap emulated_map(const MatrixDescription& matrix);
TensorMap emulated_map(const PixelDescription& pixels);

void barrier_init(std::uint64_t* barrier, int arrivals);
inline void fence_barrier_init() {}
void barrier_expect(std::uint64_t* barrier, int bytes);
void barrier_arrive(std::uint64_t* barrier);
void barrier_wait(std::uint64_t* barrier, int parity);
void sync_warpgroup(int id);
inline void fence_async_proxy() {}

void copy_matrix_async(void* shared, const TensorMap* map, std::uint64_t* barrier, int element, int row);
void copy_pixels_async(void* shared, const TensorMap* map, std::uint64_t* barrier, int channel, int column, int row, int image, int tap_column, int tap_row);

template <int kRegisters>
void release_registers() {}
template <int kRegisters>
void claim_registers() {}

inline void wgmma_fence() {}
inline void wgmma_commit() {}
template <int kPending>
void wgmma_wait() {}

// As the device's descriptors: offset in shared memory >> 4, distance of groups of 8 rows, swizzle.
inline std::uint64_t operand_128(const void* address) {
  return static_cast<std::uint64_t>((shared_address(address) & 0x3ffff) >> 4) | (std::uint64_t{1} << 16) | (std::uint64_t{1024 >> 4} << 32) |
         (std::uint64_t{1} << 62);
}
inline std::uint64_t operand_64(const void* address) {
  return static_cast<std::uint64_t>((shared_address(address) & 0x3ffff) >> 4) | (std::uint64_t{1} << 16) | (std::uint64_t{512 >> 4} << 32) |
         (std::uint64_t{2} << 62);
}

void wgmma_emulated(float* d, int columns, std::uint64_t a, std::uint64_t b, bool adds);
void wgmma_sparse_emulated(float* d, int columns, std::uint64_t a, std::uint64_t b, std::uint32_t selection, bool adds);
template <int kColumns>
void wgmma(float (&d)[kColumns / 2], std::uint64_t a, std::uint64_t b, bool adds) {
  wgmma_emulated(d, kColumns, a, b, adds);
}
template <int kColumns>
void wgmma_sparse(float (&d)[kColumns / 2], std::uint64_t a, std::uint64_t b, std::uint32_t selection, bool adds) {
  wgmma_sparse_emulated(d, kColumns, a, b, selection, adds);
}

}  // namespace convroof::gpu
