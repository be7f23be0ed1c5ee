// The host side of the backend on the emulated device: what reaches the stream, what a graph replays, what a fault costs, what is freed.
#include "tests/backends/cuda/emulated_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "backends/cuda/convolution/own_kernels.h"
#include "backends/cuda/device/check.h"
#include "backends/cuda/device/device.h"
#include "backends/cuda/network/device_network.h"
#include "tests/backends/cuda/layer_data.h"
#include "workloads/network_file.h"

namespace convroof {
std::unique_ptr<Backend> make_reference_backend();
std::unique_ptr<Backend> make_cuda_backend();
}  // namespace convroof

namespace convroof::cuda {
namespace {

using testing::HasSubstr;

LayerSpec convolution() {
  LayerSpec l;
  l.name = "small";
  l.in_channels = 24, l.in_height = l.in_width = 5, l.out_channels = 20, l.out_height = l.out_width = 5;
  l.kernel_height = l.kernel_width = 3, l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = 1;
  l.has_bias = true, l.activation = Activation::relu;
  return l;
}

void expect_equal(const Tensor& actual, const Tensor& expected) {
  for (std::int64_t i = 0; i < expected.count(); ++i) ASSERT_EQ(actual.value(i), expected.value(i)) << "element " << i;
}

class EmulatedDevice : public testing::Test {
 protected:
  EmulatedDevice() : layer_(convolution()), case_{.layer = layer_, .type = DataType::f16, .batch = 2}, data_(layer_data(case_)) {
    const auto reference = make_reference_backend();
    const auto kernel = reference->prepare(reference->variants().front(), case_, data_.view());
    kernel->run(1);
    expected_ = Tensor(ElementType::f16, case_.output_shape());
    kernel->read_output(expected_);
    before_ = emulated_counts();
  }
  ~EmulatedDevice() override {
    for (const char* name : {"CONVROOF_CUDA_GRAPH", "CONVROOF_EMULATED_FAULT", "CONVROOF_EMULATED_MEMORY", "CONVROOF_CUDA_COUNTERS", "CONVROOF_CUDA_ENERGY"})
      unsetenv(name);
    const EmulatedCounts& now = emulated_counts();
    EXPECT_EQ(now.live_bytes, before_.live_bytes) << "device memory was not freed";
    EXPECT_EQ(now.live_streams, before_.live_streams);
    EXPECT_EQ(now.live_events, before_.live_events);
    EXPECT_EQ(now.live_graphs, before_.live_graphs);
  }
  LayerSpec layer_;
  Case case_;
  LayerData data_;
  Tensor expected_;
  EmulatedCounts before_;
};

TEST_F(EmulatedDevice, is_taken_for_a_device) {
  ASSERT_TRUE(device_state().usable) << device_state().reason;
  EXPECT_EQ(device_state().device.compute_capability, 90);
}

TEST_F(EmulatedDevice, every_class_computes_the_layer) {
  for (const KernelClass kind : {KernelClass::half2, KernelClass::mma, KernelClass::mma_2of4, KernelClass::wgmma, KernelClass::wgmma_2of4}) {
    const auto kernel = make_convolution_kernel(kind, case_, data_.view());
    expect_equal(output_of(*kernel, case_), expected_);
    const Work work = kernel->work();
    EXPECT_EQ(work.source, "modelled");
    EXPECT_EQ(work.facts.at("launch"), "stream");
    EXPECT_GT(work.macs_executed, 0u);
  }
}

TEST_F(EmulatedDevice, a_graph_is_captured_once_and_replayed) {
  setenv("CONVROOF_CUDA_GRAPH", "1", 1);
  const auto kernel = make_convolution_kernel(KernelClass::mma, case_, data_.view());
  kernel->poison_output();
  const std::int64_t kernels = emulated_counts().kernels;
  expect_equal(output_of(*kernel, case_, 3), expected_);
  expect_equal(output_of(*kernel, case_, 2), expected_);
  EXPECT_EQ(emulated_counts().captures - before_.captures, 1);
  EXPECT_EQ(emulated_counts().graph_launches - before_.graph_launches, 5);
  EXPECT_EQ(emulated_counts().kernels - kernels, 5) << "capturing must not run anything";
  EXPECT_EQ(kernel->work().facts.at("launch"), "CUDA graph replay");
}

TEST_F(EmulatedDevice, graph_and_stream_agree_in_every_class) {
  setenv("CONVROOF_CUDA_GRAPH", "1", 1);
  for (const KernelClass kind : {KernelClass::half2, KernelClass::mma_2of4, KernelClass::wgmma, KernelClass::wgmma_2of4}) {
    const auto kernel = make_convolution_kernel(kind, case_, data_.view());
    expect_equal(output_of(*kernel, case_, 2), expected_);
  }
}

TEST_F(EmulatedDevice, cold_caches_do_not_touch_the_operands) {
  const auto kernel = make_convolution_kernel(KernelClass::wgmma, case_, data_.view());
  kernel->run(1);
  kernel->make_cold();
  expect_equal(output_of(*kernel, case_), expected_);
}

TEST_F(EmulatedDevice, a_case_that_does_not_fit_says_how_much_it_needs) {
  setenv("CONVROOF_EMULATED_MEMORY", "4096", 1);
  try {
    make_convolution_kernel(KernelClass::mma, case_, data_.view());
    FAIL() << "it fitted";
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("memory"));
  }
}

TEST_F(EmulatedDevice, an_allocation_that_fails_is_not_sticky) {
  setenv("CONVROOF_EMULATED_FAULT", "allocation=8000", 1);
  try {
    make_convolution_kernel(KernelClass::mma, case_, data_.view());
    FAIL() << "it was given";
  } catch (const CudaError& error) {
    EXPECT_THAT(error.what(), HasSubstr("cudaErrorMemoryAllocation"));
    EXPECT_FALSE(error.is_sticky());
  }
  unsetenv("CONVROOF_EMULATED_FAULT");
  const auto kernel = make_convolution_kernel(KernelClass::mma, case_, data_.view());
  expect_equal(output_of(*kernel, case_), expected_);
}

TEST_F(EmulatedDevice, what_was_asked_for_and_cannot_be_observed_is_a_fact) {
  setenv("CONVROOF_CUDA_COUNTERS", "1", 1);
  setenv("CONVROOF_CUDA_ENERGY", "0.2", 1);
  const auto kernel = make_convolution_kernel(KernelClass::mma, case_, data_.view());
  kernel->run(1);
  kernel->observe();
  const Work work = kernel->work();
  EXPECT_EQ(work.source, "modelled");
  EXPECT_TRUE(work.facts.contains("counters"));
  EXPECT_TRUE(work.facts.contains("energy"));
  setenv("CONVROOF_CUDA_ENERGY", "much", 1);
  EXPECT_THROW(kernel->observe(), std::runtime_error);
}

TEST_F(EmulatedDevice, a_network_is_one_capture_and_one_launch_a_pass) {
  const Network network = load_network("lenet5");
  const NetworkPlan plan = plan_network(network, 1, KernelClass::mma);
  DeviceNetwork chain(network, plan, seeded_weights(network, KernelClass::mma, 1), Placement::shared, true);
  chain.set_input(seeded_input(network, 1, 1));
  const EmulatedCounts before = emulated_counts();
  chain.run(2);
  EXPECT_EQ(emulated_counts().captures - before.captures, 1);
  EXPECT_EQ(emulated_counts().graph_launches - before.graph_launches, 2);
  EXPECT_EQ(emulated_counts().kernels - before.kernels, 2 * static_cast<std::int64_t>(network.layers.size()));
}

TEST_F(EmulatedDevice, the_backend_takes_it) {
  const auto backend = make_cuda_backend();
  EXPECT_TRUE(backend->available());
  for (const Variant& variant : backend->variants()) {
    if (variant.name.starts_with("cu") || variant.name == "plain" || variant.name.ends_with("2of4")) continue;
    EXPECT_TRUE(backend->supports(variant, case_)) << variant.name;
    const auto kernel = backend->prepare(variant, case_, data_.view());
    expect_equal(output_of(*kernel, case_), expected_);
  }
}

}  // namespace
}  // namespace convroof::cuda
