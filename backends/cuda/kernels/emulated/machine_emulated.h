// machine.h without a GPU: the lanes of a block are fibers of one thread, and operations of a whole warp are computed from the operands of its 32 lanes
// according to the fragment tables of the PTX ISA (sections on mma.m16n8k16, sparse mma.m16n8k32, ldmatrix). Slow and exact: for tests only.
//
// What it cannot show: races that the lock-step order of fibers hides, bank conflicts, speed.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

#include "backends/cuda/kernels/machine.h"
#include "backends/float16.h"

namespace convroof::gpu {

// Runs a kernel: every block of the grid, one after another; `body` is called once a thread.
struct LaunchShape {
  int grid_x = 1, grid_y = 1, grid_z = 1;
  int threads = 32;
  std::size_t shared_bytes = 0;
};
void emulate(const LaunchShape& shape, const std::function<void()>& body);

// The calling fiber's place.
struct Lane {
  int thread, block_x, block_y, block_z, grid_x, threads;
};
const Lane& this_lane();
std::uint8_t* shared_memory();  // filled with 0xff (NaN) at the start of each block

inline int thread_x() { return this_lane().thread; }
inline int block_x() { return this_lane().block_x; }
inline int block_y() { return this_lane().block_y; }
inline int block_z() { return this_lane().block_z; }
inline int grid_x() { return this_lane().grid_x; }
inline int block_threads() { return this_lane().threads; }
void sync_block();

// Lets the other fibers of the block run; used where a real lane would spin.
void yield_lane();

// A collective of the calling fiber's warp: every lane brings `bytes` of operands; `compute` runs once, when all 32 are there, on the operands of lane 0 .. 31
// (each `stride` bytes after the other) and may change them; each lane gets its part back.
void warp_collective(void* operands, std::size_t bytes, const std::function<void(std::uint8_t* all, std::size_t stride)>& compute);

// The same for the 128 lanes of a warpgroup; meetings of different `channel`s do not touch each other.
void warpgroup_collective(int channel, void* operands, std::size_t bytes, const std::function<void(std::uint8_t* all, std::size_t stride)>& compute);

// Tells the watch over hanging kernels that something has moved.
void note_progress();

inline std::uint32_t shared_address(const void* pointer) { return static_cast<std::uint32_t>(static_cast<const std::uint8_t*>(pointer) - shared_memory()); }

// Copies happen when their group is waited for, as late as the machine may do them: a kernel that reads too early reads what was there before.
void defer_copy(void* shared, const void* global, int bytes, bool is_valid);
void commit_copies();
void wait_copies_pending(int pending);
inline void copy16_async(void* shared, const void* global, bool is_valid) { defer_copy(shared, global, 16, is_valid); }
inline void copy8_async(void* shared, const void* global, bool is_valid) { defer_copy(shared, global, 8, is_valid); }
template <int kPending>
void wait_copies() {
  wait_copies_pending(kPending);
}

void load_matrices(std::uint32_t (&r)[4], const void* row);
void multiply_16x8x16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1);
void multiply_sparse_16x8x32(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[4], std::uint32_t selection);

inline float half_value(std::uint16_t bits) {
  Float16 half;
  half.bits = bits;
  return static_cast<float>(half);
}
inline std::uint16_t half_bits(float value) { return Float16(value).bits; }
inline float low_float(Half2 a) { return half_value(static_cast<std::uint16_t>(a & 0xffff)); }
inline float high_float(Half2 a) { return half_value(static_cast<std::uint16_t>(a >> 16)); }
inline Half2 pack_halves(float low, float high) { return static_cast<std::uint32_t>(half_bits(low)) | (static_cast<std::uint32_t>(half_bits(high)) << 16); }
// One rounding: the product of two FP16 numbers and its sum with a third are exact in double, up to sums whose parts lie more than 53 bits apart.
inline std::uint16_t fused_multiply_add_half(float a, float b, float c) { return half_bits(static_cast<float>(static_cast<double>(a) * b + c)); }
inline Half2 fused_multiply_add(Half2 a, Half2 b, Half2 c) {
  return static_cast<std::uint32_t>(fused_multiply_add_half(low_float(a), low_float(b), low_float(c))) |
         (static_cast<std::uint32_t>(fused_multiply_add_half(high_float(a), high_float(b), high_float(c))) << 16);
}
inline Half2 twice_low(Half2 a) { return (a & 0xffff) | (a << 16); }
inline Half2 twice_high(Half2 a) { return (a >> 16) | (a & 0xffff0000); }

inline Bits128 load128(const void* address) {
  Bits128 value;
  std::memcpy(&value, address, sizeof(value));
  return value;
}
inline void store128(void* address, const Bits128& value) { std::memcpy(address, &value, sizeof(value)); }

inline float exponential(float x) { return std::exp(x); }
inline float hyperbolic_tangent(float x) { return std::tanh(x); }
inline float power(float x, float y) { return std::pow(x, y); }

}  // namespace convroof::gpu
