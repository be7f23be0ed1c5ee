// One suite for every registered backend and variant; a new one is covered without an edit. Cases are small and odd, since bugs live at the edges.
// A variant may refuse a case (with a reason); what it accepts must be right, completely written, repeatable and truthfully accounted for.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "backends/registry.h"
#include "tests/backends/plain_layer.h"

namespace convroof {
namespace {

using testing_support::plain_layer;
using testing_support::PlainResult;

struct Shape {
  const char* name;
  LayerSpec layer;
  std::int64_t batch = 1;
};

LayerSpec conv(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t filters, std::int64_t kernel, std::int64_t stride = 1,
               std::int64_t pad = 0, std::int64_t groups = 1, std::int64_t dilation = 1) {
  LayerSpec l;
  l.op = Op::conv;
  l.in_channels = channels, l.in_height = height, l.in_width = width, l.out_channels = filters, l.groups = groups;
  l.kernel_height = l.kernel_width = kernel;
  l.stride_height = l.stride_width = stride;
  l.dilation_height = l.dilation_width = dilation;
  l.pad_top = l.pad_left = l.pad_bottom = l.pad_right = pad;
  l.has_bias = true;
  return l;
}

void set_output_size(LayerSpec& l) {
  l.out_height = output_extent(l.in_height, l.kernel_height, l.stride_height, l.dilation_height, l.pad_top, l.pad_bottom);
  l.out_width = output_extent(l.in_width, l.kernel_width, l.stride_width, l.dilation_width, l.pad_left, l.pad_right);
  validate(l);
}

LayerSpec fc(std::int64_t channels, std::int64_t size, std::int64_t outputs) {
  LayerSpec l = conv(channels, size, size, outputs, size);
  l.op = Op::fc;
  return l;
}

LayerSpec pool(Op op, std::int64_t channels, std::int64_t size, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  LayerSpec l = conv(channels, size, size, channels, kernel, stride, pad);
  l.op = op, l.has_bias = false;
  return l;
}

LayerSpec pointwise(Op op, std::int64_t channels, std::int64_t height, std::int64_t width) {
  LayerSpec l;
  l.op = op;
  l.in_channels = l.out_channels = channels, l.in_height = l.out_height = height, l.in_width = l.out_width = width;
  return l;
}

std::vector<Shape> shapes() {
  std::vector<Shape> all = {
      {"one_by_one", conv(5, 4, 3, 7, 1)},
      {"one_by_one_wide", conv(64, 7, 7, 48, 1), 2},
      {"one_by_one_stride_two", conv(16, 9, 9, 32, 1, 2)},
      {"three_by_three", conv(17, 13, 11, 19, 3, 1, 1)},
      {"three_by_three_blocks", conv(32, 14, 14, 64, 3, 1, 1), 3},
      {"three_by_three_seven", conv(16, 7, 7, 16, 3, 1, 1)},
      {"three_by_three_unpadded", conv(3, 9, 8, 5, 3)},
      {"three_by_three_stride_two", conv(8, 15, 15, 16, 3, 2, 1)},
      {"five_by_five", conv(6, 12, 13, 10, 5, 1, 2)},
      {"five_by_five_groups", conv(8, 9, 9, 12, 5, 1, 2, 2)},
      {"seven_by_seven_stride_two", conv(3, 30, 31, 16, 7, 2, 3)},
      {"eleven_by_eleven_stride_four", conv(3, 35, 35, 9, 11, 4)},
      {"one_channel", conv(1, 6, 6, 1, 3, 1, 1)},
      {"one_everything", conv(1, 1, 1, 1, 1)},
      {"many_to_one", conv(33, 5, 5, 1, 3, 1, 1)},
      {"groups", conv(12, 8, 8, 18, 3, 1, 1, 3)},
      {"depthwise", conv(7, 6, 9, 7, 3, 1, 1, 7)},
      {"dilated", conv(4, 11, 12, 6, 3, 1, 2, 1, 2)},
      {"padding_larger_than_input", conv(2, 2, 2, 3, 5, 1, 4)},
      {"stride_larger_than_kernel", conv(3, 11, 10, 4, 2, 3)},
      {"fully_connected", fc(40, 1, 33)},
      {"fully_connected_of_a_map", fc(6, 5, 17), 3},
      {"fully_connected_batch", fc(65, 1, 31), 16},
      {"maxpool", pool(Op::maxpool, 5, 13, 3, 2, 0)},
      {"maxpool_padded", pool(Op::maxpool, 18, 8, 3, 2, 1), 2},
      {"avgpool", pool(Op::avgpool, 5, 7, 7, 1, 0)},
      {"avgpool_padded", pool(Op::avgpool, 3, 6, 3, 2, 1)},
      {"lrn", pointwise(Op::lrn, 9, 3, 4)},
      {"add", pointwise(Op::add, 5, 7, 3), 2},
      {"relu", pointwise(Op::relu, 5, 7, 3)},
      {"softmax", pointwise(Op::softmax, 37, 1, 1), 2},
  };
  Shape lopsided{"lopsided", conv(3, 9, 14, 5, 3)};  // every axis different
  lopsided.layer.kernel_width = 5, lopsided.layer.stride_width = 2, lopsided.layer.pad_top = 2, lopsided.layer.pad_right = 1;
  lopsided.layer.dilation_height = 2;
  all.push_back(lopsided);
  Shape flat{"one_dimensional", conv(4, 1, 25, 6, 1)};
  flat.layer.kernel_width = 5, flat.layer.pad_left = flat.layer.pad_right = 2;
  all.push_back(flat);
  for (Shape& shape : all) {
    shape.layer.name = shape.name;
    if (shape.layer.has_weights() || shape.layer.op == Op::maxpool || shape.layer.op == Op::avgpool) set_output_size(shape.layer);
  }
  return all;
}

struct OwnedOperands {
  Tensor input, addend, weights, bias;
  Operands view() const { return {input, addend, weights, bias}; }
};

// Small integers (exact in every type) or normal values; then zeros by the case's density.
OwnedOperands make_operands(const Case& c, bool integers, std::mt19937& random) {
  const NumberFormat format = format_of(c.type);
  OwnedOperands o;
  std::normal_distribution<double> normal;
  const auto fill = [&](Tensor& t, int low, int high, double scale) {
    for (std::int64_t i = 0; i < t.count(); ++i)
      t.set_value(i, integers ? static_cast<double>(std::uniform_int_distribution<int>(low, high)(random)) : scale * normal(random));
  };
  const int input_low = format.activation == ElementType::u8 ? 0 : -3;
  o.input = Tensor(format.activation, c.input_shape());
  fill(o.input, input_low, 3, 1);
  if (c.layer.op == Op::add) o.addend = Tensor(format.activation, c.input_shape()), fill(o.addend, input_low, 3, 1);
  if (c.layer.has_weights()) {
    o.weights = Tensor(format.weight, c.weight_shape());
    fill(o.weights, -2, 2, 1 / std::sqrt(static_cast<double>(c.layer.reduction_length())));
  }
  if (c.layer.has_bias) o.bias = Tensor(format.accumulator, {c.layer.out_channels, 1, 1, 1}), fill(o.bias, -5, 5, 1);

  std::uniform_real_distribution<double> coin(0, 1);
  for (std::int64_t i = 0; i < o.input.count(); ++i)
    if (coin(random) >= c.density.activations) o.input.set_value(i, 0);
  const WeightSparsity& w = c.density.weights;
  const std::int64_t taps = c.layer.kernel_height * c.layer.kernel_width, channels = c.layer.in_channels_per_group();
  for (std::int64_t i = 0; i < o.weights.count(); ++i) {
    const std::int64_t channel = i / taps % channels;
    if (w.pattern == WeightSparsity::Pattern::unstructured && coin(random) >= w.share) o.weights.set_value(i, 0);
    if (w.pattern == WeightSparsity::Pattern::n_of_m && channel % w.m >= w.n) o.weights.set_value(i, 0);
  }
  return o;
}

std::vector<LayerDensity> densities(const LayerSpec& layer) {
  std::vector<LayerDensity> all(1);
  if (!layer.has_weights()) return all;
  for (const double share : {0.0, 0.1, 0.5}) {
    LayerDensity density;
    density.weights = {WeightSparsity::Pattern::unstructured, share, 0, 0};
    density.activations = share == 0.1 ? 0.5 : 1.0;
    all.push_back(density);
  }
  LayerDensity structured;
  structured.weights = {WeightSparsity::Pattern::n_of_m, 0.5, 2, 4};
  all.push_back(structured);
  structured.activations = 0.0;
  all.push_back(structured);
  return all;
}

double rounded_to(ElementType type, double value) {
  Tensor t(type, {1, 1, 1, 1});
  t.set_value(0, value);
  return t.value(0);
}

bool same_bound(const ErrorModel& a, const ErrorModel& b) {
  return a.relative_to_magnitude == b.relative_to_magnitude && a.relative_to_largest_magnitude == b.relative_to_largest_magnitude &&
         a.relative_to_expected == b.relative_to_expected && a.absolute == b.absolute;
}

class Conformance : public testing::Test {
 public:
  Conformance(Backend& backend, Variant variant, DataType type) : backend_(backend), variant_(std::move(variant)), type_(type) {}

  void TestBody() override {
    std::mt19937 random(20121);
    std::string refusal = "nothing was offered";
    int checked = 0;
    for (const Shape& shape : shapes())
      for (const bool integers : {true, false}) {
        if (!integers && is_integer(type_)) continue;
        for (const LayerDensity& density : densities(shape.layer)) {
          LayerSpec layer = shape.layer;
          if (layer.has_weights()) {
            constexpr Activation kActivations[] = {Activation::none, Activation::relu, Activation::relu, Activation::sigmoid, Activation::tanh};
            layer.activation = kActivations[random() % (is_integer(type_) ? 3 : 5)];
          }
          constexpr Epilogue kEpilogues[] = {Epilogue::layer, Epilogue::layer, Epilogue::bias, Epilogue::none};
          const Case c{.layer = layer,
                       .type = type_,
                       .batch = shape.batch,
                       .epilogue = kEpilogues[random() % 4],
                       .threads = 1 + static_cast<int>(random() % 2),
                       .density = density};
          const Support support = backend_.supports(variant_, c);
          if (!support) {
            EXPECT_FALSE(support.reason.empty()) << shape.name << ": a refusal without a reason";
            refusal = support.reason;
            continue;
          }
          SCOPED_TRACE(fmt::format("{} {} {} {} threads {} epilogue {} activation {} weights {} activations {}", shape.name, canonical_shape(layer),
                                   name_of(type_), integers ? "integers" : "normal", c.threads, name_of(c.epilogue), name_of(c.activation()),
                                   density.weights.share, density.activations));
          check(c, integers || is_integer(type_), random);
          ++checked;
          if (HasFatalFailure()) return;
        }
      }
    if (checked == 0) GTEST_SKIP() << refusal;
  }

 private:
  void check(const Case& c, bool integers, std::mt19937& random) {
    const OwnedOperands operands = make_operands(c, integers, random);
    const PlainResult plain = plain_layer(c, operands.view());
    const ElementType output_type = format_of(c.type).output;
    const ErrorModel model = backend_.error(variant_, c);
    // Direct kernels must be exact on integers: every sum and product is.
    const bool rational = c.layer.has_weights() || c.layer.op == Op::maxpool || c.layer.op == Op::add || c.layer.op == Op::relu;
    const bool smooth = c.activation() == Activation::sigmoid || c.activation() == Activation::tanh;
    const bool direct = same_bound(model, direct_error_model(c));
    const bool exact = integers && rational && !smooth && direct;

    const std::unique_ptr<Kernel> kernel = backend_.prepare(variant_, c, operands.view());
    ASSERT_NE(kernel, nullptr);
    Tensor output(output_type, c.output_shape()), again(output_type, c.output_shape());
    kernel->poison_output();
    kernel->run(1);
    output.poison();
    kernel->read_output(output);
    double square_error = 0, square = 0;
    const double largest = plain.magnitude.empty() ? 0 : *std::ranges::max_element(plain.magnitude);
    for (std::int64_t i = 0; i < output.count(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      const double actual = output.value(i), expected = plain.expected[at];
      square_error += (actual - expected) * (actual - expected), square += expected * expected;
      if (exact) {
        ASSERT_EQ(actual, rounded_to(output_type, expected)) << "element " << i << " of " << output.count();
      } else {
        const double bound = model.relative_to_magnitude * plain.magnitude[at] + model.relative_to_largest_magnitude * largest +
                             model.relative_to_expected * std::abs(expected) + model.absolute;
        ASSERT_TRUE(std::abs(actual - expected) <= bound) << "element " << i << ": " << actual << ", expected " << expected << " +- " << bound;
      }
    }
    if (model.largest_relative_l2 > 0 && square > 0) {
      EXPECT_LE(std::sqrt(square_error / square), model.largest_relative_l2);
    }

    // The same again: run(n) computes the layer n times and leaves the same output.
    kernel->poison_output();
    kernel->run(3);
    kernel->read_output(again);
    for (std::int64_t i = 0; i < output.count(); ++i) ASSERT_EQ(again.value(i), output.value(i)) << "element " << i << " changed when run again";

    const Work work = kernel->work();
    ASSERT_FALSE(work.unit_used.empty());
    ASSERT_FALSE(work.accumulator.empty());
    ASSERT_GT(work.bytes_packed, 0u);
    const auto valid = static_cast<std::uint64_t>(c.batch * macs_valid(c.layer));
    if (!c.layer.has_weights()) {
      ASSERT_EQ(work.macs_executed, 0u);
    } else if (backend_.clock() != Clock::simulated && direct) {
      ASSERT_LE(work.macs_executed, valid);
      if (c.density.is_dense() && !variant_.name.starts_with("sparse")) {
        ASSERT_EQ(work.macs_executed, valid) << "direct kernels report the valid taps";
      }
    }
  }

  Backend& backend_;
  const Variant variant_;
  const DataType type_;
};

}  // namespace
}  // namespace convroof

int main(int argc, char** argv) {
  using namespace convroof;
  testing::InitGoogleTest(&argc, argv);
  for (const auto& backend : backends())
    for (const Variant& variant : backend->variants())
      for (const DataType type : all_data_types()) {
        std::string name = fmt::format("{}/{}/{}", backend->name(), variant.name, name_of(type));
        std::ranges::replace(name, '-', '_');  // in a test filter, a minus excludes what follows: ctest would run no test at all and call that a pass
        testing::RegisterTest("Conformance", name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                              [b = backend.get(), variant, type]() -> testing::Test* { return new Conformance(*b, variant, type); });
      }
  return RUN_ALL_TESTS();
}
