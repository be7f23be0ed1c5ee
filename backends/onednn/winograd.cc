#include "backends/onednn/winograd.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace convroof::onednn {
namespace {

// Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, section 4: output = A' [(G g G') . (B' d B)] A.
// Points 0, 1, -1 and infinity:
constexpr std::array<std::array<double, 4>, 2> kOutput2{{{1, 1, 1, 0}, {0, 1, -1, -1}}};
constexpr std::array<std::array<double, 3>, 4> kFilter2{{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}};
constexpr std::array<std::array<double, 4>, 4> kInput2{{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}};
// Points 0, 1, -1, 2, -2 and infinity. The library's generator for 4x3 scales its points, which only lowers the bound.
constexpr std::array<std::array<double, 6>, 4> kOutput4{{{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}}};
constexpr std::array<std::array<double, 3>, 6> kFilter4{
    {{1.0 / 4, 0, 0}, {-1.0 / 6, -1.0 / 6, -1.0 / 6}, {-1.0 / 6, 1.0 / 6, -1.0 / 6}, {1.0 / 24, 1.0 / 12, 1.0 / 6}, {1.0 / 24, -1.0 / 12, 1.0 / 6}, {0, 0, 1}}};
constexpr std::array<std::array<double, 6>, 6> kInput4{
    {{4, 0, -5, 0, 1, 0}, {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0}, {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}}};

template <std::size_t size>
double norm(const std::array<double, size>& row) {
  double squares = 0;
  for (const double value : row) squares += value * value;
  return std::sqrt(squares);
}

// One axis: the largest row of |A'| weighted with the norms of the filter's and the input's transforms.
template <typename Output, typename Filter, typename Input>
double amplification(const Output& output, const Filter& filter, const Input& input) {
  double largest = 0;
  for (const auto& row : output) {
    double sum = 0;
    for (std::size_t j = 0; j < row.size(); ++j) sum += std::abs(row[j]) * norm(filter[j]) * norm(input[j]);
    largest = std::max(largest, sum);
  }
  return largest;
}

constexpr std::int64_t kTaps = 3;

}  // namespace

WinogradCost winograd_cost(std::int64_t tile, const LayerSpec& layer, std::int64_t batch, std::int64_t in_channels, std::int64_t out_channels) {
  const std::int64_t size = tile + kTaps - 1;
  const std::int64_t tiles = batch * ((layer.out_height + tile - 1) / tile) * ((layer.out_width + tile - 1) / tile);
  // Operations of a one-dimensional transform of one vector: F(2): 4 in, 4 out; F(4): 12 in, 10 out with common terms shared.
  const std::int64_t input_axis = tile == 2 ? 4 : 12, output_axis = tile == 2 ? 4 : 10;
  return {.macs = static_cast<std::uint64_t>(tiles * size * size * in_channels * out_channels),
          .additions = static_cast<std::uint64_t>(tiles * (2 * size * input_axis * in_channels + (size + tile) * output_axis * out_channels))};
}

double winograd_amplification(std::int64_t tile) {
  // By Cauchy and Schwarz each transformed product is at most |G_j||g| |B_j||d|; both axes multiply.
  const double axis = tile == 2 ? amplification(kOutput2, kFilter2, kInput2) : amplification(kOutput4, kFilter4, kInput4);
  // The tile's own norm is at most twice the largest of the patches in it, since four of them cover it (the last outputs' filters end where the tile does).
  return axis * axis * 2;
}

ErrorModel winograd_error_model(std::int64_t tile, const Case& c) {
  ErrorModel model = direct_error_model(c);  // rounding of the output and of its activation
  const double u = 0x1p-24;
  // C products are summed for each transformed element; 2 x (tile + 2) operations in either transform of the activations, 2 x 3 in the filter's.
  const double steps = static_cast<double>(c.layer.in_channels_per_group() + 4 * (tile + kTaps - 1) + 2 * kTaps);
  const double amplification = winograd_amplification(tile);
  model.relative_to_magnitude = 0;
  model.relative_to_largest_magnitude = amplification * steps * u / (1 - steps * u);
  // That bound holds in the worst case and is loose for it. Outputs of network layers are within 4e-7 as a whole; small ones, most of whose energy a ReLU
  // took away, were seen at 1.6e-6.
  model.largest_relative_l2 = 5e-6;
  model.derivation = fmt::format("F({0}x{0},3x3): amplification {1:.0f} x (C + {2}) u, u = {3:.3g}; relative L2 <= 5e-6", tile, amplification,
                                 4 * (tile + kTaps - 1) + 2 * kTaps, u);
  return model;
}

ErrorModel rounded_winograd_error_model(const Case&) {
  // Inputs are scaled by 1/4 and rounded to u8 before the transform, transformed weights by 4/9 and rounded to s8 (the scales appear in oneDNN 2's
  // jit_avx512_core_u8s8s32x_wino_convolution.cpp). An input x becomes x + e, |e| <= min(2, |x|), and likewise a weight: relative errors of up to 1 each,
  // so the worst case is 3 times the amplified magnitude and tells nothing. What is asked is the accuracy that operands of full range reach (preparation
  // stretches them): an input of 0..255 carries an error of 4 / sqrt(12) over an r.m.s. of 147, a transformed weight one of (9/4) / sqrt(12).
  ErrorModel model;
  model.relative_to_largest_magnitude = 3 * winograd_amplification(2);
  model.absolute = 0.5;             // the scaled sum is rounded to an integer
  model.largest_relative_l2 = 0.1;  // 0.02 to 0.06 were seen, the latter where the sums themselves are small integers
  model.derivation = "s8 F(2x2,3x3): inputs rounded to multiples of 4, transformed weights to multiples of 9/4, of the stretched operands; relative L2 <= 0.1";
  return model;
}

}  // namespace convroof::onednn
