#include "backends/cuda/device/device_kernel.h"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "backends/cuda/device/device.h"
#include "backends/cuda/device/nvml.h"

namespace convroof::cuda {
namespace {

constexpr int kPoisonByte = 0xff;  // 0xffff is a NaN of FP16, as in Tensor::poison()

bool graph_replay_wanted() {
  const char* wanted = std::getenv("CONVROOF_CUDA_GRAPH");
  return wanted != nullptr && std::string_view(wanted) == "1";
}

}  // namespace

double seconds_between(const Event& start, const Event& end) {
  float milliseconds = 0;
  CONVROOF_CUDA(cudaEventElapsedTime(&milliseconds, start.get(), end.get()));
  return static_cast<double>(milliseconds) * 1e-3;
}

CacheFlush::CacheFlush() : filler_(static_cast<std::size_t>(std::max<std::int64_t>(2 * device_state().device.l2_bytes, std::int64_t{1} << 24))) {}

void CacheFlush::operator()(cudaStream_t stream) { CONVROOF_CUDA(cudaMemsetAsync(filler_.data(), 0x5a, filler_.bytes(), stream)); }

DeviceKernel::DeviceKernel(const Case& c, const ActivationLayout& output)
    : case_(c), output_layout_(output), output_(static_cast<std::size_t>(output.elements()) * sizeof(Float16)), replays_graph_(graph_replay_wanted()) {}

DeviceKernel::~DeviceKernel() {
  if (graph_ != nullptr) cudaGraphExecDestroy(graph_);
}

std::optional<double> DeviceKernel::run(int times) {
  if (replays_graph_ && graph_ == nullptr) {
    cudaGraph_t captured = nullptr;
    CONVROOF_CUDA(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal));
    enqueue(stream());
    CONVROOF_CUDA(cudaStreamEndCapture(stream(), &captured));
    const cudaError_t status = cudaGraphInstantiate(&graph_, captured, 0);
    cudaGraphDestroy(captured);
    check_cuda(status, "cudaGraphInstantiate");
  }
  CONVROOF_CUDA(cudaEventRecord(start_.get(), stream()));
  for (int i = 0; i < times; ++i) {
    if (graph_ != nullptr)
      CONVROOF_CUDA(cudaGraphLaunch(graph_, stream()));
    else
      enqueue(stream());
  }
  CONVROOF_CUDA(cudaEventRecord(end_.get(), stream()));
  CONVROOF_CUDA(cudaStreamSynchronize(stream()));  // errors of the kernels surface here
  return seconds_between(start_, end_);
}

void DeviceKernel::make_cold() {
  if (!flush_) flush_ = std::make_unique<CacheFlush>();
  (*flush_)(stream());
  CONVROOF_CUDA(cudaStreamSynchronize(stream()));
}

void DeviceKernel::poison_output() {
  if (output_.bytes() > 0) CONVROOF_CUDA(cudaMemset(output_.data(), kPoisonByte, output_.bytes()));
  CONVROOF_CUDA(cudaDeviceSynchronize());
}

void DeviceKernel::read_output(Tensor& canonical) {
  std::vector<Float16> packed(static_cast<std::size_t>(output_layout_.elements()));
  output_.download(packed.data(), output_.bytes());
  unpack_activations(packed, output_layout_, canonical);
}

Work DeviceKernel::common_work() const {
  Work work;
  work.macs_executed = static_cast<std::uint64_t>(case_.batch * macs_valid(case_.layer));
  work.ops_other = static_cast<std::uint64_t>(case_.batch * ops_other(case_.layer));
  work.accumulator = "f32";
  work.facts = state_facts(Nvml::get(), device_state().device.uuid);
  work.facts["launch"] = replays_graph_ ? "CUDA graph replay" : "stream";
  return work;
}

void require_free_memory(std::int64_t bytes) {
  std::size_t free_bytes = 0, total_bytes = 0;
  CONVROOF_CUDA(cudaMemGetInfo(&free_bytes, &total_bytes));
  if (static_cast<std::int64_t>(free_bytes) < bytes)
    throw std::runtime_error(
        fmt::format("the case needs {} MiB of device memory, {} MiB of {} MiB are free", bytes >> 20, free_bytes >> 20, total_bytes >> 20));
}

}  // namespace convroof::cuda
