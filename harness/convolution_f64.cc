#include "harness/convolution_f64.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <type_traits>

#include "workloads/checked.h"

namespace convroof {
namespace {

// T is the type of the sums: double, or float where every sum is an integer below 2^24, which twice as many of fit a vector.
// Blocks: a panel is one vector of 64 bytes wide (or what the machine makes of it), a tile 6 filters high: 6 accumulators and 2 operands fit the 16
// registers of AVX2 when each vector takes two. 64 or 128 pixels share one packing of the filters, 96 filters one packing of the pixels.
template <typename T>
constexpr std::int64_t kPanel = 64 / sizeof(T);
template <typename T>
constexpr std::int64_t kPixels = 512 / sizeof(T);
constexpr std::int64_t kTile = 6, kFilters = 96, kDepth = 256;
constexpr std::int64_t kFewPixels = 7;

template <typename T>
struct VectorOf {
  typedef T type __attribute__((vector_size(64), aligned(sizeof(T)), may_alias));
};
using FloatVector = float __attribute__((vector_size(32), aligned(4), may_alias));

// sums[6][panel] += a[depth][6] * b[depth][panel]
template <typename T>
__attribute__((always_inline)) inline void multiply_tile(const T* a, const T* b, std::int64_t depth, T* sums, std::int64_t stride) {
  using Vector = typename VectorOf<T>::type;
  Vector s0{}, s1{}, s2{}, s3{}, s4{}, s5{};
  for (std::int64_t i = 0; i < depth; ++i, a += kTile, b += kPanel<T>) {
    const Vector x = *reinterpret_cast<const Vector*>(b);
    s0 += a[0] * x, s1 += a[1] * x, s2 += a[2] * x, s3 += a[3] * x, s4 += a[4] * x, s5 += a[5] * x;
  }
  const Vector all[] = {s0, s1, s2, s3, s4, s5};
  for (std::int64_t row = 0; row < kTile; ++row) *reinterpret_cast<Vector*>(sums + row * stride) += all[row];
}

__attribute__((always_inline)) inline double dot_body(const float* a, const double* b, std::int64_t count) {
  using Vector = typename VectorOf<double>::type;
  Vector s0{}, s1{};
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    s0 += __builtin_convertvector(*reinterpret_cast<const FloatVector*>(a + i), Vector) * *reinterpret_cast<const Vector*>(b + i);
    s1 += __builtin_convertvector(*reinterpret_cast<const FloatVector*>(a + i + 8), Vector) * *reinterpret_cast<const Vector*>(b + i + 8);
  }
  const Vector total = s0 + s1;
  double sum = 0;
  for (int lane = 0; lane < 8; ++lane) sum += total[lane];
  for (; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

__attribute__((always_inline)) inline float dot_body(const float* a, const float* b, std::int64_t count) {
  using Vector = typename VectorOf<float>::type;
  Vector s0{}, s1{};
  std::int64_t i = 0;
  for (; i + 32 <= count; i += 32) {
    s0 += *reinterpret_cast<const Vector*>(a + i) * *reinterpret_cast<const Vector*>(b + i);
    s1 += *reinterpret_cast<const Vector*>(a + i + 16) * *reinterpret_cast<const Vector*>(b + i + 16);
  }
  const Vector total = s0 + s1;
  float sum = 0;
  for (int lane = 0; lane < 16; ++lane) sum += total[lane];
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

// The same source for three instruction sets, chosen once. (target_clones would do, but its resolvers run before a sanitizer is ready.)
template <typename T>
struct Inner {
  void (*multiply_tile)(const T*, const T*, std::int64_t, T*, std::int64_t);
  T (*dot)(const float*, const T*, std::int64_t);
};
template <typename T>
void tile_plain(const T* a, const T* b, std::int64_t n, T* s, std::int64_t stride) {
  multiply_tile(a, b, n, s, stride);
}
template <typename T>
T dot_plain(const float* a, const T* b, std::int64_t n) {
  return dot_body(a, b, n);
}
#if defined(__x86_64__)
template <typename T>
__attribute__((target("avx2,fma"))) void tile_avx2(const T* a, const T* b, std::int64_t n, T* s, std::int64_t stride) {
  multiply_tile(a, b, n, s, stride);
}
template <typename T>
__attribute__((target("avx2,fma"))) T dot_avx2(const float* a, const T* b, std::int64_t n) {
  return dot_body(a, b, n);
}
template <typename T>
__attribute__((target("avx512f,avx512dq,avx512vl"))) void tile_avx512(const T* a, const T* b, std::int64_t n, T* s, std::int64_t stride) {
  multiply_tile(a, b, n, s, stride);
}
template <typename T>
__attribute__((target("avx512f,avx512dq,avx512vl"))) T dot_avx512(const float* a, const T* b, std::int64_t n) {
  return dot_body(a, b, n);
}
#endif

template <typename T>
const Inner<T>& inner() {
  static const Inner<T> chosen = []() -> Inner<T> {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) return {tile_avx512<T>, dot_avx512<T>};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {tile_avx2<T>, dot_avx2<T>};
#endif
    return {tile_plain<T>, dot_plain<T>};
  }();
  return chosen;
}

template <typename T>
float widened(T value) {
  return static_cast<float>(value);
}

// `count` elements from `first` on, as floats: where they are floats already, a pointer to them, otherwise a converted copy in `buffer`.
const float* as_floats(const Tensor& tensor, std::int64_t first, std::int64_t count, float* buffer) {
  return visit_type(tensor.type(), [&](auto zero) -> const float* {
    using T = decltype(zero);
    const T* const from = tensor.as<T>().data() + first;
    if constexpr (std::is_same_v<T, float>) {
      return from;
    } else {
      for (std::int64_t i = 0; i < count; ++i) buffer[i] = widened(from[i]);
      return buffer;
    }
  });
}

// The problem with sizes as the loops need them, and the input as floats inside its padding.
class Problem {
 public:
  Problem(const Case& c, const Operands& operands)
      : layer(c.layer),
        weights(operands.weights),
        batch(c.batch),
        height(layer.in_height + layer.pad_top + layer.pad_bottom),
        width(layer.in_width + layer.pad_left + layer.pad_right),
        pixels_per_image(layer.out_height * layer.out_width),
        pixels(batch * pixels_per_image),
        depth(layer.reduction_length()),
        filters(layer.out_channels_per_group()),
        channels(layer.in_channels_per_group()),
        padded(static_cast<std::size_t>(batch * layer.in_channels * height * width), 0.0f) {
    const std::int64_t planes = batch * layer.in_channels;
#pragma omp parallel for schedule(static)
    for (std::int64_t plane = 0; plane < planes; ++plane)
      for (std::int64_t y = 0; y < layer.in_height; ++y) {
        float* const row = padded.data() + (plane * height + y + layer.pad_top) * width + layer.pad_left;
        const float* const from = as_floats(operands.input, (plane * layer.in_height + y) * layer.in_width, layer.in_width, row);
        if (from != row) std::memcpy(row, from, static_cast<std::size_t>(layer.in_width) * sizeof(float));
      }
    tap_offset.reserve(static_cast<std::size_t>(depth));
    for (std::int64_t channel = 0; channel < channels; ++channel)
      for (std::int64_t r = 0; r < layer.kernel_height; ++r)
        for (std::int64_t s = 0; s < layer.kernel_width; ++s)
          tap_offset.push_back((channel * height + r * layer.dilation_height) * width + s * layer.dilation_width);
  }

  // Where the filter's first tap meets pixel `p` (counted through the batch) of a group.
  std::int64_t corner(std::int64_t p, std::int64_t group) const {
    const std::int64_t n = p / pixels_per_image, within = p % pixels_per_image;
    const std::int64_t y = within / layer.out_width, x = within % layer.out_width;
    return ((n * layer.in_channels + group * channels) * height + y * layer.stride_height) * width + x * layer.stride_width;
  }
  std::int64_t out_index(std::int64_t p, std::int64_t k) const {
    return (p / pixels_per_image * layer.out_channels + k) * pixels_per_image + p % pixels_per_image;
  }

  const LayerSpec& layer;
  const Tensor& weights;
  std::int64_t batch, height, width, pixels_per_image, pixels, depth, filters, channels;
  std::vector<float> padded;
  std::vector<std::int64_t> tap_offset;
};

template <typename T>
struct Workspace {
  T pixels[kPixels<T> / kPanel<T>][kDepth][kPanel<T>];
  T filters[kDepth][kTile];
  T sums[kFilters][kPixels<T>];
  float row[kDepth];
};

// One block of up to 96 filters and 64 or 128 pixels of one group.
template <typename T>
void multiply_block(const Problem& p, std::int64_t group, std::int64_t first_pixel, std::int64_t first_filter, Workspace<T>& w, std::span<double> out) {
  constexpr std::int64_t panel_width = kPanel<T>;
  const std::int64_t pixel_count = std::min(kPixels<T>, p.pixels - first_pixel), filter_count = std::min(kFilters, p.filters - first_filter);
  const std::int64_t panels = ceil_div(pixel_count, panel_width);
  std::int64_t corners[kPixels<T>];
  for (std::int64_t i = 0; i < panels * panel_width; ++i)
    corners[i] = p.corner(first_pixel + std::min(i, pixel_count - 1), group);  // spare lanes repeat the last pixel
  std::memset(w.sums, 0, sizeof w.sums);
  for (std::int64_t first = 0; first < p.depth; first += kDepth) {
    const std::int64_t depth = std::min(kDepth, p.depth - first);
    for (std::int64_t panel = 0; panel < panels; ++panel)
      for (std::int64_t i = 0; i < depth; ++i) {
        const float* const tap = p.padded.data() + p.tap_offset[static_cast<std::size_t>(first + i)];
        for (std::int64_t lane = 0; lane < panel_width; ++lane) w.pixels[panel][i][lane] = tap[corners[panel * panel_width + lane]];
      }
    for (std::int64_t tile = 0; tile < filter_count; tile += kTile) {
      for (std::int64_t row = 0; row < kTile; ++row) {
        const std::int64_t k = group * p.filters + first_filter + std::min(tile + row, filter_count - 1);
        const float* const weights = as_floats(p.weights, k * p.depth + first, depth, w.row);
        for (std::int64_t i = 0; i < depth; ++i) w.filters[i][row] = weights[i];
      }
      for (std::int64_t panel = 0; panel < panels; ++panel)
        inner<T>().multiply_tile(&w.filters[0][0], &w.pixels[panel][0][0], depth, &w.sums[tile][panel * panel_width], kPixels<T>);
    }
  }
  for (std::int64_t row = 0; row < filter_count; ++row)
    for (std::int64_t i = 0; i < pixel_count;) {  // as far as an image reaches
      const std::int64_t end = std::min(pixel_count, i + p.pixels_per_image - (first_pixel + i) % p.pixels_per_image);
      double* to = out.data() + p.out_index(first_pixel + i, group * p.filters + first_filter + row);
      for (; i < end; ++i) *to++ = static_cast<double>(w.sums[row][i]);
    }
}

template <typename T>
void multiply(const Problem& p, std::span<double> out) {
  const std::int64_t pixel_blocks = ceil_div(p.pixels, kPixels<T>), filter_blocks = ceil_div(p.filters, kFilters);
  const std::int64_t blocks = p.layer.groups * pixel_blocks * filter_blocks;
#pragma omp parallel
  {
    const auto workspace = std::make_unique<Workspace<T>>();
#pragma omp for schedule(dynamic)
    for (std::int64_t block = 0; block < blocks; ++block)
      multiply_block(p, block / (pixel_blocks * filter_blocks), block / filter_blocks % pixel_blocks * kPixels<T>, block % filter_blocks * kFilters, *workspace,
                     out);
  }
}

// Few pixels: the filters are read once and nothing is packed. Fully connected layers of small batches.
template <typename T>
void dot_products(const Problem& p, std::span<double> out) {
  std::vector<T> patches(static_cast<std::size_t>(p.layer.groups * p.pixels * p.depth));
  for (std::int64_t group = 0; group < p.layer.groups; ++group)
    for (std::int64_t pixel = 0; pixel < p.pixels; ++pixel)
      for (std::int64_t i = 0; i < p.depth; ++i)
        patches[static_cast<std::size_t>((group * p.pixels + pixel) * p.depth + i)] =
            p.padded[static_cast<std::size_t>(p.corner(pixel, group) + p.tap_offset[static_cast<std::size_t>(i)])];
#pragma omp parallel
  {
    std::vector<float> buffer(static_cast<std::size_t>(p.weights.type() == ElementType::f32 ? 0 : kDepth * 16));
#pragma omp for schedule(static)
    for (std::int64_t k = 0; k < p.layer.out_channels; ++k) {
      double sums[kFewPixels] = {};
      const T* const patch = patches.data() + k / p.filters * p.pixels * p.depth;
      for (std::int64_t first = 0; first < p.depth; first += kDepth * 16) {
        const std::int64_t depth = std::min(kDepth * 16, p.depth - first);
        const float* const weights = as_floats(p.weights, k * p.depth + first, depth, buffer.data());
        for (std::int64_t pixel = 0; pixel < p.pixels; ++pixel)
          sums[pixel] += static_cast<double>(inner<T>().dot(weights, patch + pixel * p.depth + first, depth));
      }
      for (std::int64_t pixel = 0; pixel < p.pixels; ++pixel) out[static_cast<std::size_t>(p.out_index(pixel, k))] = sums[pixel];
    }
  }
}

template <typename T>
void convolve(const Problem& p, std::span<double> out) {
  if (p.pixels <= kFewPixels)
    dot_products<T>(p, out);
  else
    multiply<T>(p, out);
}

double largest_magnitude(const Tensor& tensor) {
  return visit_type(tensor.type(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      T low = 0, high = 0;
      for (const T value : tensor.as<T>()) low = std::min(low, value), high = std::max(high, value);
      return std::max(static_cast<double>(high), -static_cast<double>(low));
    }
    return 0x1p24;  // only integers are asked about
  });
}

// No sum of any subset of the products of an output leaves the range in which each integer is a float.
bool fits_float(const Problem& p, const Operands& operands) {
  return largest_magnitude(operands.input) * largest_magnitude(operands.weights) * static_cast<double>(p.depth) <= 0x1p24;
}

std::vector<double> patch_norms(const Problem& p) {
  std::vector<double> norms(static_cast<std::size_t>(p.batch * p.layer.groups * p.pixels_per_image));
  const std::int64_t parts = p.batch * p.layer.groups;
#pragma omp parallel
  {
    std::vector<double> squares(static_cast<std::size_t>(p.height * p.width));
#pragma omp for schedule(dynamic)
    for (std::int64_t part = 0; part < parts; ++part) {
      std::ranges::fill(squares, 0.0);
      const float* const planes = p.padded.data() + part * p.channels * p.height * p.width;  // channels of a group are neighbours
      for (std::int64_t channel = 0; channel < p.channels; ++channel)
        for (std::int64_t i = 0; i < p.height * p.width; ++i) {
          const double value = planes[channel * p.height * p.width + i];
          squares[static_cast<std::size_t>(i)] += value * value;
        }
      for (std::int64_t pixel = 0; pixel < p.pixels_per_image; ++pixel) {
        const std::int64_t y = pixel / p.layer.out_width * p.layer.stride_height, x = pixel % p.layer.out_width * p.layer.stride_width;
        double sum = 0;
        for (std::int64_t r = 0; r < p.layer.kernel_height; ++r)
          for (std::int64_t s = 0; s < p.layer.kernel_width; ++s)
            sum += squares[static_cast<std::size_t>((y + r * p.layer.dilation_height) * p.width + x + s * p.layer.dilation_width)];
        norms[static_cast<std::size_t>(part * p.pixels_per_image + pixel)] = std::sqrt(sum);
      }
    }
  }
  return norms;
}

std::vector<double> filter_norms(const Problem& p) {
  std::vector<double> norms(static_cast<std::size_t>(p.layer.out_channels));
#pragma omp parallel
  {
    std::vector<float> buffer(static_cast<std::size_t>(kDepth));
    std::vector<double> values(static_cast<std::size_t>(kDepth));
#pragma omp for schedule(static)
    for (std::int64_t k = 0; k < p.layer.out_channels; ++k) {
      double sum = 0;
      for (std::int64_t first = 0; first < p.depth; first += kDepth) {
        const std::int64_t depth = std::min(kDepth, p.depth - first);
        const float* const weights = as_floats(p.weights, k * p.depth + first, depth, buffer.data());
        std::copy(weights, weights + depth, values.begin());
        sum += inner<double>().dot(weights, values.data(), depth);
      }
      norms[static_cast<std::size_t>(k)] = std::sqrt(sum);
    }
  }
  return norms;
}

}  // namespace

ConvolutionSums convolve_f64(const Case& c, const Operands& operands, std::span<double> out, bool with_norms) {
  const Problem problem(c, operands);
  if (is_integer(c.type) && fits_float(problem, operands))
    convolve<float>(problem, out);
  else
    convolve<double>(problem, out);
  if (!with_norms) return {};
  return {patch_norms(problem), filter_norms(problem)};
}

std::int64_t convolution_workspace_bytes(const Case& c) {
  const LayerSpec& l = c.layer;
  const std::int64_t height = checked_sum(l.in_height, checked_sum(l.pad_top, l.pad_bottom)),
                     width = checked_sum(l.in_width, checked_sum(l.pad_left, l.pad_right));
  const std::int64_t padded = checked_product({c.batch, l.in_channels, height, width, std::int64_t{sizeof(float)}});
  const std::int64_t taps = checked_product(l.reduction_length(), std::int64_t{sizeof(std::int64_t)});
  const std::int64_t norms = checked_product({c.batch, l.groups, l.out_height, l.out_width, std::int64_t{sizeof(double)}});
  const std::int64_t patches = checked_product({l.groups, kFewPixels, l.reduction_length(), std::int64_t{sizeof(double)}});
  return checked_sum(checked_sum(padded, taps), checked_sum(norms, patches));
}

}  // namespace convroof
