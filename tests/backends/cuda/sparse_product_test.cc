// cuSPARSELt through a library that is built for the purpose, on the emulated device: sizes, orders, layouts, the separate epilogue.
#include "backends/cuda/cusparselt/sparse_product_kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "backends/cuda/cusparselt/library.h"
#include "tests/backends/cuda/layer_data.h"

namespace convroof {
std::unique_ptr<Backend> make_reference_backend();
}

namespace convroof::cuda {
namespace {

using testing::HasSubstr;

std::string reason_with(const char* file, const char* minor = nullptr) {
  setenv("CONVROOF_CUSPARSELT_LIBRARY", file, 1);
  if (minor != nullptr) setenv("CONVROOF_FAKE_CUSPARSELT_MINOR", minor, 1);
  const CusparseLtLibrary library;
  unsetenv("CONVROOF_CUSPARSELT_LIBRARY");
  unsetenv("CONVROOF_FAKE_CUSPARSELT_MINOR");
  return library.reason;
}

TEST(CusparseLt, every_lack_has_a_name_of_its_own) {
  EXPECT_THAT(reason_with("/nonexistent/libcusparseLt.so"), HasSubstr("cuSPARSELt was not found"));
  EXPECT_THAT(reason_with("libc.so.6"), HasSubstr("lacks cusparseLt"));
  EXPECT_THAT(reason_with(CONVROOF_FAKE_CUSPARSELT, "5"), HasSubstr("cuSPARSELt 0.5.0 was found; this binary knows 0.10"));
  EXPECT_EQ(reason_with(CONVROOF_FAKE_CUSPARSELT), "");
}

LayerSpec pointwise(std::int64_t channels, std::int64_t size, std::int64_t filters) {
  LayerSpec l;
  l.name = "pointwise";
  l.in_channels = channels, l.out_channels = filters;
  l.in_height = l.in_width = l.out_height = l.out_width = size;
  l.has_bias = true, l.activation = Activation::relu;
  return l;
}

LayerDensity pruned() {
  LayerDensity density;
  density.weights.pattern = WeightSparsity::Pattern::n_of_m;
  density.weights.n = 2, density.weights.m = 4;
  return density;
}

TEST(CusparseLt, what_is_no_product_is_refused_with_the_reason) {
  LayerSpec layer = pointwise(32, 7, 48);
  EXPECT_EQ(sparse_product_refusal({.layer = layer, .type = DataType::f16, .density = pruned()}), "");
  EXPECT_THAT(sparse_product_refusal({.layer = layer, .type = DataType::f16}), HasSubstr("not pruned 2:4"));
  LayerSpec odd = pointwise(24, 7, 48);
  EXPECT_THAT(sparse_product_refusal({.layer = odd, .type = DataType::f16, .density = pruned()}), HasSubstr("multiples of 16"));
  LayerSpec window = layer;
  window.kernel_height = window.kernel_width = 3;
  EXPECT_THAT(sparse_product_refusal({.layer = window, .type = DataType::f16, .density = pruned()}), HasSubstr("1x1"));
  LayerSpec strided = layer;
  strided.stride_height = strided.stride_width = 2;
  EXPECT_THAT(sparse_product_refusal({.layer = strided, .type = DataType::f16, .density = pruned()}), HasSubstr("1x1"));
}

class SparseProduct : public testing::Test {
 protected:
  // The first use in the process decides which library all kernels get.
  static void SetUpTestSuite() {
    setenv("CONVROOF_CUSPARSELT_LIBRARY", CONVROOF_FAKE_CUSPARSELT, 1);
    ASSERT_TRUE(CusparseLtLibrary::get()) << CusparseLtLibrary::get().reason;
    unsetenv("CONVROOF_CUSPARSELT_LIBRARY");
  }
};

TEST_F(SparseProduct, gives_the_layer_with_and_without_padded_pixels) {
  for (const auto& [size, batch] : {std::pair<std::int64_t, std::int64_t>{4, 1}, {7, 1}, {5, 3}})
    for (const Epilogue epilogue : {Epilogue::layer, Epilogue::bias, Epilogue::none}) {
      const LayerSpec layer = pointwise(32, size, 48);
      const Case c{.layer = layer, .type = DataType::f16, .batch = batch, .epilogue = epilogue, .density = pruned()};
      const LayerData data = layer_data(c);
      const auto reference = make_reference_backend();
      const auto expected_kernel = reference->prepare(reference->variants().front(), c, data.view());
      const Tensor expected = output_of(*expected_kernel, c);
      const auto kernel = make_sparse_product_kernel(c, data.view());
      const Tensor actual = output_of(*kernel, c, 2);
      for (std::int64_t i = 0; i < expected.count(); ++i) ASSERT_EQ(actual.value(i), expected.value(i)) << size << " element " << i;
      const Work work = kernel->work();
      EXPECT_EQ(work.macs_executed, static_cast<std::uint64_t>(c.batch * macs_valid(layer) / 2));
      EXPECT_THAT(work.facts.at("algorithm"), HasSubstr("7"));
    }
}

TEST_F(SparseProduct, a_fully_connected_layer_is_flattened_as_its_filters_are) {
  LayerSpec layer = pointwise(16, 3, 32);
  layer.op = Op::fc;
  layer.kernel_height = layer.kernel_width = 3, layer.out_height = layer.out_width = 1;
  const Case c{.layer = layer, .type = DataType::f16, .batch = 5, .density = pruned()};
  const LayerData data = layer_data(c);
  const auto reference = make_reference_backend();
  const auto expected_kernel = reference->prepare(reference->variants().front(), c, data.view());
  const Tensor expected = output_of(*expected_kernel, c);
  const auto kernel = make_sparse_product_kernel(c, data.view());
  const Tensor actual = output_of(*kernel, c);
  for (std::int64_t i = 0; i < expected.count(); ++i) ASSERT_EQ(actual.value(i), expected.value(i)) << "element " << i;
}

TEST_F(SparseProduct, dense_weights_are_an_error) {
  const LayerSpec layer = pointwise(32, 4, 48);
  const Case c{.layer = layer, .type = DataType::f16, .density = pruned()};
  LayerData data = layer_data(c);
  data.weights.set_value(1, 1);
  EXPECT_THROW(make_sparse_product_kernel(c, data.view()), std::invalid_argument);
}

}  // namespace
}  // namespace convroof::cuda
