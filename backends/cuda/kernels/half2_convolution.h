// Convolution on the ordinary cores in packed FP16: an implicit matrix product, each thread 8 filters (as 4 pairs) x 8 pixels.
//
// Sums in FP16 lose too much over thousands of products, so 16 products at a time are summed in FP16 and then added to FP32: two conversions and two additions
// for 16 packed multiply-adds. (Relative error of a sum of random products with n of them in FP16: about 2^-11 sqrt(n / 6), 8e-4 at n = 16.)
//
//   block  kHalf2Rows filters x kHalf2Columns pixels, 128 threads; step 32 products deep, 3 in flight
//   A      [product][filter], so that a pair of filters is one word;  B  [pixel][product], gathered as in mma_convolution.h
#pragma once

#include "backends/cuda/kernels/convolution_shape.h"
#include "backends/cuda/kernels/machine.h"

namespace convroof::gpu {

constexpr int kHalf2Threads = 128;
constexpr int kHalf2Rows = 128, kHalf2Columns = 64;
constexpr int kHalf2Step = 32, kHalf2Stages = 3;
constexpr int kHalf2Exact = 16;  // products summed in FP16
constexpr int kHalf2StageBytes = kHalf2Step * kHalf2Rows * 2 + kHalf2Columns * kHalf2Step * 2;
constexpr int kHalf2SharedBytes = kHalf2Stages * kHalf2StageBytes;

// shape.weights: [group][reduction][padded_filters].
template <int vector>
CONVROOF_KERNEL CONVROOF_BOUNDS(kHalf2Threads, 2) half2_convolution(CONVROOF_PARAMETER ConvolutionShape shape) {
  const int thread = thread_x();
  const int row_tiles = (shape.padded_filters + kHalf2Rows - 1) / kHalf2Rows;
  const int first_row = block_x() % row_tiles * kHalf2Rows, first_column = block_x() / row_tiles * kHalf2Columns;
  const int group = block_y(), split = block_z();
  const int total_steps = shape.reduction / kHalf2Step;
  const int first_step = split * shape.steps_a_split;
  const int steps = total_steps - first_step < shape.steps_a_split ? total_steps - first_step : shape.steps_a_split;
  std::uint8_t* const shared = shared_memory();

  constexpr int kPiecesA = kHalf2Rows / 8, kStrideA = kHalf2Threads / kPiecesA;
  const int piece_a = thread % kPiecesA, product_a = thread / kPiecesA;
  const bool has_filters = first_row + piece_a * 8 < shape.padded_filters;
  const std::uint16_t* const weights =
      shape.weights + static_cast<std::int64_t>(group) * shape.reduction * shape.padded_filters + (has_filters ? first_row + piece_a * 8 : 0);

  constexpr int kPiecesB = kHalf2Step / vector, kStrideB = kHalf2Threads / kPiecesB, kCopiesB = kHalf2Columns / kStrideB;
  const int piece_b = thread % kPiecesB, column_b = thread / kPiecesB;
  Window windows[kCopiesB];
  CONVROOF_UNROLL
  for (int i = 0; i < kCopiesB; ++i) {
    const int pixel = first_column + column_b + i * kStrideB;
    if (pixel < shape.pixels)
      windows[i] = window_of(shape, pixel, group);
    else
      windows[i].offset = 0, windows[i].row = -2 * kNoTap, windows[i].column = 0;  // never inside
  }

  const auto copy_step = [&](int step) {
    if (step < steps) {
      std::uint8_t* const stage_a = shared + step % kHalf2Stages * kHalf2StageBytes;
      std::uint8_t* const stage_b = stage_a + kHalf2Step * kHalf2Rows * 2;
      const int at = first_step + step;
      CONVROOF_UNROLL
      for (int i = 0; i < kHalf2Step / kStrideA; ++i) {
        const int product = product_a + i * kStrideA;
        const std::uint16_t* from = weights + static_cast<std::int64_t>(at * kHalf2Step + product) * shape.padded_filters;
        copy16_async(stage_a + (product * kHalf2Rows + piece_a * 8) * 2, from, has_filters);
      }
      const Tap tap = shape.taps[at * kPiecesB + piece_b];
      CONVROOF_UNROLL
      for (int i = 0; i < kCopiesB; ++i) {
        const bool is_valid = is_inside(shape, windows[i], tap);
        const std::uint16_t* from = is_valid ? shape.input + windows[i].offset + tap.offset : shape.input;
        std::uint8_t* const to = stage_b + ((column_b + i * kStrideB) * kHalf2Step + piece_b * vector) * 2;
        if constexpr (vector == 8)
          copy16_async(to, from, is_valid);
        else
          copy8_async(to, from, is_valid);
      }
    }
    commit_copies();
  };

  // This thread's filters: 8 from my_row; its pixels: my_column + 8 i, so that the lanes of a warp read neighbouring rows of B.
  const int my_row = thread % 16 * 8, my_column = thread / 16;
  float sums[8][8];  // [pixel][filter]
  CONVROOF_UNROLL
  for (int i = 0; i < 8; ++i) CONVROOF_UNROLL
  for (int f = 0; f < 8; ++f) sums[i][f] = 0;

  CONVROOF_UNROLL
  for (int s = 0; s < kHalf2Stages - 1; ++s) copy_step(s);
  for (int step = 0; step < steps; ++step) {
    wait_copies<kHalf2Stages - 2>();
    sync_block();
    copy_step(step + kHalf2Stages - 1);
    const std::uint8_t* const stage_a = shared + step % kHalf2Stages * kHalf2StageBytes;
    const std::uint8_t* const stage_b = stage_a + kHalf2Step * kHalf2Rows * 2;
    // The loop over parts stays a loop: unrolled as well, the code outgrows the instruction cache.
    for (int part = 0; part < kHalf2Step; part += kHalf2Exact) {
      Half2 few[8][4] = {};  // [pixel][pair of filters], zero
      CONVROOF_UNROLL
      for (int eight = 0; eight < kHalf2Exact; eight += 8) {
        Bits128 b[8];
        CONVROOF_UNROLL
        for (int i = 0; i < 8; ++i) b[i] = load128(stage_b + ((my_column + 8 * i) * kHalf2Step + part + eight) * 2);
        CONVROOF_UNROLL
        for (int k = 0; k < 8; ++k) {
          const Bits128 a = load128(stage_a + ((part + eight + k) * kHalf2Rows + my_row) * 2);
          CONVROOF_UNROLL
          for (int i = 0; i < 8; ++i) {
            const Half2 value = k % 2 == 0 ? twice_low(b[i].word[k / 2]) : twice_high(b[i].word[k / 2]);
            CONVROOF_UNROLL
            for (int f = 0; f < 4; ++f) few[i][f] = fused_multiply_add(a.word[f], value, few[i][f]);
          }
        }
      }
      CONVROOF_UNROLL
      for (int i = 0; i < 8; ++i) CONVROOF_UNROLL
      for (int f = 0; f < 4; ++f) {
        sums[i][2 * f] += low_float(few[i][f]);
        sums[i][2 * f + 1] += high_float(few[i][f]);
      }
    }
  }

  const int filter = first_row + my_row;
  if (filter >= shape.padded_filters) return;
  CONVROOF_UNROLL
  for (int i = 0; i < 8; ++i) {
    const std::int64_t pixel = first_column + my_column + 8 * i;
    if (pixel >= shape.pixels) continue;
    if (shape.partial != nullptr) {
      float* const to = shape.partial + ((static_cast<std::int64_t>(split) * shape.groups + group) * shape.pixels + pixel) * shape.padded_filters + filter;
      CONVROOF_UNROLL
      for (int f = 0; f < 8; ++f) to[f] = sums[i][f];
      continue;
    }
    store_eight_filters(shape, group, pixel, filter, sums[i]);
  }
}

}  // namespace convroof::gpu
