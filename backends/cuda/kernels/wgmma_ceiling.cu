// Compiled for sm_90a alone.
#include "backends/cuda/device/check.h"
#include "backends/cuda/kernels/ceilings_launch.h"
#include "backends/cuda/kernels/wgmma_ceiling.h"

namespace convroof::cuda {

double launch_wgmma_roof(bool sparse, int multiprocessors, int steps, float* sink, cudaStream_t stream) {
  const auto kernel = sparse ? gpu::wgmma_ceiling<true> : gpu::wgmma_ceiling<false>;
  CONVROOF_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, gpu::kWgmmaCeilingSharedBytes));
  kernel<<<static_cast<unsigned>(2 * multiprocessors), gpu::kWgmmaCeilingThreads, gpu::kWgmmaCeilingSharedBytes, stream>>>(steps, sink);
  CONVROOF_CUDA(cudaGetLastError());
  // Two warpgroups a block, four instructions a step, 64 x 128 x 16 kept products each.
  return 2.0 * multiprocessors * 2 * 4 * static_cast<double>(steps) * 2 * 64 * gpu::kWgmmaCeilingColumns * 16;
}

}  // namespace convroof::cuda
