// Whole networks, back to back, against a chain of the reference backend's layers: on the emulated device, and with the label gpu on a real one.
#include "backends/cuda/network/device_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "backends/cuda/device/device.h"
#include "workloads/network_file.h"

namespace convroof {
std::unique_ptr<Backend> make_reference_backend();
}

namespace convroof::cuda {
namespace {

// A residual block with a projection, groups, a stem of three channels, channels that are no multiple of eight, every plain layer.
constexpr const char* kSmall = R"(
name = "small"
input = [3, 13, 11]
[[layer]]
name = "stem"
op = "conv"
out_channels = 16
kernel = 5
stride = 2
padding = 2
bias = true
activation = "relu"
[[layer]]
name = "norm"
op = "lrn"
[[layer]]
name = "pool"
op = "maxpool"
kernel = 3
stride = 2
padding = 1
[[layer]]
name = "a"
op = "conv"
out_channels = 48
kernel = 3
padding = 1
bias = true
activation = "relu"
[[layer]]
name = "b"
op = "conv"
out_channels = 32
kernel = 3
padding = 1
groups = 2
[[layer]]
name = "projection"
op = "conv"
input = "pool"
out_channels = 32
kernel = 1
bias = true
[[layer]]
name = "sum"
op = "add"
inputs = ["b", "projection"]
activation = "relu"
[[layer]]
name = "odd"
op = "conv"
out_channels = 21
kernel = 1
bias = true
activation = "relu"
[[layer]]
name = "mean"
op = "avgpool"
kernel = 2
[[layer]]
name = "classes"
op = "fc"
out_channels = 10
bias = true
[[layer]]
name = "probabilities"
op = "softmax"
)";

// Each layer by the plain loops, from the FP16 outputs of the layers before it.
std::vector<Tensor> reference_chain(const Network& network, std::int64_t batch, const std::vector<LayerWeights>& weights, const Tensor& input) {
  const auto reference = make_reference_backend();
  const Tensor none;
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const NetworkLayer& layer = network.layers[i];
    const Case c = network_case(layer.spec, batch);
    const auto read = [&](int index) -> const Tensor& { return index == kNetworkInput ? input : outputs[static_cast<std::size_t>(index)]; };
    const Tensor& first = read(layer.inputs[0]);
    const auto kernel = reference->prepare(reference->variants().front(), c,
                                           {first, layer.inputs.size() > 1 ? read(layer.inputs[1]) : none, weights[i].weights, weights[i].bias});
    kernel->run(1);
    Tensor output(ElementType::f16, c.output_shape());
    kernel->read_output(output);
    outputs.push_back(std::move(output));
  }
  return outputs;
}

double relative_l2(const Tensor& actual, const Tensor& expected) {
  double difference = 0, norm = 0;
  for (std::int64_t i = 0; i < expected.count(); ++i) {
    difference += std::pow(actual.value(i) - expected.value(i), 2);
    norm += std::pow(expected.value(i), 2);
  }
  return std::sqrt(difference / norm);
}

class WholeNetwork : public testing::TestWithParam<KernelClass> {};

// Why the device at hand cannot run the class; empty where it can.
std::string lack(KernelClass kind) {
  if (!device_state().usable) return device_state().reason;
  const int capability = device_state().device.compute_capability, oldest = oldest_device(kind);
  return capability < oldest || (is_wgmma(kind) && capability != oldest) ? "another compute capability is needed" : "";
}

TEST_P(WholeNetwork, gives_what_its_layers_give_one_by_one) {
  if (const std::string reason = lack(GetParam()); !reason.empty()) GTEST_SKIP() << reason;
  std::vector<Network> networks = {parse_network(kSmall, "small.toml")};
  if (GetParam() == KernelClass::mma) networks.push_back(load_network("lenet5"));
  for (const Network& network : networks) {
    const NetworkPlan plan = plan_network(network, 2, GetParam());
    const std::vector<LayerWeights> weights = seeded_weights(network, GetParam(), 3);
    const Tensor input = seeded_input(network, 2, 4);
    const std::vector<Tensor> expected = reference_chain(network, 2, weights, input);
    DeviceNetwork separate(network, plan, weights, Placement::separate, false);
    separate.set_input(input);
    separate.run(1);
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_LT(relative_l2(separate.output_of(static_cast<int>(i)), expected[i]), 4e-3) << network.name << " " << network.layers[i].spec.name;

    for (const bool replays_graph : {false, true}) {
      DeviceNetwork shared(network, plan, weights, Placement::shared, replays_graph);
      EXPECT_LT(shared.activation_bytes(), separate.activation_bytes());
      shared.set_input(input);
      EXPECT_GT(shared.run(1), 0);
      shared.run(1);  // again over its own remains
      const Tensor once = separate.output(), again = shared.output();
      for (std::int64_t i = 0; i < once.count(); ++i) ASSERT_EQ(again.value(i), once.value(i)) << network.name;
      EXPECT_THROW(shared.output_of(0), std::logic_error);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Classes, WholeNetwork,
                         testing::Values(KernelClass::half2, KernelClass::mma, KernelClass::mma_2of4, KernelClass::wgmma, KernelClass::wgmma_2of4));

TEST(NetworkChain, a_plan_that_lets_two_live_activations_share_bytes_is_found_out) {
  if (const std::string reason = lack(KernelClass::mma); !reason.empty()) GTEST_SKIP() << reason;
  const Network network = parse_network(kSmall, "small.toml");
  NetworkPlan plan = plan_network(network, 2, KernelClass::mma);
  const std::vector<LayerWeights> weights = seeded_weights(network, KernelClass::mma, 3);
  const Tensor input = seeded_input(network, 2, 4);
  DeviceNetwork separate(network, plan, weights, Placement::separate, false);
  separate.set_input(input);
  separate.run(1);
  // The shortcut from `pool` must live until `projection`: let `a` write over it.
  plan.buffers.offsets[4] = plan.buffers.offsets[3];
  plan.buffers.bytes += plan.bytes_of(4);  // all within the device's memory
  DeviceNetwork shared(network, plan, weights, Placement::shared, false);
  shared.set_input(input);
  shared.run(1);
  EXPECT_GT(relative_l2(shared.output(), separate.output()), 0);
}

}  // namespace
}  // namespace convroof::cuda
