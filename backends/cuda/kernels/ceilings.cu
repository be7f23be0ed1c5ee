#include "backends/cuda/device/check.h"
#include "backends/cuda/kernels/ceiling_kernels.h"
#include "backends/cuda/kernels/ceilings_launch.h"

namespace convroof::cuda {
namespace {

constexpr int kBlocksAMultiprocessor = 4;

}  // namespace

double launch_compute_roof(ComputeRoof roof, int multiprocessors, int steps, float* sink, cudaStream_t stream) {
  const int blocks = kBlocksAMultiprocessor * multiprocessors;
  const double threads = static_cast<double>(blocks) * gpu::kCeilingThreads, chain_steps = static_cast<double>(steps) * gpu::kChains;
  double operations = 0;
  switch (roof) {
    case ComputeRoof::half2:
      gpu::half2_ceiling<><<<blocks, gpu::kCeilingThreads, 0, stream>>>(steps, sink);
      operations = threads * chain_steps * 4;
      break;
    case ComputeRoof::mma:
      gpu::mma_ceiling<false><<<blocks, gpu::kCeilingThreads, 0, stream>>>(steps, sink);
      operations = threads / 32 * chain_steps * 2 * 16 * 8 * 16;
      break;
    case ComputeRoof::mma_2of4:
      gpu::mma_ceiling<true><<<blocks, gpu::kCeilingThreads, 0, stream>>>(steps, sink);
      operations = threads / 32 * chain_steps * 2 * 16 * 8 * 16;  // of 32 products 16 are kept
      break;
    case ComputeRoof::wgmma:
    case ComputeRoof::wgmma_2of4:
      return launch_wgmma_roof(roof == ComputeRoof::wgmma_2of4, multiprocessors, steps, sink, stream);
  }
  CONVROOF_CUDA(cudaGetLastError());
  return operations;
}

double launch_stream_roof(StreamRoof roof, const void* from, void* to, std::int64_t bytes, int passes, int multiprocessors, float* sink, cudaStream_t stream) {
  const int blocks = 2 * kBlocksAMultiprocessor * multiprocessors;
  const std::int64_t pieces = bytes / 16;
  const auto* source = static_cast<const gpu::Bits128*>(from);
  auto* target = static_cast<gpu::Bits128*>(to);
  double times = 1;
  switch (roof) {
    case StreamRoof::read:
      gpu::stream_ceiling<true, false><<<blocks, gpu::kCeilingThreads, 0, stream>>>(source, target, pieces, passes, sink);
      break;
    case StreamRoof::write:
      gpu::stream_ceiling<false, true><<<blocks, gpu::kCeilingThreads, 0, stream>>>(source, target, pieces, passes, sink);
      break;
    case StreamRoof::copy:
      gpu::stream_ceiling<true, true><<<blocks, gpu::kCeilingThreads, 0, stream>>>(source, target, pieces, passes, sink);
      times = 2;
      break;
  }
  CONVROOF_CUDA(cudaGetLastError());
  return times * static_cast<double>(pieces) * 16 * passes;
}

}  // namespace convroof::cuda
