// The roof of Hopper's tensor cores: two warpgroups a block, operands in shared memory, nothing else going on.
#pragma once

#include "backends/cuda/kernels/ceiling_kernels.h"
#include "backends/cuda/kernels/machine_hopper.h"

namespace convroof::gpu {

constexpr int kWgmmaCeilingThreads = 256;
constexpr int kWgmmaCeilingColumns = 128;
constexpr int kWgmmaCeilingSharedBytes = 2 * 64 * 128 + 2 * kWgmmaCeilingColumns * 128;

// Four wgmma a warpgroup and step: each 64 x 128 x 16 multiply-adds (kSparse: x 32, half of them skipped), twice over two sets of sums.
template <bool kSparse>
CONVROOF_KERNEL CONVROOF_BOUNDS(kWgmmaCeilingThreads, 1) wgmma_ceiling(int steps, float* sink) {
#ifdef CONVROOF_HAS_WGMMA
  std::uint8_t* const shared = shared_memory();
  for (int i = thread_x(); i < kWgmmaCeilingSharedBytes / 4; i += kWgmmaCeilingThreads)
    reinterpret_cast<std::uint32_t*>(shared)[i] = noise(static_cast<std::uint32_t>(i));
  fence_async_proxy();
  sync_block();
  const int warpgroup = thread_x() / 128;
  const std::uint8_t* const a = shared + warpgroup * 64 * 128;
  const std::uint8_t* const b = shared + 2 * 64 * 128 + warpgroup * kWgmmaCeilingColumns * 128;
  float first[kWgmmaCeilingColumns / 2], second[kWgmmaCeilingColumns / 2];
  for (int step = 0; step < steps; ++step) {
    wgmma_fence();
    CONVROOF_UNROLL
    for (int k = 0; k < 2; ++k) {
      if constexpr (kSparse) {
        wgmma_sparse<kWgmmaCeilingColumns>(first, operand_64(a + k * 32), operand_128(b + k * 64), 0x94949494u, step > 0 || k > 0);
        wgmma_sparse<kWgmmaCeilingColumns>(second, operand_64(a + k * 32), operand_128(b + k * 64), 0x94949494u, step > 0 || k > 0);
      } else {
        wgmma<kWgmmaCeilingColumns>(first, operand_128(a + k * 32), operand_128(b + k * 32), step > 0 || k > 0);
        wgmma<kWgmmaCeilingColumns>(second, operand_128(a + k * 32), operand_128(b + k * 32), step > 0 || k > 0);
      }
    }
    wgmma_commit();
    wgmma_wait<1>();
  }
  wgmma_wait<0>();
  float total = 0;
  CONVROOF_UNROLL
  for (int i = 0; i < kWgmmaCeilingColumns / 2; ++i) total += first[i] + second[i];
  keep(total, sink);
#endif
}

}  // namespace convroof::gpu
