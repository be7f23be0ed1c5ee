// Micro-kernels that do one thing as fast as the machine can: the roofs of the device. Operands are never zero, since speed depends on the bits that move.
#pragma once

#include "backends/cuda/kernels/machine.h"

namespace convroof::gpu {

constexpr int kCeilingThreads = 256;
constexpr int kChains = 8;  // independent sums a thread: enough to hide the latency of one

// Bits that look random, as FP16 numbers of magnitude 1/4 .. 1/2.
CONVROOF_GPU std::uint32_t noise(std::uint32_t seed) {
  seed = (seed ^ 61) ^ (seed >> 16);
  seed *= 9;
  seed = seed ^ (seed >> 4);
  seed *= 0x27d4eb2d;
  seed = seed ^ (seed >> 15);
  return (seed & 0x83ff83ff) | 0x34003400;
}

// Keeps a result alive: never true for sums of such operands, which the compiler cannot know.
CONVROOF_GPU void keep(float value, float* sink) {
  if (value == 12345.678f) *sink = value;
}

// 4 operations (two multiply-adds) a step and chain.
template <int = 0>
CONVROOF_KERNEL CONVROOF_BOUNDS(kCeilingThreads, 2) half2_ceiling(int steps, float* sink) {
  const std::uint32_t seed = static_cast<std::uint32_t>(block_x() * kCeilingThreads + thread_x());
  const Half2 a = noise(seed), b = noise(seed + 77) & 0x7fff7fff;
  Half2 sums[kChains];
  CONVROOF_UNROLL
  for (int i = 0; i < kChains; ++i) sums[i] = noise(seed + static_cast<std::uint32_t>(i));
  // x -> x * m + b with |m| < 1/2 stays bounded.
  for (int step = 0; step < steps; ++step) CONVROOF_UNROLL
  for (int i = 0; i < kChains; ++i) sums[i] = fused_multiply_add(sums[i], a, b);
  float total = 0;
  CONVROOF_UNROLL
  for (int i = 0; i < kChains; ++i) total += low_float(sums[i]) + high_float(sums[i]);
  keep(total, sink);
}

// 16 x 8 x 16 multiply-adds a warp, step and chain; with kSparse 16 x 8 x 32, of which half are skipped.
template <bool kSparse>
CONVROOF_KERNEL CONVROOF_BOUNDS(kCeilingThreads, 2) mma_ceiling(int steps, float* sink) {
  const std::uint32_t seed = static_cast<std::uint32_t>(block_x() * kCeilingThreads + thread_x()) * 16;
  std::uint32_t a[4], b[4];
  CONVROOF_UNROLL
  for (int i = 0; i < 4; ++i) a[i] = noise(seed + static_cast<std::uint32_t>(i)), b[i] = noise(seed + 8 + static_cast<std::uint32_t>(i));
  float sums[kChains][4] = {};
  for (int step = 0; step < steps; ++step) CONVROOF_UNROLL
  for (int i = 0; i < kChains; ++i) {
    if constexpr (kSparse)
      multiply_sparse_16x8x32(sums[i], a, b, 0x94949494u);
    else
      multiply_16x8x16(sums[i], a, b[0], b[1]);
  }
  float total = 0;
  CONVROOF_UNROLL
  for (int i = 0; i < kChains; ++i) total += sums[i][0] + sums[i][1] + sums[i][2] + sums[i][3];
  keep(total, sink);
}

// Streams of 16-byte pieces; several in flight a thread. kReads and kWrites choose read, write or copy.
template <bool kReads, bool kWrites>
CONVROOF_KERNEL CONVROOF_BOUNDS(kCeilingThreads, 2) stream_ceiling(const Bits128* from, Bits128* to, std::int64_t pieces, int passes, float* sink) {
  const std::int64_t stride = static_cast<std::int64_t>(grid_x()) * kCeilingThreads,
                     first = static_cast<std::int64_t>(block_x()) * kCeilingThreads + thread_x();
  std::uint32_t total = 0;
  const Bits128 value = {{noise(1), noise(2), noise(3), static_cast<std::uint32_t>(first)}};
  for (int pass = 0; pass < passes; ++pass) CONVROOF_UNROLL_BY_FOUR
  for (std::int64_t i = first; i < pieces; i += stride) {
    if constexpr (kReads && kWrites)
      store128(to + i, load128(from + i));
    else if constexpr (kWrites)
      store128(to + i, value);
    else {
      const Bits128 read = load128(from + i);
      total ^= read.word[0] ^ read.word[1] ^ read.word[2] ^ read.word[3] ^ static_cast<std::uint32_t>(pass);
    }
  }
  if constexpr (!kWrites) keep(static_cast<float>(total), sink);
}

}  // namespace convroof::gpu
