#include "tests/backends/cuda/emulated_device.h"

#include <cuda_runtime_api.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "backends/cuda/convolution/geometry.h"
#include "backends/cuda/kernels/ceilings_launch.h"
#include "backends/cuda/kernels/convolution_launch.h"
#include "backends/cuda/kernels/function.h"
#include "backends/cuda/kernels/machine_hopper.h"
#include "backends/cuda/kernels/pointwise.h"
#include "tests/backends/cuda/emulated_kernels.h"

namespace convroof::cuda {
namespace {

using Work = std::function<void()>;
using TimePoint = std::chrono::steady_clock::time_point;

std::string setting(const char* variable) {
  const char* text = std::getenv(variable);
  return text != nullptr ? text : "";
}

// "KIND=VALUE" of the fault that is asked for: VALUE where the kind is this one, empty otherwise.
std::string fault(const std::string& kind) {
  const std::string wanted = setting("CONVROOF_EMULATED_FAULT");
  return wanted.starts_with(kind + "=") ? wanted.substr(kind.size() + 1) : "";
}

struct DeviceState {
  std::map<void*, std::size_t> allocations;
  cudaError_t sticky = cudaSuccess;
  cudaError_t last = cudaSuccess;
  std::vector<Work>* capturing = nullptr;
};
DeviceState g_device;

std::int64_t device_bytes() {
  const std::string text = setting("CONVROOF_EMULATED_MEMORY");
  return text.empty() ? std::int64_t{256} << 20 : std::atoll(text.c_str());
}

cudaError_t answer(cudaError_t status = cudaSuccess) {
  if (g_device.sticky != cudaSuccess) return g_device.sticky;
  if (status != cudaSuccess) g_device.last = status;
  return status;
}

// Done at once, or kept for the graph that is being captured.
void submit(Work work) {
  if (g_device.capturing != nullptr)
    g_device.capturing->push_back(std::move(work));
  else if (g_device.sticky == cudaSuccess)
    work();
}

void submit_kernel(const char* name, Work work) {
  submit([name, work = std::move(work)] {
    if (fault("hang") == name)
      for (;;) sleep(1);
    if (fault("illegal-address") == name) {
      g_device.sticky = cudaErrorIllegalAddress;
      return;
    }
    ++emulated_counts().kernels;
    work();
  });
}

}  // namespace

EmulatedCounts& emulated_counts() {
  static EmulatedCounts counts;
  return counts;
}

// The launchers.
void launch_mma(const gpu::ConvolutionShape& shape, int tile, int vector, bool sparse, cudaStream_t) {
  submit_kernel("mma", [=] { emulate_mma(shape, tile, vector, sparse), emulate_reduce_splits(shape); });
}
void launch_half2(const gpu::ConvolutionShape& shape, int vector, cudaStream_t) {
  submit_kernel("half2", [=] { emulate_half2(shape, vector), emulate_reduce_splits(shape); });
}
bool has_wgmma() { return true; }
gpu::WgmmaMaps wgmma_maps(const gpu::MatrixDescription& filters, const gpu::PixelDescription* pixels) {
  gpu::WgmmaMaps maps{};
  maps.filters = gpu::emulated_map(filters);
  if (pixels != nullptr) maps.pixels = gpu::emulated_map(*pixels);
  return maps;
}
void launch_wgmma(const gpu::ConvolutionShape& shape, const gpu::WgmmaMaps& maps, int tile, bool sparse, bool gather, int multiprocessors, cudaStream_t) {
  submit_kernel("wgmma", [=] { emulate_wgmma(shape, maps, tile, sparse, gather, multiprocessors), emulate_reduce_splits(shape); });
}
void launch_plain(Op op, const gpu::PlainShape& shape, cudaStream_t) {
  submit_kernel("plain", [=] { emulate_plain(op, shape); });
}
void launch_bias_activation(void* data, const float* bias, std::int64_t pixels, std::int64_t channels, Activation activation, cudaStream_t) {
  submit_kernel("plain", [=] { emulate_bias_activation(static_cast<std::uint16_t*>(data), bias, pixels, channels, function_of(activation)); });
}
double launch_compute_roof(ComputeRoof, int, int, float*, cudaStream_t) { throw std::runtime_error("the emulated device has no roofs"); }
double launch_stream_roof(StreamRoof, const void*, void*, std::int64_t, int, int, float*, cudaStream_t) {
  throw std::runtime_error("the emulated device has no roofs");
}
double launch_wgmma_roof(bool, int, int, float*, cudaStream_t) { throw std::runtime_error("the emulated device has no roofs"); }

}  // namespace convroof::cuda

using namespace convroof::cuda;

struct CUstream_st {};
struct CUevent_st {
  TimePoint at;
};
struct CUgraph_st {
  std::vector<Work> nodes;
};
struct CUgraphExec_st {
  std::vector<Work> nodes;
};

extern "C" {

cudaError_t cudaDriverGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, answer(); }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::strcpy(properties->name, "Emulated GPU");
  properties->major = 9;
  properties->multiProcessorCount = 2;
  properties->l2CacheSize = 1 << 20;
  properties->sharedMemPerBlockOptin = 227 * 1024;
  properties->totalGlobalMem = static_cast<std::size_t>(device_bytes());
  return answer();
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) { return *value = 1000, answer(); }
cudaError_t cudaDeviceSynchronize() { return answer(); }
cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) { return answer(); }
cudaError_t cudaGetLastError() {
  const cudaError_t last = answer(g_device.last);
  g_device.last = cudaSuccess;
  return last;
}
const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaErrorIllegalAddress ? "cudaErrorIllegalAddress" : error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "an error";
}
const char* cudaGetErrorString(cudaError_t) { return "of the emulated device"; }

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  EmulatedCounts& counts = emulated_counts();
  const std::string limit = fault("allocation");
  if (counts.live_bytes + static_cast<std::int64_t>(bytes) > device_bytes() || (!limit.empty() && static_cast<long long>(bytes) >= std::atoll(limit.c_str())))
    return answer(cudaErrorMemoryAllocation);
  *memory = std::aligned_alloc(1024, (bytes + 1023) / 1024 * 1024);
  std::memset(*memory, 0xff, bytes);  // NaN: what nobody wrote must not be read
  g_device.allocations[*memory] = bytes;
  counts.live_bytes += static_cast<std::int64_t>(bytes);
  counts.largest_bytes = std::max(counts.largest_bytes, counts.live_bytes);
  return answer();
}
cudaError_t cudaFree(void* memory) {
  if (memory == nullptr) return answer();
  const auto found = g_device.allocations.find(memory);
  if (found == g_device.allocations.end()) return answer(cudaErrorInvalidValue);
  emulated_counts().live_bytes -= static_cast<std::int64_t>(found->second);
  g_device.allocations.erase(found);
  std::free(memory);
  return answer();
}
cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  *total_bytes = static_cast<std::size_t>(device_bytes());
  *free_bytes = *total_bytes - static_cast<std::size_t>(emulated_counts().live_bytes);
  return answer();
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
  if (g_device.capturing != nullptr) return answer(cudaErrorStreamCaptureUnsupported);
  if (g_device.sticky == cudaSuccess && bytes > 0) std::memcpy(to, from, bytes);
  return answer();
}
cudaError_t cudaMemset(void* to, int byte, std::size_t bytes) {
  if (g_device.capturing != nullptr) return answer(cudaErrorStreamCaptureUnsupported);
  std::memset(to, byte, bytes);
  return answer();
}
cudaError_t cudaMemsetAsync(void* to, int byte, std::size_t bytes, cudaStream_t) {
  submit([=] { std::memset(to, byte, bytes); });
  return answer();
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  ++emulated_counts().live_streams;
  return *stream = new CUstream_st, answer();
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  --emulated_counts().live_streams;
  delete stream;
  return answer();
}
cudaError_t cudaStreamSynchronize(cudaStream_t) { return answer(g_device.capturing != nullptr ? cudaErrorStreamCaptureUnsupported : cudaSuccess); }
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  ++emulated_counts().live_events;
  return *event = new CUevent_st, answer();
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  --emulated_counts().live_events;
  delete event;
  return answer();
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event->at = std::chrono::steady_clock::now();
  return answer();
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  *milliseconds = std::chrono::duration<float, std::milli>(end->at - start->at).count();
  return answer();
}

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) {
  if (g_device.capturing != nullptr) return answer(cudaErrorIllegalState);
  g_device.capturing = new std::vector<Work>;
  return answer();
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) {
  if (g_device.capturing == nullptr) return answer(cudaErrorIllegalState);
  ++emulated_counts().captures;
  *graph = new CUgraph_st{std::move(*g_device.capturing)};
  delete g_device.capturing;
  g_device.capturing = nullptr;
  return answer();
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  ++emulated_counts().live_graphs;
  return *executable = new CUgraphExec_st{graph->nodes}, answer();
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return answer();
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  --emulated_counts().live_graphs;
  delete executable;
  return answer();
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t) {
  ++emulated_counts().graph_launches;
  for (const Work& node : executable->nodes) submit(node);
  return answer();
}
}
