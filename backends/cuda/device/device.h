// The GPU of this process (device 0 of CUDA_VISIBLE_DEVICES), or why there is none.
#pragma once

#include <cstdint>
#include <string>

namespace convroof::cuda {

struct Device {
  std::string name;                     // "NVIDIA H200"
  int compute_capability = 0;           // major * 10 + minor
  int multiprocessors = 0;              //
  std::int64_t l2_bytes = 0;            //
  std::int64_t shared_bytes_block = 0;  // largest dynamic shared memory of one block, after opting in
  std::int64_t memory_bytes = 0;        //
  double clock_hz = 0;                  // boost clock that the driver states
  double memory_clock_hz = 0;           //
  int memory_bus_bits = 0;              //
  std::string uuid;                     // for NVML, which counts devices differently
};

// The oldest device that this toolkit compiles for.
constexpr int kOldestComputeCapability = 75;

struct DeviceState {
  bool usable = false;
  Device device;
  std::string reason;  // why not, as in result files
  int driver_version = 0, runtime_version = 0;
};

// Asked once per process; never throws.
const DeviceState& device_state();

// Reason text for a status of cudaGetDeviceCount; separate from the query so that tests reach every branch.
std::string reason_without_device(int error_code, const std::string& error_text, int driver_version, int runtime_version);

}  // namespace convroof::cuda
