// The roofs' micro-kernels, launched from the host. Each returns the operations or bytes of one launch.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace convroof::cuda {

enum class ComputeRoof { half2, mma, mma_2of4, wgmma, wgmma_2of4 };
enum class StreamRoof { read, write, copy };

// Operations counted as done: 2 a multiply-add; the 2:4 forms count the kept products only.
double launch_compute_roof(ComputeRoof roof, int multiprocessors, int steps, float* sink, cudaStream_t stream);
// `bytes` of each buffer, `passes` times over. Bytes read plus bytes written.
double launch_stream_roof(StreamRoof roof, const void* from, void* to, std::int64_t bytes, int passes, int multiprocessors, float* sink, cudaStream_t stream);
double launch_wgmma_roof(bool sparse, int multiprocessors, int steps, float* sink, cudaStream_t stream);  // 0 where this build has none

}  // namespace convroof::cuda
