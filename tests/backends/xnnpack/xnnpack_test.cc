// What the conformance suite cannot know of this backend: what it refuses, and that its sparse kernels are sparse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "backends/registry.h"

namespace convroof {
namespace {

using testing::HasSubstr;

Backend& xnnpack() { return *find_backend("xnnpack"); }

Variant variant(const std::string& name) {
  for (const Variant& v : xnnpack().variants())
    if (v.name == name) return v;
  throw std::invalid_argument(name);
}

LayerSpec one_by_one(std::int64_t channels, std::int64_t size, std::int64_t filters) {
  LayerSpec l;
  l.op = Op::conv;
  l.in_channels = channels, l.in_height = l.in_width = l.out_height = l.out_width = size, l.out_channels = filters;
  return l;
}

LayerDensity pruned(double share) {
  LayerDensity density;
  density.weights = {WeightSparsity::Pattern::unstructured, share, 0, 0};
  return density;
}

TEST(Xnnpack, is_registered_with_or_without_the_library) {
  EXPECT_EQ(xnnpack().native_type(), DataType::f32);
  EXPECT_EQ(xnnpack().variants().size(), 2u);
  if (const Support here = xnnpack().available(); !here) {
    EXPECT_FALSE(here.reason.empty());
  }
}

TEST(Xnnpack, says_why_not) {
  if (const Support here = xnnpack().available(); !here) GTEST_SKIP() << here.reason;
  const LayerSpec layer = one_by_one(8, 5, 8);
  EXPECT_THAT(xnnpack().supports(variant("auto"), {.layer = layer, .type = DataType::s8}).reason, HasSubstr("round their sums"));
  EXPECT_THAT(xnnpack().supports(variant("sparse"), {.layer = layer}).reason, HasSubstr("no weight is zero"));
  LayerSpec strided = layer;
  strided.stride_height = strided.stride_width = 2, strided.out_height = strided.out_width = 3;
  EXPECT_THAT(xnnpack().supports(variant("sparse"), {.layer = strided, .density = pruned(0.1)}).reason, HasSubstr("stride 1"));
  EXPECT_TRUE(xnnpack().supports(variant("auto"), {.layer = strided}));
}

TEST(Xnnpack, sparse_kernels_multiply_and_store_kept_weights_only) {
  if (const Support here = xnnpack().available(); !here) GTEST_SKIP() << here.reason;
  const LayerSpec layer = one_by_one(64, 7, 32);
  const Case c{.layer = layer, .density = pruned(0.25)};
  Tensor input(ElementType::f32, c.input_shape()), weights(ElementType::f32, c.weight_shape());
  for (std::int64_t i = 0; i < input.count(); ++i) input.set_value(i, 1);
  for (std::int64_t i = 0; i < weights.count(); i += 4) weights.set_value(i, 2);
  const Tensor none;
  const Operands operands{input, none, weights, none};
  const auto sparse = xnnpack().prepare(variant("sparse"), c, operands), dense = xnnpack().prepare(variant("auto"), c, operands);
  sparse->run(1);
  dense->run(1);
  EXPECT_EQ(sparse->work().macs_executed, 64u * 32 * 49 / 4);
  EXPECT_EQ(dense->work().macs_executed, 64u * 32 * 49);
  EXPECT_LT(sparse->work().bytes_packed, dense->work().bytes_packed);
  Tensor output(ElementType::f32, c.output_shape());
  sparse->read_output(output);
  for (std::int64_t i = 0; i < output.count(); ++i) ASSERT_EQ(output.value(i), 2 * 64 / 4);
}

}  // namespace
}  // namespace convroof
