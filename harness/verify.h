// Whether an output is right. Nothing is timed that has not passed here.
#pragma once

#include <cstdint>
#include <string>

#include "backends/backend.h"
#include "backends/tensor.h"
#include "harness/expected.h"

namespace convroof {

struct Verdict {
  bool right = false;
  double max_error = 0;          // largest |actual - expected|; infinite where an element is not finite
  double error_bound = 0;        // the widest bound of any element
  double relative_l2_error = 0;  // |actual - expected|_2 / |expected|_2
  double share_nonzero = 0;      // of the expected elements
  std::int64_t wrong = 0;        // elements outside their bound
  std::string reason;            // where wrong: the first element outside its bound, with all the numbers
};

// Below this share of non-zero elements an output proves nothing, and the case is untrusted.
inline constexpr double kFewestNonZero = 0.01;

Verdict verify(const Tensor& actual, const Expected& expected, const ErrorModel& model);

}  // namespace convroof
