#include "tests/backends/cuda/faults.h"

#include "backends/cuda/device/device_memory.h"

namespace convroof::cuda {
namespace {

__global__ void write(int* address) { *address = 1; }
__global__ void spin(volatile int* flag) {
  while (*flag == 0) {
  }
}
__global__ void add(int* sum, int a, int b) { *sum = a + b; }

}  // namespace

void write_to_illegal_address() {
  write<<<1, 1>>>(reinterpret_cast<int*>(0x10));
  CONVROOF_CUDA(cudaDeviceSynchronize());
}

void run_for_ever() {
  DeviceMemory flag(sizeof(int));
  flag.fill(0);
  spin<<<1, 1>>>(flag.as<int>());
  CONVROOF_CUDA(cudaDeviceSynchronize());
}

int add_on_device(int a, int b) {
  const DeviceMemory sum(sizeof(int));
  add<<<1, 1>>>(sum.as<int>(), a, b);
  int result = 0;
  sum.download(&result, sizeof(result));
  return result;
}

}  // namespace convroof::cuda
