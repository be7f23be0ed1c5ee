// The launchers of wgmma in a build whose nvcc or list of architectures leaves out 90a.
#include <stdexcept>

#include "backends/cuda/kernels/ceilings_launch.h"
#include "backends/cuda/kernels/convolution_launch.h"

namespace convroof::cuda {

bool has_wgmma() { return false; }
void launch_wgmma(const gpu::ConvolutionShape&, const gpu::WgmmaMaps&, int, bool, bool, int, cudaStream_t) {
  throw std::logic_error("this build has no wgmma kernels");
}
double launch_wgmma_roof(bool, int, int, float*, cudaStream_t) { return 0; }

}  // namespace convroof::cuda
