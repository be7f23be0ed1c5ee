#include "harness/verify.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "harness/inputs.h"
#include "tests/harness/shapes.h"

namespace convroof {
namespace {

// A right answer, to be spoilt. Square, so that a swapped axis keeps the shape.
class Verify : public ::testing::TestWithParam<DataType> {
 protected:
  Verify()
      : layer_(square()),
        case_{.layer = layer_, .type = GetParam(), .batch = 2},
        operands_(make_operands(layer_, GetParam(), 2, {}, default_data(GetParam()), 1)),
        expected_(case_, operands_.view()),
        output_(format_of(GetParam()).output, case_.output_shape()),
        model_(direct_error_model(case_)) {
    for (std::int64_t i = 0; i < output_.count(); ++i) output_.set_value(i, expected_.values()[static_cast<std::size_t>(i)]);
  }
  static LayerSpec square() {
    LayerSpec l = testing_support::convolution(6, 8, 6, 3, 1, 1);
    l.in_width = l.in_height, l.out_width = l.out_height;
    validate(l);
    return l;
  }
  bool right() const { return verify(output_, expected_, model_).right; }
  std::int64_t most_negative() const {
    std::int64_t found = 0;
    for (std::int64_t i = 1; i < output_.count(); ++i)
      if (output_.value(i) < output_.value(found)) found = i;
    return found;
  }

  LayerSpec layer_;
  Case case_;
  OperandSet operands_;
  Expected expected_;
  Tensor output_;
  ErrorModel model_;
};

TEST_P(Verify, accepts_the_right_answer) {
  const Verdict verdict = verify(output_, expected_, model_);
  EXPECT_TRUE(verdict.right) << verdict.reason;
  EXPECT_LE(verdict.max_error, verdict.error_bound);
  EXPECT_EQ(verdict.wrong, 0);
  EXPECT_GT(verdict.share_nonzero, 0.9);
}

TEST_P(Verify, rejects_not_a_number) {
  if (is_integer(output_.type())) GTEST_SKIP() << "integers have no NaN";
  output_.set_value(17, std::numeric_limits<double>::quiet_NaN());
  const Verdict verdict = verify(output_, expected_, model_);
  EXPECT_FALSE(verdict.right);
  EXPECT_EQ(verdict.wrong, 1);
  EXPECT_NE(verdict.reason.find("nan"), std::string::npos);
}

TEST_P(Verify, rejects_infinity) {
  if (is_integer(output_.type())) GTEST_SKIP() << "integers have no infinity";
  output_.set_value(17, std::numeric_limits<double>::infinity());
  EXPECT_FALSE(right());
}

TEST_P(Verify, rejects_all_zeros) {
  output_ = Tensor(output_.type(), output_.shape());
  EXPECT_FALSE(right());
}

TEST_P(Verify, rejects_one_wrong_element) {
  const std::int64_t last = output_.count() - 1;
  output_.set_value(last, output_.value(last) + (is_integer(output_.type()) ? 1 : 0.1 + std::abs(output_.value(last)) * 0.05));
  const Verdict verdict = verify(output_, expected_, model_);
  EXPECT_FALSE(verdict.right);
  EXPECT_EQ(verdict.wrong, 1);
  EXPECT_NE(verdict.reason.find("(1, 5, 7, 7)"), std::string::npos) << verdict.reason;
}

TEST_P(Verify, rejects_a_swapped_axis) {
  Tensor swapped(output_.type(), output_.shape());
  const std::int64_t side = layer_.out_height;
  for (std::int64_t plane = 0; plane < 2 * layer_.out_channels; ++plane)
    for (std::int64_t y = 0; y < side; ++y)
      for (std::int64_t x = 0; x < side; ++x) swapped.set_value((plane * side + y) * side + x, output_.value((plane * side + x) * side + y));
  output_ = std::move(swapped);
  EXPECT_FALSE(right());
}

TEST_P(Verify, rejects_two_negatives_that_are_wrong) {
  // A comparison of ratios would call -2x and -2y as good as -x and -y where both are off by the same factor.
  const std::int64_t a = most_negative(), b = a == 0 ? 1 : a - 1;
  ASSERT_LT(output_.value(a), 0);
  output_.set_value(a, output_.value(a) * 2);
  output_.set_value(b, -std::abs(output_.value(b)) * 2 - 1);
  EXPECT_FALSE(right());
}

TEST_P(Verify, rejects_an_unwritten_output) {
  output_.poison();
  const Verdict verdict = verify(output_, expected_, model_);
  EXPECT_FALSE(verdict.right);
  EXPECT_EQ(verdict.wrong, output_.count());
}

TEST_P(Verify, rejects_one_unwritten_element) {
  Tensor poison(output_.type(), output_.shape());
  poison.poison();
  visit_type(output_.type(), [&](auto zero) {
    using T = decltype(zero);
    output_.as<T>()[3] = poison.as<T>()[3];
  });
  EXPECT_FALSE(right());
}

TEST_P(Verify, rejects_another_shape) {
  Tensor other(output_.type(), {2, 6, 4, 16});
  for (std::int64_t i = 0; i < other.count(); ++i) other.set_value(i, output_.value(i));
  EXPECT_FALSE(verify(other, expected_, model_).right);
}

TEST_P(Verify, second_gate_on_the_whole_tensor) {
  ErrorModel wide = model_;
  wide.absolute = 1e6;
  wide.largest_relative_l2 = 1e-3;
  EXPECT_TRUE(verify(output_, expected_, wide).right || GetParam() == DataType::bf16);
  for (std::int64_t i = 0; i < output_.count(); ++i) output_.set_value(i, output_.value(i) * 2 + 3);
  const Verdict verdict = verify(output_, expected_, wide);
  EXPECT_FALSE(verdict.right);
  EXPECT_EQ(verdict.wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(types, Verify, ::testing::ValuesIn(all_data_types()), [](const auto& type) { return std::string(name_of(type.param)); });

// A bound that would be negative asks for equality, and so accepts and rejects as zero does.
TEST_P(Verify, a_negative_bound_is_none) {
  if (!is_integer(output_.type())) GTEST_SKIP() << "the expected output is not rounded to the type";
  model_ = {.relative_to_magnitude = 1e-9, .absolute = -1e9};
  EXPECT_TRUE(right());
  output_.set_value(5, output_.value(5) + 1);
  EXPECT_FALSE(right());
}

TEST(VerifyShare, of_elements_that_are_not_zero) {
  const LayerSpec layer = testing_support::convolution(3, 7, 4, 3);
  LayerDensity nothing;
  nothing.weights = {WeightSparsity::Pattern::unstructured, 0.0, 0, 0};
  const OperandSet operands = make_operands(layer, DataType::f32, 1, nothing, Data::normal, 1);
  const Case c{.layer = layer, .epilogue = Epilogue::none};
  const Expected expected(c, operands.view());
  const Verdict verdict = verify(Tensor(ElementType::f32, c.output_shape()), expected, direct_error_model(c));
  EXPECT_TRUE(verdict.right);
  EXPECT_LT(verdict.share_nonzero, kFewestNonZero);
}

}  // namespace
}  // namespace convroof
