// The few machine operations that our kernels are written in. nvcc compiles them to PTX (machine_ptx.h); any other compiler gets an emulation of the same
// operations, lane by lane as the PTX ISA describes them (emulated/machine_emulated.h), so that the very source of a kernel runs on a CPU under test.
#pragma once

#include <cstdint>

namespace convroof::gpu {

struct alignas(16) Bits128 {
  std::uint32_t word[4];
};

// Two FP16 numbers in one word, the lower half first.
using Half2 = std::uint32_t;

}  // namespace convroof::gpu

#ifdef __CUDACC__
#define CONVROOF_GPU __device__ __forceinline__
#define CONVROOF_GPU_HOST __host__ __device__ __forceinline__
#define CONVROOF_KERNEL __global__ void
#define CONVROOF_BOUNDS(threads, blocks) __launch_bounds__(threads, blocks)
#define CONVROOF_PARAMETER const __grid_constant__
#define CONVROOF_UNROLL _Pragma("unroll")
#define CONVROOF_UNROLL_BY_FOUR _Pragma("unroll 4")
#include "backends/cuda/kernels/machine_ptx.h"
#else
#define CONVROOF_GPU inline
#define CONVROOF_GPU_HOST inline
#define CONVROOF_KERNEL inline void
#define CONVROOF_BOUNDS(threads, blocks)
#define CONVROOF_PARAMETER const
#define CONVROOF_UNROLL
#define CONVROOF_UNROLL_BY_FOUR
#include "backends/cuda/kernels/emulated/machine_emulated.h"
#endif
