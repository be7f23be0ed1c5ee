// Loops that do nothing but one kind of instruction, as fast as the CPU can: what roofs are measured with. Compiled for every SIMD target, dispatched at run
// time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace convroof {

// One loop over the instructions of one type. `operations(iterations)` are multiplications and additions, 1 each.
struct ComputeLoop {
  const char* instruction = nullptr;         // what it executes, for people; nullptr: this CPU or build has none
  std::size_t operations_per_iteration = 0;  // of one thread
  // Scratch: kMicroKernelScratch bytes, aligned to 64, filled by fill_micro_kernel_scratch. The sums of all accumulators, added lane by lane, are stored in its
  // last bytes, so that no chain is dead code; returns how many there are, of 32 bits each.
  std::size_t (*run)(std::size_t iterations, void* scratch) = nullptr;
};

enum class MicroKernel {
  fma_f32,    // f32 x f32 + f32
  dot_bf16,   // pairs of bf16 products into f32; none where the target has no such instruction
  dot_u8_s8,  // four u8 x s8 products into s32
  dot_s16,    // two s16 products into s32
};

inline constexpr std::size_t kMicroKernelScratch = 64 << 10;

ComputeLoop compute_loop(MicroKernel kernel);
void fill_micro_kernel_scratch(MicroKernel kernel, void* scratch);

// Reads `bytes` (a multiple of 1024) from `data` (aligned to 64), `passes` times, with the widest loads. Returns a sum of them, so that nothing is elided.
// asks_ahead: with prefetches, for memory.
std::uint64_t read_bytes(const void* data, std::size_t bytes, std::size_t passes, bool asks_ahead = false);
// Copies half of the bytes onto the other half, `passes` times. `streaming`: with stores that go around the caches.
void copy_bytes(void* data, std::size_t bytes, std::size_t passes, bool streaming);

// A chain of `count` dependent 64-bit additions: one cycle each on every core that this project knows of. Returns the sum.
std::uint64_t dependent_additions(std::uint64_t count, std::uint64_t addend);

const char* micro_kernel_target();  // name of the SIMD target that was dispatched to, as AVX3_ZEN4
std::size_t micro_kernel_vector_bytes();

}  // namespace convroof
