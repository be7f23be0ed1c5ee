// The algebra of Winograd's minimal filtering (Toom-Cook evaluation and interpolation), in doubles: what weights are transformed with at `prepare`, what error
// models are derived from, and where the SIMD transforms take their constants.
//
// F(m, r): m outputs of a filter with r taps from n = m + r - 1 products. Filter and data are evaluated at n points: 0, +p1, -p1, +p2, -p2, ..., infinity.
//   y = A^T [ (G g) . (B^T d) ],   A^T[j][i] = a_i^j,   G[i] = (1, a_i, a_i^2 ...) / N_i(a_i),   B^T[i] = coefficients of N_i,   N_i(x) = prod over k != i (x -
//   a_k)
//
// Nested points: a smaller tile takes the first points of the same list and infinity, and the filter's value at a point does not depend on how many other
// points there are. So tiles of 4, 3 and 2 outputs share ONE set of transformed weights, and a map whose side 4 does not divide is cut into tiles of several
// sizes with neither wasted outputs nor more weights to read: 14 = 4 + 4 + 4 + 2 takes 22 products an axis where four tiles of 4 take 24, 7 = 4 + 3 takes 11
// instead of 12. The price: rows of B^T of the smaller tiles are scaled by what G, made for the largest, lacks.
#pragma once

#include <array>
#include <cmath>

namespace convroof::highway {

// Positive points of a set; each stands for itself and its negative. `points` is the largest n.
struct Points4 {
  static constexpr int points = 4;
  static constexpr std::array<double, 1> pairs = {1};
};
struct Points6 {
  static constexpr int points = 6;
  static constexpr std::array<double, 2> pairs = {0.75, 1.5};
};
struct Points8 {
  static constexpr int points = 8;
  static constexpr std::array<double, 3> pairs = {1, 2, 0.5};
};
enum class PointSet { points4, points6, points8 };

// Calls f(set) with the set's type.
template <typename F>
constexpr decltype(auto) visit_points(PointSet set, F&& f) {
  switch (set) {
    case PointSet::points4:
      return f(Points4{});
    case PointSet::points6:
      return f(Points6{});
    case PointSet::points8:
      break;
  }
  return f(Points8{});
}

constexpr int kMostPoints = 8;

// The i-th finite point.
template <class Points>
constexpr double point(int i) {
  return i == 0 ? 0.0 : (i % 2 == 1 ? 1 : -1) * Points::pairs[static_cast<std::size_t>((i - 1) / 2)];
}

// Coefficients of x^0, x^1 ... of the product of (x - point(k)) over finite points k < count, k != skip.
template <class Points>
constexpr std::array<double, kMostPoints> polynomial(int count, int skip) {
  std::array<double, kMostPoints> c = {1};
  for (int k = 0; k < count; ++k) {
    if (k == skip) continue;
    for (std::size_t i = kMostPoints - 1; i > 0; --i) c[i] = c[i - 1] - point<Points>(k) * c[i];
    c[0] = -point<Points>(k) * c[0];
  }
  return c;
}

// N_i(a_i) for a tile of n points.
template <class Points>
constexpr double normaliser(int n, int i) {
  double product = 1;
  for (int k = 0; k < n - 1; ++k)
    if (k != i) product *= point<Points>(i) - point<Points>(k);
  return product;
}

// What row i of B^T of an n-point tile is multiplied with, so that the weights of the whole set serve it.
template <class Points>
constexpr double row_scale(int n, int i) {
  return i == n - 1 ? 1.0 : normaliser<Points>(Points::points, i) / normaliser<Points>(n, i);
}

// Row i of B^T of an n-point tile, scale included. The last row belongs to infinity.
template <class Points>
constexpr std::array<double, kMostPoints> input_row(int n, int i) {
  std::array<double, kMostPoints> row = i == n - 1 ? polynomial<Points>(n - 1, -1) : polynomial<Points>(n - 1, i);
  for (double& value : row) value *= row_scale<Points>(n, i);
  return row;
}

// A^T[j][i] of an n-point tile with m outputs.
template <class Points>
constexpr double output_coefficient(int n, int m, int j, int i) {
  if (i == n - 1) return j == m - 1 ? 1.0 : 0.0;
  double power = 1;
  for (int k = 0; k < j; ++k) power *= point<Points>(i);
  return power;
}

// G[i][k] of the whole set.
template <class Points>
constexpr double filter_coefficient(int taps, int i, int k) {
  if (i == Points::points - 1) return k == taps - 1 ? 1.0 : 0.0;
  double power = 1;
  for (int t = 0; t < k; ++t) power *= point<Points>(i);
  return power / normaliser<Points>(Points::points, i);
}

// Where point i of an n-point tile stands in the whole set.
constexpr int place_of_point(int set_points, int n, int i) { return i == n - 1 ? set_points - 1 : i; }

// How far one axis can amplify relative rounding errors: the largest over outputs j of  sum over i |A[j][i]| |B[i]| |G[i]|  (Euclidean norms of the rows).
template <class Points>
double amplification(int taps, int m) {
  const int n = m + taps - 1;
  double largest = 0;
  for (int j = 0; j < m; ++j) {
    double sum = 0;
    for (int i = 0; i < n; ++i) {
      double b = 0, g = 0;
      for (const double value : input_row<Points>(n, i)) b += value * value;
      for (int k = 0; k < taps; ++k) g += std::pow(filter_coefficient<Points>(taps, place_of_point(Points::points, n, i), k), 2);
      sum += std::abs(output_coefficient<Points>(n, m, j, i)) * std::sqrt(b * g);
    }
    largest = std::max(largest, sum);
  }
  return largest;
}

}  // namespace convroof::highway
