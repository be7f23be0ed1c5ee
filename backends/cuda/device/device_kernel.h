// What all kernels of this backend share: buffers on the device, the device's clock, cold caches, the poisoned output.
#pragma once

#include <cuda_runtime_api.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/cuda/device/byte_counters.h"
#include "backends/cuda/device/device_memory.h"
#include "backends/cuda/device/layout.h"
#include "backends/cuda/device/modelled_traffic.h"
#include "backends/cuda/device/state_log.h"

namespace convroof::cuda {

class Stream {
 public:
  Stream() { CONVROOF_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() { CONVROOF_CUDA(cudaEventCreate(&event_)); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

// Seconds between two recorded events.
double seconds_between(const Event& start, const Event& end);

// What `enqueue` puts into the stream, as a graph that can be launched again and again; it does not run. The caller destroys it.
cudaGraphExec_t captured_graph(cudaStream_t stream, const std::function<void()>& enqueue);

// Overwrites the level-two cache of the device: twice its size, so that nothing of ours is left in it.
class CacheFlush {
 public:
  CacheFlush();
  void operator()(cudaStream_t stream);

 private:
  DeviceMemory filler_;
};

class DeviceKernel : public Kernel {
 public:
  // `output`: where the elements of the result stand, followed by room for `spare_elements` that nobody reads. Uploads nothing; derived classes fill their
  // own buffers.
  DeviceKernel(const Case& c, const ActivationLayout& output, std::int64_t spare_elements = 0);
  ~DeviceKernel() override;

  std::optional<double> run(int times) override;
  void make_cold() override;
  void poison_output() override;
  void read_output(Tensor& canonical) override;
  // Counters of the profiler with CONVROOF_CUDA_COUNTERS=1, energy over windows of so many seconds with CONVROOF_CUDA_ENERGY=SECONDS.
  void observe() override;

 protected:
  // Puts one run of the layer into the stream. Nothing here may block or allocate: it is what is timed, and it may be captured into a CUDA graph.
  virtual void enqueue(cudaStream_t stream) = 0;

  cudaStream_t stream() const { return stream_.get(); }
  void* output() const { return output_.data(); }
  const ActivationLayout& output_layout() const { return output_layout_; }
  const Case& the_case() const { return case_; }
  // Work with what all kernels know: counts of valid taps, bytes packed and moved, state of the device, launch mode, energy.
  Work common_work(const TouchedBytes& touched) const;

 private:
  void read_state();
  void count_bytes();
  void measure_energy();

  const Case case_;
  const ActivationLayout output_layout_;
  Stream stream_;
  Event start_, end_;
  DeviceMemory output_;
  std::unique_ptr<CacheFlush> flush_;
  bool replays_graph_;  // CONVROOF_CUDA_GRAPH=1: one run is captured once and replayed; batch 1 is bound by launches otherwise
  cudaGraphExec_t graph_ = nullptr;
  double seconds_a_run_ = 0;  // of the last call of run()
  StateLog states_;
  std::chrono::steady_clock::time_point last_reading_{};
  std::optional<CountedBytes> counted_;
  std::map<std::string, std::string> observed_;
};

// Throws std::runtime_error when the device has less memory free than `bytes`: said before the allocation, with both numbers.
void require_free_memory(std::int64_t bytes);

}  // namespace convroof::cuda
