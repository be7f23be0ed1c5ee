// The CPU's roofs, measured by micro-kernels on the instructions that the kernels beside this file use.
#pragma once

#include <vector>

#include "backends/backend.h"

namespace convroof {

// Operations per second of one type's multiply-add instructions: unit "fma" and, where the CPU has dot products of the type, "dot".
// f32: accumulator f32; bf16: f32; s8 (u8 x s8): s32; s16: s32. None for f16. `quick`: fewer repetitions (under 2 s for one type).
std::vector<Ceiling> measure_cpu_compute(DataType type, int threads, bool quick);

// Bytes per second read from L1, L2, L3 and DRAM by `threads` threads, each with its own data. `quick`: under 3 s for all levels.
std::vector<Ceiling> measure_cpu_bandwidth(int threads, bool quick);

}  // namespace convroof
