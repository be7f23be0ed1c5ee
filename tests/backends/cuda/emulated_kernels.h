// Our kernels' own source, started on the emulated machine with the grids that the launchers of backends/cuda/kernels/ give them. Pointers are the host's.
#pragma once

#include "backends/cuda/kernels/convolution_shape.h"
#include "backends/cuda/kernels/pointwise_kernels.h"
#include "backends/cuda/kernels/tensor_map.h"
#include "workloads/layer.h"

namespace convroof::cuda {

void emulate_mma(const gpu::ConvolutionShape& shape, int tile, int vector, bool sparse);
void emulate_half2(const gpu::ConvolutionShape& shape, int vector);
// `blocks`: at most so many, each of which then goes through several tiles, as on a device that is smaller than the layer.
void emulate_wgmma(const gpu::ConvolutionShape& shape, const gpu::WgmmaMaps& maps, int tile, bool sparse, bool gather, int blocks);
// Nothing where the reduction was not split.
void emulate_reduce_splits(const gpu::ConvolutionShape& shape);
void emulate_plain(Op op, const gpu::PlainShape& shape);
void emulate_bias_activation(std::uint16_t* data, const float* bias, std::int64_t pixels, std::int64_t channels, gpu::Function function);

}  // namespace convroof::cuda
