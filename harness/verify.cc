#include "harness/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace convroof {
namespace {

// What one thread finds out about its planes.
struct Tally {
  double max_error = 0, bound = 0, squares_error = 0, squares_expected = 0;
  std::int64_t wrong = 0, nonzero = 0, first_wrong = -1;
  double first_actual = 0, first_expected = 0, first_bound = 0;

  void add(std::int64_t index, double actual, double expected, double allowed) {
    const double error = std::abs(actual - expected);
    if (expected != 0) ++nonzero;
    bound = std::max(bound, allowed);
    squares_expected += expected * expected;
    if (error <= allowed) {  // "is it inside?": NaN is not
      max_error = std::max(max_error, error);
      squares_error += error * error;
      return;
    }
    ++wrong;
    max_error = std::isfinite(error) ? std::max(max_error, error) : std::numeric_limits<double>::infinity();
    squares_error += error * error;
    if (first_wrong < 0) first_wrong = index, first_actual = actual, first_expected = expected, first_bound = allowed;
  }

  void merge(const Tally& other) {
    max_error = std::max(max_error, other.max_error);
    bound = std::max(bound, other.bound);
    squares_error += other.squares_error;
    squares_expected += other.squares_expected;
    nonzero += other.nonzero;
    if (other.first_wrong >= 0 && (first_wrong < 0 || other.first_wrong < first_wrong)) {
      first_wrong = other.first_wrong, first_actual = other.first_actual, first_expected = other.first_expected, first_bound = other.first_bound;
    }
    wrong += other.wrong;
  }
};

template <typename T>
double as_double(T value) {
  if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>)
    return static_cast<double>(static_cast<float>(value));
  else
    return static_cast<double>(value);
}

std::string position(std::int64_t index, const Tensor::Shape& shape) {
  return fmt::format("({}, {}, {}, {})", index / (shape[1] * shape[2] * shape[3]), index / (shape[2] * shape[3]) % shape[1], index / shape[3] % shape[2],
                     index % shape[3]);
}

// 0 where the model does not ask for it.
double largest_magnitude(const Expected& expected, const ErrorModel& model, const Tensor::Shape& shape) {
  double largest = 0;
  if (model.relative_to_largest_magnitude == 0) return largest;
#pragma omp parallel reduction(max : largest)
  {
    std::vector<double> magnitude(static_cast<std::size_t>(shape[2] * shape[3]));
#pragma omp for schedule(static)
    for (std::int64_t plane = 0; plane < shape[0] * shape[1]; ++plane) {
      expected.magnitudes(plane / shape[1], plane % shape[1], magnitude);
      for (const double m : magnitude) largest = std::max(largest, m);
    }
  }
  return largest;
}

bool is_exact(const ErrorModel& model) {
  return model.relative_to_magnitude == 0 && model.relative_to_expected == 0 && model.absolute == 0 && model.relative_to_largest_magnitude == 0;
}

// Expected elements that are not zero; -1 if any element differs from what is expected. Most outputs of integers end here.
std::int64_t nonzero_if_equal(const Tensor& actual, std::span<const double> wanted) {
  std::int64_t nonzero = 0, different = 0;
  visit_type(actual.type(), [&](auto zero) {
    using T = decltype(zero);
    const T* const got = actual.as<T>().data();
    const std::int64_t count = actual.count();
#pragma omp parallel for schedule(static) reduction(+ : nonzero, different)
    for (std::int64_t i = 0; i < count; ++i) {
      const double want = wanted[static_cast<std::size_t>(i)];
      nonzero += want != 0 ? 1 : 0;
      different += as_double(got[i]) == want ? 0 : 1;
    }
  });
  return different == 0 ? nonzero : -1;
}

}  // namespace

Verdict verify(const Tensor& actual, const Expected& expected, const ErrorModel& model) {
  Verdict verdict;
  if (actual.shape() != expected.tensor().shape()) {
    verdict.reason = "the output has another shape than expected";
    return verdict;
  }
  const Tensor::Shape& shape = actual.shape();
  const std::int64_t planes = shape[0] * shape[1], pixels = shape[2] * shape[3];
  const std::span<const double> wanted = expected.values();
  if (is_exact(model))
    if (const std::int64_t nonzero = nonzero_if_equal(actual, wanted); nonzero >= 0) {
      verdict.right = true;
      verdict.share_nonzero = static_cast<double>(nonzero) / static_cast<double>(actual.count());
      return verdict;
    }
  const bool by_magnitude = model.relative_to_magnitude != 0;
  const double of_largest = model.relative_to_largest_magnitude * largest_magnitude(expected, model, shape);
  Tally total;
  visit_type(actual.type(), [&](auto zero) {
    using T = decltype(zero);
    const T* const got = actual.as<T>().data();
#pragma omp parallel
    {
      Tally mine;
      std::vector<double> magnitude(static_cast<std::size_t>(pixels), 0.0);
#pragma omp for schedule(static) nowait
      for (std::int64_t plane = 0; plane < planes; ++plane) {
        if (by_magnitude) expected.magnitudes(plane / shape[1], plane % shape[1], magnitude);
        for (std::int64_t i = 0; i < pixels; ++i) {
          const std::int64_t index = plane * pixels + i;
          const double want = wanted[static_cast<std::size_t>(index)];
          const double allowed =
              model.relative_to_magnitude * magnitude[static_cast<std::size_t>(i)] + model.relative_to_expected * std::abs(want) + of_largest + model.absolute;
          mine.add(index, as_double(got[index]), want, std::max(0.0, allowed));
        }
      }
#pragma omp critical
      total.merge(mine);
    }
  });

  verdict.max_error = total.max_error;
  verdict.error_bound = total.bound;
  verdict.relative_l2_error = total.squares_expected > 0 ? std::sqrt(total.squares_error / total.squares_expected) : std::sqrt(total.squares_error);
  verdict.share_nonzero = static_cast<double>(total.nonzero) / static_cast<double>(actual.count());
  verdict.wrong = total.wrong;
  if (total.wrong > 0) {
    verdict.reason = fmt::format("{} of {} elements are outside their bound; the first, {}, is {} and should be {} +- {:.3g}", total.wrong, actual.count(),
                                 position(total.first_wrong, shape), total.first_actual, total.first_expected, total.first_bound);
    return verdict;
  }
  if (model.largest_relative_l2 > 0 && !(verdict.relative_l2_error <= model.largest_relative_l2)) {
    verdict.reason = fmt::format("the whole output is {:.3g} from the expected one (relative, Euclidean); {:.3g} is allowed", verdict.relative_l2_error,
                                 model.largest_relative_l2);
    return verdict;
  }
  verdict.right = true;
  return verdict;
}

}  // namespace convroof
