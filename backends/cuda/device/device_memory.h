// Memory of the device, owned.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "backends/cuda/device/check.h"

namespace convroof::cuda {

class DeviceMemory {
 public:
  DeviceMemory() = default;
  // Throws CudaError (cudaErrorMemoryAllocation is not sticky: the case can be given up and the next one tried).
  explicit DeviceMemory(std::size_t bytes) : bytes_(bytes) {
    if (bytes > 0) CONVROOF_CUDA(cudaMalloc(&data_, bytes));
  }
  DeviceMemory(DeviceMemory&& other) noexcept : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~DeviceMemory() { cudaFree(data_); }  // a failure here is the echo of an earlier one, which has been thrown

  void* data() const { return data_; }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::size_t bytes() const { return bytes_; }

  // Complete on return, for all streams: cudaMemcpy alone may return when pageable memory has been staged, and our streams do not wait for the default one.
  void upload(const void* host, std::size_t bytes) {
    CONVROOF_CUDA(cudaMemcpy(data_, host, bytes, cudaMemcpyHostToDevice));
    CONVROOF_CUDA(cudaStreamSynchronize(nullptr));
  }
  void download(void* host, std::size_t bytes) const { CONVROOF_CUDA(cudaMemcpy(host, data_, bytes, cudaMemcpyDeviceToHost)); }
  void fill(int byte) {
    if (bytes_ == 0) return;
    CONVROOF_CUDA(cudaMemset(data_, byte, bytes_));
    CONVROOF_CUDA(cudaStreamSynchronize(nullptr));
  }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

template <typename T>
DeviceMemory uploaded(const std::vector<T>& values) {
  DeviceMemory memory(values.size() * sizeof(T));
  if (!values.empty()) memory.upload(values.data(), memory.bytes());
  return memory;
}

}  // namespace convroof::cuda
