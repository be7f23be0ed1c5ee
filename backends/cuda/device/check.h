// Every CUDA status goes through here: a failure is an exception that names the call and the place.
#pragma once

#include <cuda_runtime_api.h>

#include <source_location>
#include <stdexcept>
#include <string>

namespace convroof::cuda {

class CudaError : public std::runtime_error {
 public:
  CudaError(cudaError_t code, const char* call, std::source_location place);
  cudaError_t code() const { return code_; }
  // After such an error nothing works in this process any more, and only its end recovers the device (illegal address, launch failure ...).
  bool is_sticky() const;

 private:
  cudaError_t code_;
};

inline void check_cuda(cudaError_t code, const char* call, std::source_location place = std::source_location::current()) {
  if (code != cudaSuccess) throw CudaError(code, call, place);
}

#define CONVROOF_CUDA(call) ::convroof::cuda::check_cuda((call), #call)

}  // namespace convroof::cuda
