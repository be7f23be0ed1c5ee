#include "backends/spatial/fast/exact_convolution.h"

#include <algorithm>
#include <vector>

#include "backends/spatial/fast/aligned.h"
#include "backends/spatial/fast/gather.h"
#include "backends/spatial/fast/largest_magnitude.h"
#include "backends/spatial/fast/pair_kernels.h"
#include "workloads/checked.h"

namespace convroof::spatial::fast {
namespace {

constexpr std::int64_t kFewPixels = 8;
constexpr std::int64_t kPackedBytes = std::int64_t{16} << 20;  // of weights at a time: more than any shipped convolution has, less than fully connected layers

// Two products at a time in s32, wherever that is wide enough.
struct Pairs {
  using Pixel = std::int16_t;
  using Weight = std::int32_t;
  using Sum = std::int32_t;
  static constexpr std::int64_t depth = 2;  // products a step

  template <typename W>
  static Weight weight(const W* filter, std::int64_t step, std::int64_t count) {
    const std::int64_t k = 2 * step;
    const auto first = static_cast<std::uint16_t>(filter[k]), second = k + 1 < count ? static_cast<std::uint16_t>(filter[k + 1]) : std::uint16_t{0};
    return static_cast<std::int32_t>(std::uint32_t{first} | std::uint32_t{second} << 16);
  }
};

// One at a time in s64, for numbers so large that nothing else would do. No shipped data are.
struct Singles {
  using Pixel = std::int64_t;
  using Weight = std::int64_t;
  using Sum = std::int64_t;
  static constexpr std::int64_t depth = 1;

  template <typename W>
  static Weight weight(const W* filter, std::int64_t step, std::int64_t) {
    return filter[step];
  }
  static constexpr int rows = 4, width = 8;
  static void tile(const Weight* weights, const Pixel* pixels, std::int64_t steps, Sum* sums) {
    std::fill_n(sums, rows * width, 0);
    for (std::int64_t step = 0; step < steps; ++step)
      for (int r = 0; r < rows; ++r)
        for (int i = 0; i < width; ++i) sums[r * width + i] += weights[step * rows + r] * pixels[step * width + i];
  }
};

template <typename A>
struct Kernel {
  std::int64_t rows, width;
  void (*tile)(const typename A::Weight*, const typename A::Pixel*, std::int64_t, typename A::Sum*);
};

// Writes activation(sum + bias) of filter m and outputs n0 ... n0 + count - 1, which may belong to several images.
template <typename S>
void finish(const Problem& p, std::int64_t group, std::int64_t n0, std::int64_t count, std::int64_t m, const S* sums, std::span<std::int64_t> output) {
  const std::int64_t bias = p.bias.empty() ? 0 : p.bias[static_cast<std::size_t>(group * p.m() + m)], least = p.relu ? 0 : INT64_MIN;
  for (std::int64_t i = 0; i < count;) {
    const std::int64_t end = std::min(count, i + p.pixels() - (n0 + i) % p.pixels());
    std::int64_t* to = output.data() + p.output_index(group, n0 + i, m);
    for (; i < end; ++i) *to++ = std::max(std::int64_t{sums[i]} + bias, least);
  }
}

// Blocks of pixels against tiles of filters.
template <typename A>
class Blocks {
 public:
  // No sum of `chunk` consecutive products leaves A::Sum; chunk is a multiple of A::depth.
  Blocks(const Problem& p, std::span<std::int64_t> output, int threads, std::int64_t chunk, Kernel<A> kernel)
      : p_(p), output_(output), threads_(threads), chunk_steps_(chunk / A::depth), steps_(ceil_div(p.k(), A::depth)), kernel_(kernel) {}

  void run(std::int64_t group) const {
    const std::int64_t tiles = ceil_div(p_.m(), kernel_.rows), blocks = ceil_div(p_.n(), kernel_.width), tile_weights = steps_ * kernel_.rows;
    const std::int64_t at_a_time = std::clamp<std::int64_t>(kPackedBytes / (tile_weights * static_cast<std::int64_t>(sizeof(typename A::Weight))), 1, tiles);
    const auto weights = aligned<typename A::Weight>(at_a_time * tile_weights);
    for (std::int64_t first = 0; first < tiles; first += at_a_time) {
      const std::int64_t count = std::min(at_a_time, tiles - first);
#pragma omp parallel for num_threads(threads_) schedule(static)
      for (std::int64_t t = 0; t < count; ++t) pack(group, first + t, weights.get() + t * tile_weights);
#pragma omp parallel num_threads(threads_)
      {
        const auto pixels = aligned<typename A::Pixel>(steps_ * A::depth * kernel_.width);
        const auto sums = aligned<typename A::Sum>(kernel_.rows * kernel_.width);
        std::vector<std::int64_t> totals(static_cast<std::size_t>(kernel_.rows * kernel_.width));
#pragma omp for schedule(dynamic, 1)
        for (std::int64_t b = 0; b < blocks; ++b) {
          gather<typename A::Pixel, A::depth>(p_, group, b * kernel_.width, kernel_.width, pixels.get());
          for (std::int64_t t = 0; t < count; ++t) one(group, b, first + t, weights.get() + t * tile_weights, pixels.get(), sums.get(), totals);
        }
      }
    }
  }

 private:
  void pack(std::int64_t group, std::int64_t tile, typename A::Weight* to) const {
    p_.weights.visit([&](auto weights) {
      for (std::int64_t r = 0; r < kernel_.rows; ++r) {
        const std::int64_t m = tile * kernel_.rows + r;
        const auto* filter = weights.data() + p_.weight_index(group, 0, std::min(m, p_.m() - 1));
        for (std::int64_t step = 0; step < steps_; ++step) to[step * kernel_.rows + r] = m < p_.m() ? A::weight(filter, step, p_.k()) : 0;
      }
    });
  }

  void one(std::int64_t group, std::int64_t block, std::int64_t tile, const typename A::Weight* weights, const typename A::Pixel* pixels, typename A::Sum* sums,
           std::span<std::int64_t> totals) const {
    const std::int64_t rows = std::min(kernel_.rows, p_.m() - tile * kernel_.rows), n0 = block * kernel_.width, count = std::min(kernel_.width, p_.n() - n0);
    const auto row = [&](const auto* all, std::int64_t r) { finish(p_, group, n0, count, tile * kernel_.rows + r, all + r * kernel_.width, output_); };
    if (steps_ <= chunk_steps_) {
      kernel_.tile(weights, pixels, steps_, sums);
      for (std::int64_t r = 0; r < rows; ++r) row(sums, r);
      return;
    }
    std::ranges::fill(totals, 0);
    for (std::int64_t step = 0; step < steps_; step += chunk_steps_) {
      kernel_.tile(weights + step * kernel_.rows, pixels + step * A::depth * kernel_.width, std::min(chunk_steps_, steps_ - step), sums);
      for (std::size_t i = 0; i < totals.size(); ++i) totals[i] += sums[i];
    }
    for (std::int64_t r = 0; r < rows; ++r) row(totals.data(), r);
  }

  const Problem& p_;
  const std::span<std::int64_t> output_;
  const int threads_;
  const std::int64_t chunk_steps_, steps_;
  const Kernel<A> kernel_;
};

// Few pixels (a fully connected layer): the weights pass once, each filter meets all pixels.
void filters_once(const Problem& p, std::int64_t group, std::span<std::int64_t> output, int threads, std::int64_t chunk, const PairKernels& kernels) {
  const std::int64_t K = p.k(), N = p.n();
  const auto pixels = aligned<std::int16_t>(N * K);
  for (std::int64_t n = 0; n < N; ++n) gather(p, group, n, 1, pixels.get() + n * K);
  p.weights.visit([&]<typename W>(std::span<const W> weights) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t m = 0; m < p.m(); ++m) {
      const W* filter = weights.data() + p.weight_index(group, 0, m);
      for (std::int64_t n = 0; n < N; ++n) {
        std::int64_t sum = 0;
        for (std::int64_t k = 0; k < K; k += chunk) {
          const std::int16_t* pixel = pixels.get() + n * K + k;
          if constexpr (sizeof(W) == 1)
            sum += kernels.dot_bytes(filter + k, pixel, std::min(chunk, K - k));
          else
            sum += kernels.dot(filter + k, pixel, std::min(chunk, K - k));
        }
        finish(p, group, n, 1, m, &sum, output);
      }
    }
  });
}

}  // namespace

void exact_convolution(const Problem& p, std::span<std::int64_t> output, int threads) {
  const std::int64_t largest_product = std::max<std::int64_t>(1, largest_magnitude(p.input) * largest_magnitude(p.weights));
  // A sum of n products is at most n times the largest, whatever their order.
  const std::int64_t chunk = INT32_MAX / largest_product / Pairs::depth * Pairs::depth;
  const PairKernels& kernels = pair_kernels().front();
  for (std::int64_t group = 0; group < p.layer.groups; ++group) {
    if (chunk < std::min<std::int64_t>(p.k(), 256))
      Blocks<Singles>(p, output, threads, p.k(), {Singles::rows, Singles::width, Singles::tile}).run(group);
    else if (p.n() <= kFewPixels)
      filters_once(p, group, output, threads, chunk, kernels);
    else
      Blocks<Pairs>(p, output, threads, chunk, {kernels.rows, kernels.width, kernels.tile}).run(group);
  }
}

}  // namespace convroof::spatial::fast
