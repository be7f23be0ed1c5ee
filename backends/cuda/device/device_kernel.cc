#include "backends/cuda/device/device_kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "backends/cuda/device/device.h"
#include "backends/cuda/device/energy.h"
#include "backends/cuda/device/nvml.h"

namespace convroof::cuda {
namespace {

constexpr int kPoisonByte = 0xff;  // 0xffff is a NaN of FP16, as in Tensor::poison()

// The driver answers such questions in milliseconds: often enough to see a clock settle, seldom enough to cost nothing.
constexpr auto kBetweenReadings = std::chrono::milliseconds(100);

bool is_switched_on(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && std::string_view(value) == "1";
}

// Seconds of a window; 0: energy is not asked for. Throws std::runtime_error where the text is no number of seconds.
double energy_window() {
  const char* text = std::getenv("CONVROOF_CUDA_ENERGY");
  if (text == nullptr || *text == '\0') return 0;
  char* end = nullptr;
  const double seconds = std::strtod(text, &end);
  if (*end != '\0' || !(seconds >= 0 && seconds <= 600))
    throw std::runtime_error(fmt::format("CONVROOF_CUDA_ENERGY is `{}`; it must be a number of seconds, 0 to 600", text));
  return seconds;
}

EnergySource energy_source() {
  return {.millijoules = []() -> std::optional<std::uint64_t> {
            const auto energy = Nvml::get() ? Nvml::get().state(device_state().device.uuid).energy_mj : std::nullopt;
            return energy ? std::optional<std::uint64_t>(*energy) : std::nullopt;
          },
          .now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); },
          .wait = [](double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }};
}

}  // namespace

double seconds_between(const Event& start, const Event& end) {
  float milliseconds = 0;
  CONVROOF_CUDA(cudaEventElapsedTime(&milliseconds, start.get(), end.get()));
  return static_cast<double>(milliseconds) * 1e-3;
}

CacheFlush::CacheFlush() : filler_(static_cast<std::size_t>(std::max<std::int64_t>(2 * device_state().device.l2_bytes, std::int64_t{1} << 24))) {}

void CacheFlush::operator()(cudaStream_t stream) { CONVROOF_CUDA(cudaMemsetAsync(filler_.data(), 0x5a, filler_.bytes(), stream)); }

DeviceKernel::DeviceKernel(const Case& c, const ActivationLayout& output, std::int64_t spare_elements)
    : case_(c),
      output_layout_(output),
      output_(static_cast<std::size_t>(output.elements() + spare_elements) * sizeof(Float16)),
      replays_graph_(is_switched_on("CONVROOF_CUDA_GRAPH")) {}

DeviceKernel::~DeviceKernel() {
  if (graph_ != nullptr) cudaGraphExecDestroy(graph_);
}

cudaGraphExec_t captured_graph(cudaStream_t stream, const std::function<void()>& enqueue) {
  cudaGraph_t captured = nullptr;
  CONVROOF_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  try {
    enqueue();
  } catch (...) {
    // A stream that stays in capture would fail every later call for another reason.
    cudaStreamEndCapture(stream, &captured);
    if (captured != nullptr) cudaGraphDestroy(captured);
    throw;
  }
  CONVROOF_CUDA(cudaStreamEndCapture(stream, &captured));
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, captured, 0);
  cudaGraphDestroy(captured);
  check_cuda(status, "cudaGraphInstantiate");
  return executable;
}

std::optional<double> DeviceKernel::run(int times) {
  if (replays_graph_ && graph_ == nullptr) graph_ = captured_graph(stream(), [this] { enqueue(stream()); });
  CONVROOF_CUDA(cudaEventRecord(start_.get(), stream()));
  for (int i = 0; i < times; ++i) {
    if (graph_ != nullptr)
      CONVROOF_CUDA(cudaGraphLaunch(graph_, stream()));
    else
      enqueue(stream());
  }
  CONVROOF_CUDA(cudaEventRecord(end_.get(), stream()));
  read_state();                                    // while the device works
  CONVROOF_CUDA(cudaStreamSynchronize(stream()));  // errors of the kernels surface here
  const double seconds = seconds_between(start_, end_);
  seconds_a_run_ = seconds / std::max(times, 1);
  return seconds;
}

void DeviceKernel::read_state() {
  const auto now = std::chrono::steady_clock::now();
  if (!Nvml::get() || (!states_.empty() && now - last_reading_ < kBetweenReadings)) return;
  last_reading_ = now;
  states_.add(Nvml::get().state(device_state().device.uuid));
}

void DeviceKernel::observe() {
  if (is_switched_on("CONVROOF_CUDA_COUNTERS")) count_bytes();
  measure_energy();
}

void DeviceKernel::count_bytes() {
  ByteCounters& counters = ByteCounters::get();
  counted_ = counters.count([this] { case_.cache == CacheState::cold ? make_cold() : static_cast<void>(run(1)); }, [this] { run(1); });
  observed_["counters"] = counted_ ? fmt::format("CUPTI range profiler, {} passes", counted_->passes) : counters.reason();
  if (!counted_) return;
  observed_["bytes_dram_read"] = fmt::format("{}", counted_->dram_read);
  observed_["bytes_dram_written"] = fmt::format("{}", counted_->dram_written);
  observed_["bytes_l2"] = fmt::format("{}", counted_->l2);
  observed_["bytes_l1"] = fmt::format("{}", counted_->l1);
}

void DeviceKernel::measure_energy() {
  const double window = energy_window();
  if (window == 0) return;
  if (!Nvml::get()) {
    observed_["energy"] = Nvml::get().reason();
    return;
  }
  // The idle device with our context on it, once a process: all cases of a worker are judged by the same.
  static const std::optional<double> idle = idle_watts(energy_source(), window);
  const Energy energy = cuda::measure_energy(energy_source(), idle, seconds_a_run_, [this](int times) { run(times); }, {.window_seconds = window});
  observed_.merge(energy.facts());
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
  output_.download(packed.data(), packed.size() * sizeof(Float16));
  unpack_activations(packed, output_layout_, canonical);
}

Work DeviceKernel::common_work(const TouchedBytes& touched) const {
  Work work;
  work.macs_executed = static_cast<std::uint64_t>(case_.batch * macs_valid(case_.layer));
  work.ops_other = static_cast<std::uint64_t>(case_.batch * ops_other(case_.layer));
  work.accumulator = "f32";
  work.bytes_packed = touched.input + touched.weights + touched.output + 2 * touched.partial;
  if (counted_) {
    work.source = "counted";
    work.traffic = {{.level = "dram", .operand = "all", .reads = counted_->dram_read, .writes = counted_->dram_written, .word_bytes = 1}};
  } else {
    work.source = "modelled";
    work.traffic = modelled_dram_traffic(touched, case_.cache, device_state().device.l2_bytes);
  }
  work.facts = observed_;
  if (!counted_ && std::ranges::all_of(work.traffic, [](const Traffic& t) { return t.reads + t.writes == 0; }))
    work.facts["bytes_dram"] = "none by the model: everything stays in the level-two cache";
  work.facts.merge(states_.facts());
  if (!Nvml::get()) work.facts["nvml"] = Nvml::get().reason();
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
