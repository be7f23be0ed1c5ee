// Backend `cuda` of a build without nvcc.
#include "backends/absent_backend.h"
#include "backends/cuda/variants.h"

namespace convroof {

std::unique_ptr<Backend> make_cuda_backend() {
  return std::make_unique<AbsentBackend>("cuda", Clock::device, DataType::f16, cuda::variants(), CONVROOF_CUDA_MISSING);
}

}  // namespace convroof
