// Our convolution kernels, launched from the host. Each function launches what its file compiles; all pointers of `shape` are device pointers.
#pragma once

#include <cuda_runtime_api.h>

#include "backends/cuda/convolution/geometry.h"
#include "backends/cuda/kernels/tensor_map.h"

namespace convroof::cuda {

// `tile` counts as in convolution/tiles.h. Followed by the sum over splits where shape.partial is not null.
void launch_mma(const gpu::ConvolutionShape& shape, int tile, int vector, bool sparse, cudaStream_t stream);
void launch_half2(const gpu::ConvolutionShape& shape, int vector, cudaStream_t stream);

// wgmma: compiled for sm_90a alone, so for compute capability 9.0 alone; false where this build left it out.
bool has_wgmma();
// Descriptions of the operands; the maps are made by the driver. Throws CudaError or std::runtime_error.
gpu::WgmmaMaps wgmma_maps(const gpu::MatrixDescription& filters, const gpu::PixelDescription* pixels);
void launch_wgmma(const gpu::ConvolutionShape& shape, const gpu::WgmmaMaps& maps, int tile, bool sparse, bool gather, int multiprocessors, cudaStream_t stream);

}  // namespace convroof::cuda
