#include "backends/cuda/device/device.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "backends/cuda/device/check.h"

namespace convroof::cuda {
namespace {

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  CONVROOF_CUDA(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

Device describe(int index) {
  cudaDeviceProp properties{};
  CONVROOF_CUDA(cudaGetDeviceProperties(&properties, index));
  Device device;
  device.name = properties.name;
  device.compute_capability = properties.major * 10 + properties.minor;
  device.multiprocessors = properties.multiProcessorCount;
  device.l2_bytes = properties.l2CacheSize;
  device.shared_bytes_block = static_cast<std::int64_t>(properties.sharedMemPerBlockOptin);
  device.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
  device.clock_hz = 1e3 * attribute(cudaDevAttrClockRate, index);  // cudaDeviceProp lost the clocks in CUDA 13
  device.memory_clock_hz = 1e3 * attribute(cudaDevAttrMemoryClockRate, index);
  device.memory_bus_bits = attribute(cudaDevAttrGlobalMemoryBusWidth, index);
  const auto* b = reinterpret_cast<const unsigned char*>(properties.uuid.bytes);
  device.uuid = fmt::format("GPU-{:02x}{:02x}{:02x}{:02x}-{:02x}{:02x}-{:02x}{:02x}-{:02x}{:02x}-{:02x}{:02x}{:02x}{:02x}{:02x}{:02x}", b[0], b[1], b[2], b[3],
                            b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
  return device;
}

DeviceState find_device() {
  DeviceState state;
  cudaDriverGetVersion(&state.driver_version);  // 0 without a driver
  cudaRuntimeGetVersion(&state.runtime_version);
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    const int code = status == cudaSuccess ? cudaErrorNoDevice : status;
    state.reason = reason_without_device(code, cudaGetErrorString(static_cast<cudaError_t>(code)), state.driver_version, state.runtime_version);
    return state;
  }
  try {
    state.device = describe(0);
  } catch (const CudaError& error) {
    state.reason = fmt::format("the CUDA device does not answer: {}", error.what());
    return state;
  }
  if (state.device.compute_capability < kOldestComputeCapability) {
    state.reason = fmt::format("{} has compute capability {}.{}; this build needs {}.{} or newer", state.device.name, state.device.compute_capability / 10,
                               state.device.compute_capability % 10, kOldestComputeCapability / 10, kOldestComputeCapability % 10);
    return state;
  }
  state.usable = true;
  return state;
}

}  // namespace

std::string reason_without_device(int error_code, const std::string& error_text, int driver_version, int runtime_version) {
  // Without a driver the runtime says "insufficient driver" (35), not "no device" (100).
  if (driver_version == 0) return fmt::format("no NVIDIA driver here (libcuda.so.1 cannot be loaded; CUDA runtime {})", version_text(runtime_version));
  if (error_code == cudaErrorInsufficientDriver)
    return fmt::format("the NVIDIA driver is too old: it supports CUDA {}, this build needs {}", version_text(driver_version), version_text(runtime_version));
  if (error_code == cudaErrorNoDevice)
    return fmt::format("no CUDA device here (driver for CUDA {}, runtime {})", version_text(driver_version), version_text(runtime_version));
  return fmt::format("no usable CUDA device: {} ({}; driver for CUDA {}, runtime {})", error_text, error_code, version_text(driver_version),
                     version_text(runtime_version));
}

const DeviceState& device_state() {
  static const DeviceState state = find_device();
  return state;
}

}  // namespace convroof::cuda
