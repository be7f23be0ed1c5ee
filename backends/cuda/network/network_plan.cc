#include "backends/cuda/network/network_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <stdexcept>

#include "backends/cuda/kernels/plain_shape_of.h"
#include "workloads/checked.h"

namespace convroof::cuda {
namespace {

constexpr std::int64_t kHalfBytes = 2;

std::int64_t pixel_elements(const ActivationLayout& layout) { return layout.groups * layout.padded_channels; }

bool is_dense(const ActivationLayout& layout) { return layout.channels == layout.padded_channels; }

// Whether the bytes of one are the bytes of the other. Without padding, groups are a way of counting and no more.
bool same_bytes(const ActivationLayout& a, const ActivationLayout& b) {
  if (a.batch != b.batch || a.height != b.height || a.width != b.width || a.groups * a.channels != b.groups * b.channels) return false;
  return (is_dense(a) && is_dense(b)) || (a.groups == b.groups && a.padded_channels == b.padded_channels);
}

[[noreturn]] void refuse(const LayerSpec& layer, const std::string& why) { throw std::invalid_argument(fmt::format("layer {}: {}", layer.name, why)); }

// A layer without weights leaves the padding of its input as it found it: padding channels are computed like all others and stay finite.
ActivationLayout plain_output(const LayerSpec& layer, const ActivationLayout& input) {
  ActivationLayout output = input;
  output.height = layer.out_height, output.width = layer.out_width;
  return output;
}

gpu::PlainShape plain_shape(const Case& c, const ActivationLayout& input) {
  gpu::PlainShape shape = plain_shape_of(c);
  shape.pixel_elements = static_cast<std::int32_t>(pixel_elements(input));
  if (c.layer.op != Op::softmax) shape.channels = shape.pixel_elements;
  return shape;
}

}  // namespace

std::int64_t NetworkPlan::all_bytes() const {
  return std::accumulate(needs.begin(), needs.end(), std::int64_t{0}, [](std::int64_t sum, const BufferNeed& need) { return checked_sum(sum, need.bytes); });
}

Case network_case(const LayerSpec& spec, std::int64_t batch) { return {.layer = spec, .type = DataType::f16, .batch = batch}; }

NetworkPlan plan_network(const Network& network, std::int64_t batch, KernelClass kind) {
  NetworkPlan plan{.kind = kind, .batch = batch};
  const std::size_t count = network.layers.size();
  std::vector<std::optional<ActivationLayout>> layouts(count + 1);
  const auto dense = [&](std::int64_t channels, std::int64_t height, std::int64_t width) {
    return ActivationLayout{batch, 1, channels, channels, height, width};
  };
  for (std::size_t i = 0; i < count; ++i) {
    const NetworkLayer& layer = network.layers[i];
    const LayerSpec& spec = layer.spec;
    if (layer.repeats != 1) refuse(spec, fmt::format("stands {} times in the file; a chain needs every layer written out", layer.repeats));
    const Case c = network_case(spec, batch);
    NetworkStep step{.layer = static_cast<int>(i), .output = static_cast<int>(i) + 1};
    for (const int input : layer.inputs) {
      step.inputs.push_back(input + 1);
      if (input != kNetworkInput && network.layers[static_cast<std::size_t>(input)].spec.op == Op::softmax &&
          !is_dense(*layouts[static_cast<std::size_t>(input) + 1]))
        refuse(spec, "reads a softmax whose padding nobody writes");
    }
    const auto layout_of = [&](int activation) -> std::optional<ActivationLayout>& { return layouts[static_cast<std::size_t>(activation)]; };

    if (spec.has_weights()) {
      if (const std::string refusal = geometry_refusal(c); !refusal.empty()) refuse(spec, refusal);
      step.geometry = geometry_of(c, kind);
      std::optional<ActivationLayout>& input = layout_of(step.inputs[0]);
      if (!input) input = step.geometry.input;  // the network's input comes as its first reader wants it
      if (!same_bytes(*input, step.geometry.input))
        refuse(spec, fmt::format("wants {} groups of {} channels padded to {}, and gets {} of {} padded to {}", step.geometry.input.groups,
                                 step.geometry.input.channels, step.geometry.input.padded_channels, input->groups, input->channels, input->padded_channels));
      layouts[i + 1] = step.geometry.output;
    } else {
      for (const int activation : step.inputs)
        if (!layout_of(activation)) layout_of(activation) = dense(spec.in_channels, spec.in_height, spec.in_width);
      const ActivationLayout& input = *layout_of(step.inputs[0]);
      if (step.inputs.size() > 1 && !same_bytes(input, *layout_of(step.inputs[1]))) refuse(spec, "adds activations with different padding of channels");
      // Padding channels may hold what an activation function makes of zero.
      if (spec.op == Op::lrn && !is_dense(input)) refuse(spec, "normalises across channels that are padded");
      if (spec.op == Op::softmax && input.groups > 1 && !is_dense(input)) refuse(spec, "sums over channels that are padded in groups");
      step.plain = plain_shape(c, input);
      layouts[i + 1] = plain_output(spec, input);
    }
    plan.steps.push_back(std::move(step));
  }

  for (std::size_t activation = 0; activation <= count; ++activation) {
    if (!layouts[activation]) layouts[activation] = dense(network.input_channels, network.input_height, network.input_width);
    plan.activations.push_back(*layouts[activation]);
    // The input is read anew by every run, and the last output by whoever asked: they keep their places.
    const int written = activation == 0 ? 0 : static_cast<int>(activation) - 1;
    BufferNeed need{checked_product(layouts[activation]->elements(), kHalfBytes), written,
                    activation == 0 || activation == count ? static_cast<int>(count) - 1 : written};
    for (const NetworkStep& step : plan.steps)
      if (std::ranges::find(step.inputs, static_cast<int>(activation)) != step.inputs.end()) need.last_step = std::max(need.last_step, step.layer);
    plan.needs.push_back(need);
  }
  plan.buffers = plan_buffers(plan.needs);
  return plan;
}

}  // namespace convroof::cuda
