#include "backends/highway/winograd_transforms.h"

#include <algorithm>

#include "backends/highway/f32_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/winograd_transforms.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));

template <int skip, class Points>
constexpr std::array<double, kMostPoints> pair_polynomial(int pairs) {  // of the product of (x - p_k^2), k != skip
  std::array<double, kMostPoints> c = {1};
  for (int k = 0; k < pairs; ++k) {
    if (k == skip) continue;
    const double square = Points::pairs[static_cast<std::size_t>(k)] * Points::pairs[static_cast<std::size_t>(k)];
    for (std::size_t i = kMostPoints - 1; i > 0; --i) c[i] = c[i - 1] - square * c[i];
    c[0] = -square * c[0];
  }
  return c;
}

// a + constant * b
HWY_INLINE V add_scaled(V a, double constant, V b) {
  const D d;
  if (constant == 1) return hn::Add(a, b);
  if (constant == -1) return hn::Sub(a, b);
  return hn::MulAdd(hn::Set(d, static_cast<float>(constant)), b, a);
}

HWY_INLINE V scaled(V a, double constant) {
  const D d;
  return constant == 1 ? a : hn::Mul(hn::Set(d, static_cast<float>(constant)), a);
}

// x[first] * c[0] + x[first + 2] * c[1] + ... with c[degree] = 1
template <int degree>
HWY_INLINE V every_other(const V* x, int first, const std::array<double, kMostPoints>& c) {
  V sum = x[first + 2 * degree];
  HWY_UNROLL(4)
  for (int k = 0; k < degree; ++k) sum = add_scaled(sum, c[static_cast<std::size_t>(k)], x[first + 2 * k]);
  return sum;
}

template <int pair, int pairs, class Points>
HWY_INLINE void input_pairs(const V* x, V* out) {
  if constexpr (pair < pairs) {
    // N of +-p is (x^2 +- p x) Q(x^2): even and odd part are shared by the two.
    constexpr std::array<double, kMostPoints> q = pair_polynomial<pair, Points>(pairs);
    const V even = every_other<pairs - 1>(x, 2, q), odd = every_other<pairs - 1>(x, 1, q);
    out[1 + 2 * pair] = add_scaled(even, Points::pairs[pair], odd);
    out[2 + 2 * pair] = add_scaled(even, -Points::pairs[pair], odd);
    input_pairs<pair + 1, pairs, Points>(x, out);
  }
}

template <int n, int i, class Points>
HWY_INLINE void input_dense(const V* x, V* out) {
  if constexpr (i < n) {
    constexpr std::array<double, kMostPoints> row = input_row<Points>(n, i);
    V sum = hn::Zero(D());
    bool empty = true;
    HWY_UNROLL(8)
    for (int k = 0; k < n; ++k) {
      if (row[static_cast<std::size_t>(k)] == 0) continue;
      sum = empty ? scaled(x[k], row[static_cast<std::size_t>(k)]) : add_scaled(sum, row[static_cast<std::size_t>(k)], x[k]);
      empty = false;
    }
    out[i] = sum;
    input_dense<n, i + 1, Points>(x, out);
  }
}

template <int n, int i, class Points>
HWY_INLINE void scale_rows(V* out) {
  if constexpr (i < n - 1 && n != Points::points) {
    constexpr double scale = row_scale<Points>(n, i);
    out[i] = scaled(out[i], scale);
    scale_rows<n, i + 1, Points>(out);
  }
}

// One axis: n data -> n points.
template <int n, class Points>
HWY_INLINE void input_axis(const V* x, V* out) {
  if constexpr (n % 2 == 0) {
    constexpr int pairs = (n - 2) / 2;
    constexpr std::array<double, kMostPoints> all = pair_polynomial<-1, Points>(pairs);
    out[0] = every_other<pairs>(x, 0, all);
    input_pairs<0, pairs, Points>(x, out);
    out[n - 1] = every_other<pairs>(x, 1, all);
    scale_rows<n, 0, Points>(out);
  } else {
    input_dense<n, 0, Points>(x, out);
  }
}

template <class Points>
constexpr double power(int pair, int exponent) {
  double p = 1;
  for (int i = 0; i < exponent; ++i) p *= Points::pairs[static_cast<std::size_t>(pair)];
  return p;
}

template <int n, int m, int j, class Points>
HWY_INLINE void output_rows(const V* x, const V* sums, const V* differences, V* y) {
  if constexpr (j < m) {
    constexpr int pairs = (n - 2) / 2;  // n odd: the last pair has lost its negative half
    V value = j == 0 ? x[0] : scaled(j % 2 == 0 ? sums[0] : differences[0], power<Points>(0, j));
    HWY_UNROLL(4)
    for (int k = j == 0 ? 0 : 1; k < pairs; ++k) value = add_scaled(value, power<Points>(k, j), j % 2 == 0 ? sums[k] : differences[k]);
    if (n % 2 == 1) value = add_scaled(value, power<Points>(pairs, j), x[n - 2]);
    if (j == m - 1) value = hn::Add(value, x[n - 1]);
    y[j] = value;
    output_rows<n, m, j + 1, Points>(x, sums, differences, y);
  }
}

// One axis: n products -> m outputs.
template <int n, int m, class Points>
HWY_INLINE void output_axis(const V* x, V* y) {
  constexpr int pairs = (n - 2) / 2;
  V sums[pairs], differences[pairs];
  HWY_UNROLL(4)
  for (int k = 0; k < pairs; ++k) {
    sums[k] = hn::Add(x[1 + 2 * k], x[2 + 2 * k]);
    differences[k] = hn::Sub(x[1 + 2 * k], x[2 + 2 * k]);
  }
  output_rows<n, m, 0, Points>(x, sums, differences, y);
}

// Maps come from the outer caches in as many streams as a tile has rows, more than prefetchers follow: so the columns of the tile after next are asked for.
constexpr int kColumnsAhead = 10;

// Vertical pass: columns [0, width) of the tile, each n tall, into `between`[point][column].
template <int n, class Points>
void input_columns(const float* in, std::ptrdiff_t row_stride, int width, float* between) {
  const D d;
  for (int column = 0; column < width; ++column)
    for (int lane = 0; lane < 16; lane += kLanes) {
      V x[n], out[n];
      HWY_UNROLL(8)
      for (int i = 0; i < n; ++i) {
        x[i] = hn::LoadU(d, in + i * row_stride + column * 16 + lane);
        hwy::Prefetch(in + i * row_stride + (column + kColumnsAhead) * 16);
      }
      input_axis<n, Points>(x, out);
      HWY_UNROLL(8)
      for (int i = 0; i < n; ++i) hn::Store(out[i], d, between + (i * kMostPoints + column) * 16 + lane);
    }
}

// Horizontal pass: rows of `between` into the points.
template <int n, class Points>
void input_lines(const float* between, int height, float* out_base, const std::ptrdiff_t* offset) {
  const D d;
  for (int line = 0; line < height; ++line) {
    const std::ptrdiff_t* HWY_RESTRICT to = offset + place_of_point(Points::points, height, line) * Points::points;
    for (int lane = 0; lane < 16; lane += kLanes) {
      V x[n], out[n];
      HWY_UNROLL(8)
      for (int i = 0; i < n; ++i) x[i] = hn::Load(d, between + (line * kMostPoints + i) * 16 + lane);
      input_axis<n, Points>(x, out);
      HWY_UNROLL(8)
      for (int i = 0; i < n; ++i) hn::Store(out[i], d, out_base + to[place_of_point(Points::points, n, i)] + lane);
    }
  }
}

// The two points of one step of a vertical pass: 0 and infinity, or a pair.
template <int n, int group, class Points>
HWY_INLINE void input_group(const V* x, V* out) {
  constexpr int pairs = (n - 2) / 2;
  constexpr bool is_largest = n == Points::points;
  if constexpr (group == 0) {
    constexpr std::array<double, kMostPoints> all = pair_polynomial<-1, Points>(pairs);
    out[0] = scaled(every_other<pairs>(x, 0, all), is_largest ? 1.0 : row_scale<Points>(n, 0));
    out[1] = every_other<pairs>(x, 1, all);
  } else {
    constexpr int pair = group - 1;
    constexpr std::array<double, kMostPoints> q = pair_polynomial<pair, Points>(pairs);
    const V even = every_other<pairs - 1>(x, 2, q), odd = every_other<pairs - 1>(x, 1, q);
    out[0] = scaled(add_scaled(even, Points::pairs[pair], odd), is_largest ? 1.0 : row_scale<Points>(n, 1 + 2 * pair));
    out[1] = scaled(add_scaled(even, -Points::pairs[pair], odd), is_largest ? 1.0 : row_scale<Points>(n, 2 + 2 * pair));
  }
}

// Both passes of a tile without a stop in memory. All its points do not fit into the registers, but two rows of them do: the data are read once for each two.
// A store of 64 bytes takes two cycles on Zen 4, a load one.
template <int h, int w, int group, class Points>
HWY_INLINE void input_two_rows(const float* const* rows, int column_begin, int column_end, float* out_base, const std::ptrdiff_t* offset, int lane) {
  if constexpr (group < h / 2) {
    const D d;
    V t[2][w];
    HWY_UNROLL(8)
    for (int column = 0; column < w; ++column) {
      if (column < column_begin || column >= column_end) {
        t[0][column] = t[1][column] = hn::Zero(d);
        continue;
      }
      V x[h], pair[2];
      HWY_UNROLL(8)
      for (int i = 0; i < h; ++i) {
        if (group != 0 && (i == 0 || i == h - 1)) continue;
        x[i] = hn::LoadU(d, rows[i] + column * 16 + lane);
        if (group == 0) hwy::Prefetch(rows[i] + (column + kColumnsAhead) * 16);
      }
      input_group<h, group, Points>(x, pair);
      t[0][column] = pair[0];
      t[1][column] = pair[1];
    }
    HWY_UNROLL(2)
    for (int i = 0; i < 2; ++i) {
      const int point = group == 0 ? (i == 0 ? 0 : h - 1) : 2 * group - 1 + i;
      const std::ptrdiff_t* HWY_RESTRICT to = offset + place_of_point(Points::points, h, point) * Points::points;
      V out[w];
      input_axis<w, Points>(t[i], out);
      HWY_UNROLL(8)
      for (int j = 0; j < w; ++j) hn::Store(out[j], d, out_base + to[place_of_point(Points::points, w, j)] + lane);
    }
    input_two_rows<h, w, group + 1, Points>(rows, column_begin, column_end, out_base, offset, lane);
  }
}

// What rows outside of the image hold.
alignas(64) constexpr float kZeros[(kMostPoints + kColumnsAhead) * 16] = {};

template <int h, int w, class Points>
void input_tiles(const InputRun& run) {
  for (std::int64_t t = 0; t < run.tiles; ++t) {
    const float* rows[h];
    HWY_UNROLL(8)
    for (int i = 0; i < h; ++i) rows[i] = i >= run.row_begin && i < run.row_end ? run.in + t * run.step + i * run.row_stride : kZeros;
    for (int lane = 0; lane < 16; lane += kLanes) input_two_rows<h, w, 0, Points>(rows, run.column_begin, run.column_end, run.out + t * 16, run.offset, lane);
  }
}

using InputTiles = void (*)(const InputRun&);

// The tiles that maps are mostly made of; nullptr for the rest.
template <class Points>
InputTiles input_tiles_of(int h, int w) {
  constexpr int n = Points::points;
  if (h == n && w == n) return &input_tiles<n, n, Points>;
  if constexpr (n == 6) {
    if (h == 6 && w == 4) return &input_tiles<6, 4, Points>;
    if (h == 4 && w == 6) return &input_tiles<4, 6, Points>;
    if (h == 4 && w == 4) return &input_tiles<4, 4, Points>;
  }
  return nullptr;
}

using InputColumns = void (*)(const float*, std::ptrdiff_t, int, float*);
using InputLines = void (*)(const float*, int, float*, const std::ptrdiff_t*);

template <class Points>
InputColumns input_columns_of(int n) {
  if constexpr (Points::points >= 8)
    if (n == 8) return &input_columns<8, Points>;
  if constexpr (Points::points >= 8)
    if (n == 7) return &input_columns<7, Points>;
  if constexpr (Points::points >= 6)
    if (n == 6) return &input_columns<6, Points>;
  if constexpr (Points::points >= 6)
    if (n == 5) return &input_columns<5, Points>;
  return &input_columns<4, Points>;
}

template <class Points>
InputLines input_lines_of(int n) {
  if constexpr (Points::points >= 8)
    if (n == 8) return &input_lines<8, Points>;
  if constexpr (Points::points >= 8)
    if (n == 7) return &input_lines<7, Points>;
  if constexpr (Points::points >= 6)
    if (n == 6) return &input_lines<6, Points>;
  if constexpr (Points::points >= 6)
    if (n == 5) return &input_lines<5, Points>;
  return &input_lines<4, Points>;
}

template <class Points>
void run_input(const InputRun& run) {
  if (const InputTiles whole = input_tiles_of<Points>(run.height, run.width)) return whole(run);
  const InputColumns columns = input_columns_of<Points>(run.height);
  const InputLines lines = input_lines_of<Points>(run.width);
  HWY_ALIGN float between[kMostPoints * kMostPoints * 16];
  const bool inside = run.row_begin == 0 && run.column_begin == 0 && run.row_end == run.height && run.column_end == run.width;
  for (std::int64_t t = 0; t < run.tiles; ++t) {
    const float* in = run.in + t * run.step;
    if (inside) {
      columns(in, run.row_stride, run.width, between);
    } else {
      HWY_ALIGN float padded[kMostPoints * kMostPoints * 16] = {};
      for (int r = run.row_begin; r < run.row_end; ++r)
        std::copy(in + r * run.row_stride + run.column_begin * 16, in + r * run.row_stride + run.column_end * 16,
                  padded + (r * kMostPoints + run.column_begin) * 16);
      columns(padded, kMostPoints * 16, run.width, between);
    }
    lines(between, run.height, run.out + t * 16, run.offset);
  }
}

// Vertical pass of the way back: columns [0, width) of the points, n tall, into `between`[output row][column].
template <int n, int m, class Points>
void output_columns(const float* in_base, const std::ptrdiff_t* offset, int width, float* between) {
  const D d;
  for (int column = 0; column < width; ++column) {
    const std::ptrdiff_t* HWY_RESTRICT from = offset + place_of_point(Points::points, width, column);
    for (int lane = 0; lane < 16; lane += kLanes) {
      V x[n], y[m];
      HWY_UNROLL(8)
      for (int i = 0; i < n; ++i) {
        const float* at = in_base + from[place_of_point(Points::points, n, i) * Points::points] + lane;
        x[i] = hn::Load(d, at);
        hwy::Prefetch(at + 2 * 16);
      }
      output_axis<n, m, Points>(x, y);
      HWY_UNROLL(8)
      for (int i = 0; i < m; ++i) hn::Store(y[i], d, between + (i * kMostPoints + column) * 16 + lane);
    }
  }
}

template <int n, int m, class Points>
void output_lines(const float* between, const OutputRun& run, float* out) {
  const D d;
  const V least = run.relu ? hn::Zero(d) : hn::Set(d, -3.402823466e38f);
  for (int lane = 0; lane < 16; lane += kLanes) {
    const V bias = run.bias != nullptr ? hn::LoadU(d, run.bias + lane) : hn::Zero(d);
    for (int line = 0; line < run.rows; ++line) {
      V x[n], y[m];
      HWY_UNROLL(8)
      for (int i = 0; i < n; ++i) x[i] = hn::Load(d, between + (line * kMostPoints + i) * 16 + lane);
      output_axis<n, m, Points>(x, y);
      HWY_UNROLL(8)
      for (int i = 0; i < m; ++i) y[i] = hn::Max(hn::Add(y[i], bias), least);
      float* HWY_RESTRICT to = out + line * run.row_stride + lane;
      if (run.columns == m && !run.stream) {
        HWY_UNROLL(8)
        for (int i = 0; i < m; ++i) hn::StoreU(y[i], d, to + i * 16);
      } else if (run.columns == m) {
        HWY_UNROLL(8)
        for (int i = 0; i < m; ++i) hn::Stream(y[i], d, to + i * 16);
      } else {
        HWY_UNROLL(8)
        for (int i = 0; i < m; ++i)
          if (i < run.columns) hn::StoreU(y[i], d, to + i * 16);
      }
    }
  }
}

using OutputColumns = void (*)(const float*, const std::ptrdiff_t*, int, float*);
using OutputLines = void (*)(const float*, const OutputRun&, float*);
struct OutputAxis {
  OutputColumns columns;
  OutputLines lines;
};

template <int n, int m, class Points>
OutputAxis output_axis_functions() {
  return {&output_columns<n, m, Points>, &output_lines<n, m, Points>};
}

template <class Points>
OutputAxis output_axis_of(int taps, int m) {
  if (taps == 3) {
    if constexpr (Points::points >= 8)
      if (m == 6) return output_axis_functions<8, 6, Points>();
    if constexpr (Points::points >= 8)
      if (m == 5) return output_axis_functions<7, 5, Points>();
    if constexpr (Points::points >= 6)
      if (m == 4) return output_axis_functions<6, 4, Points>();
    if constexpr (Points::points >= 6)
      if (m == 3) return output_axis_functions<5, 3, Points>();
    return output_axis_functions<4, 2, Points>();
  }
  if constexpr (Points::points >= 8)
    if (m == 4) return output_axis_functions<8, 4, Points>();
  if constexpr (Points::points >= 8)
    if (m == 3) return output_axis_functions<7, 3, Points>();
  if constexpr (Points::points >= 6) {
    if (m == 2) return output_axis_functions<6, 2, Points>();
    return output_axis_functions<5, 1, Points>();
  }
  return {};
}

// Rows of one parity of a vertical pass: even rows take the sums of pairs, odd rows their differences.
template <int n, int m, int j, class Points>
HWY_INLINE void output_every_other(const V* x, const V* of_pairs, V* y) {
  if constexpr (j < m) {
    constexpr int pairs = (n - 2) / 2;
    V value = j == 0 ? x[0] : scaled(of_pairs[0], power<Points>(0, j));
    HWY_UNROLL(4)
    for (int k = j == 0 ? 0 : 1; k < pairs; ++k) value = add_scaled(value, power<Points>(k, j), of_pairs[k]);
    if (j == m - 1) value = hn::Add(value, x[n - 1]);
    y[j / 2] = value;
    output_every_other<n, m, j + 2, Points>(x, of_pairs, y);
  }
}

template <int h, int w, int mh, int mw, int parity, class Points>
HWY_INLINE void output_half(const float* in_base, const OutputRun& run, float* out, V bias, V least, int lane) {
  const D d;
  constexpr int pairs = (h - 2) / 2, lines = (mh + 1 - parity) / 2;
  V t[lines][w];
  HWY_UNROLL(8)
  for (int column = 0; column < w; ++column) {
    const std::ptrdiff_t* HWY_RESTRICT from = run.offset + place_of_point(Points::points, w, column);
    V x[h], of_pairs[pairs], y[lines];
    HWY_UNROLL(8)
    for (int i = 0; i < h; ++i) {
      if ((i == 0 && parity != 0) || (i == h - 1 && parity != (mh - 1) % 2)) continue;
      const float* at = in_base + from[place_of_point(Points::points, h, i) * Points::points] + lane;
      x[i] = hn::Load(d, at);
      if (parity == 0) hwy::Prefetch(at + 2 * 16);
    }
    HWY_UNROLL(4)
    for (int k = 0; k < pairs; ++k) of_pairs[k] = parity == 0 ? hn::Add(x[1 + 2 * k], x[2 + 2 * k]) : hn::Sub(x[1 + 2 * k], x[2 + 2 * k]);
    output_every_other<h, mh, parity, Points>(x, of_pairs, y);
    HWY_UNROLL(4)
    for (int i = 0; i < lines; ++i) t[i][column] = y[i];
  }
  HWY_UNROLL(4)
  for (int i = 0; i < lines; ++i) {
    const int line = 2 * i + parity;
    if (line >= run.rows) return;
    V y[mw];
    output_axis<w, mw, Points>(t[i], y);
    float* HWY_RESTRICT to = out + line * run.row_stride + lane;
    HWY_UNROLL(8)
    for (int j = 0; j < mw; ++j) {
      y[j] = hn::Max(hn::Add(y[j], bias), least);
      if (j >= run.columns) break;
      if (HWY_UNLIKELY(run.stream))
        hn::Stream(y[j], d, to + j * 16);
      else
        hn::StoreU(y[j], d, to + j * 16);
    }
  }
}

template <int mh, int mw, class Points>
void output_tiles(const OutputRun& run) {
  constexpr int h = mh + 2, w = mw + 2;
  const D d;
  const V least = run.relu ? hn::Zero(d) : hn::Set(d, -3.402823466e38f);
  for (int lane = 0; lane < 16; lane += kLanes) {
    const V bias = run.bias != nullptr ? hn::LoadU(d, run.bias + lane) : hn::Zero(d);
    for (std::int64_t t = 0; t < run.tiles; ++t) {
      output_half<h, w, mh, mw, 0, Points>(run.in + t * 16, run, run.out + t * run.step, bias, least, lane);
      output_half<h, w, mh, mw, 1, Points>(run.in + t * 16, run, run.out + t * run.step, bias, least, lane);
    }
  }
}

using OutputTiles = void (*)(const OutputRun&);

// As for data: the tiles that maps are mostly made of.
template <class Points>
OutputTiles output_tiles_of(int taps, int mh, int mw) {
  constexpr int m = Points::points - 2;
  if (taps != 3) return nullptr;
  if (mh == m && mw == m) return &output_tiles<m, m, Points>;
  if constexpr (m == 4) {
    if (mh == 4 && mw == 2) return &output_tiles<4, 2, Points>;
    if (mh == 2 && mw == 4) return &output_tiles<2, 4, Points>;
    if (mh == 2 && mw == 2) return &output_tiles<2, 2, Points>;
  }
  return nullptr;
}

template <class Points>
void run_output(const OutputRun& run) {
  if (const OutputTiles whole = output_tiles_of<Points>(run.taps, run.height, run.width)) return whole(run);
  const OutputColumns columns = output_axis_of<Points>(run.taps, run.height).columns;
  const OutputLines lines = output_axis_of<Points>(run.taps, run.width).lines;
  HWY_ALIGN float between[kMostPoints * kMostPoints * 16];
  for (std::int64_t t = 0; t < run.tiles; ++t) {
    columns(run.in + t * 16, run.offset, run.width + run.taps - 1, between);
    lines(between, run, run.out + t * run.step);
  }
}

}  // namespace

void TransformInput(const InputRun& run) {
  visit_points(run.set, [&](auto points) { run_input<decltype(points)>(run); });
}

void TransformOutput(const OutputRun& run) {
  visit_points(run.set, [&](auto points) { run_output<decltype(points)>(run); });
}

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(TransformInput);
HWY_EXPORT(TransformOutput);

void transform_input(const InputRun& run) { HWY_DYNAMIC_DISPATCH(TransformInput)(run); }
void transform_output(const OutputRun& run) { HWY_DYNAMIC_DISPATCH(TransformOutput)(run); }

}  // namespace convroof::highway
#endif  // HWY_ONCE
