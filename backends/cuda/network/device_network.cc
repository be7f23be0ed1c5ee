#include "backends/cuda/network/device_network.h"

#include <algorithm>
#include <stdexcept>

#include "backends/cuda/device/device.h"
#include "backends/cuda/kernels/pointwise.h"
#include "workloads/checked.h"

namespace convroof::cuda {
namespace {

// Offsets of the activations, and the bytes of all.
std::pair<std::vector<std::int64_t>, std::int64_t> placed(const NetworkPlan& plan, Placement placement) {
  if (placement == Placement::shared) return {plan.buffers.offsets, plan.buffers.bytes};
  std::vector<std::int64_t> offsets;
  std::int64_t end = 0;
  for (const BufferNeed& need : plan.needs) {
    offsets.push_back(end);
    end = checked_sum(end, ceil_div(need.bytes, kBufferAlignment) * kBufferAlignment);
  }
  return {offsets, end};
}

}  // namespace

DeviceNetwork::DeviceNetwork(const Network& network, const NetworkPlan& plan, const std::vector<LayerWeights>& weights, Placement placement, bool replays_graph)
    : network_(network), plan_(plan), placement_(placement), replays_graph_(replays_graph) {
  const auto [offsets, bytes] = placed(plan, placement);
  offsets_ = offsets;
  require_free_memory(bytes);
  memory_ = DeviceMemory(static_cast<std::size_t>(bytes));
  memory_.fill(0xff);  // NaN: a layer that reads what nobody wrote shows it
  std::size_t partial_bytes = 0;
  for (const NetworkStep& step : plan.steps) {
    const LayerSpec& spec = network.layers[static_cast<std::size_t>(step.layer)].spec;
    plain_.push_back(step.plain);
    convolutions_.push_back(nullptr);
    if (!spec.has_weights()) {
      plain_.back().input = reinterpret_cast<const std::uint16_t*>(address(step.inputs[0]));
      plain_.back().addend = step.inputs.size() > 1 ? reinterpret_cast<const std::uint16_t*>(address(step.inputs[1])) : nullptr;
      plain_.back().output = reinterpret_cast<std::uint16_t*>(address(step.output));
      continue;
    }
    const LayerWeights& own = weights[static_cast<std::size_t>(step.layer)];
    convolutions_.back() =
        std::make_unique<DeviceConvolution>(plan.kind, network_case(spec, plan.batch), own.weights, own.bias, device_state().device.multiprocessors);
    partial_bytes = std::max(partial_bytes, convolutions_.back()->partial_bytes());
  }
  partial_ = DeviceMemory(partial_bytes);  // one for all layers: they run one after another
  for (std::size_t i = 0; i < convolutions_.size(); ++i)
    if (convolutions_[i]) convolutions_[i]->bind(address(plan.steps[i].inputs[0]), address(plan.steps[i].output), partial_.data());
}

DeviceNetwork::~DeviceNetwork() {
  if (graph_ != nullptr) cudaGraphExecDestroy(graph_);
}

std::uint8_t* DeviceNetwork::address(int activation) const { return memory_.as<std::uint8_t>() + offsets_[static_cast<std::size_t>(activation)]; }

void DeviceNetwork::set_input(const Tensor& input) {
  const std::vector<Float16> packed = pack_activations(input, plan_.activations.front());
  CONVROOF_CUDA(cudaMemcpy(address(0), packed.data(), packed.size() * sizeof(Float16), cudaMemcpyHostToDevice));
  CONVROOF_CUDA(cudaStreamSynchronize(nullptr));
}

void DeviceNetwork::enqueue() {
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    if (convolutions_[i])
      convolutions_[i]->enqueue(stream_.get());
    else
      launch_plain(network_.layers[static_cast<std::size_t>(plan_.steps[i].layer)].spec.op, plain_[i], stream_.get());
  }
}

double DeviceNetwork::run(int times) {
  if (replays_graph_ && graph_ == nullptr) graph_ = captured_graph(stream_.get(), [this] { enqueue(); });
  CONVROOF_CUDA(cudaEventRecord(start_.get(), stream_.get()));
  for (int i = 0; i < times; ++i) {
    if (graph_ != nullptr)
      CONVROOF_CUDA(cudaGraphLaunch(graph_, stream_.get()));
    else
      enqueue();
  }
  CONVROOF_CUDA(cudaEventRecord(end_.get(), stream_.get()));
  CONVROOF_CUDA(cudaStreamSynchronize(stream_.get()));
  return seconds_between(start_, end_);
}

Tensor DeviceNetwork::output_of(int layer) const {
  if (placement_ == Placement::shared && layer + 1 != static_cast<int>(plan_.steps.size())) throw std::logic_error("only the last output keeps its place");
  const LayerSpec& spec = network_.layers[static_cast<std::size_t>(layer)].spec;
  const ActivationLayout& layout = plan_.activations[static_cast<std::size_t>(layer) + 1];
  std::vector<Float16> packed(static_cast<std::size_t>(layout.elements()));
  CONVROOF_CUDA(cudaMemcpy(packed.data(), address(layer + 1), packed.size() * sizeof(Float16), cudaMemcpyDeviceToHost));
  Tensor canonical(ElementType::f16, network_case(spec, plan_.batch).output_shape());
  unpack_activations(packed, layout, canonical);
  return canonical;
}

std::size_t DeviceNetwork::weight_bytes() const {
  std::size_t bytes = 0;
  for (const auto& convolution : convolutions_)
    if (convolution) bytes += convolution->weight_bytes();
  return bytes;
}

}  // namespace convroof::cuda
