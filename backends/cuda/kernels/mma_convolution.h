// Convolution on tensor cores by mma.sync: an implicit matrix product in tiles kept in shared memory, copied in by cp.async a few steps ahead.
//
//   block        kRows filters x kColumns pixels, 128 threads = 2 x 2 warps (1 x 4 where a tile is narrow)
//   step         32 products deep; kStages steps in flight
//   A            filters, dense [row][32] or the kept half of 2:4 [row][16]; B: pixels [column][32], gathered through the tap table
//   shared       rows of 64 (A kept half: 32) bytes; 16-byte pieces exchanged by XOR so that the 8 rows of a matrix load lie in 8 different bank groups
//   result       through shared memory, so that filters of a pixel leave in 16-byte pieces
//
// kVector is the number of channels copied at a time: 8, or 4 for the few channels of an image, where two taps share a 16-byte piece and padding C to 8 would
// more than double the work.
#pragma once

#include "backends/cuda/kernels/convolution_shape.h"
#include "backends/cuda/kernels/machine.h"

namespace convroof::gpu {

constexpr int kMmaThreads = 128;
constexpr int kMmaStep = 32;
constexpr int kMmaStages = 3;

template <int rows, int columns, int vector, bool sparse>
struct MmaTile {
  static constexpr int kRows = rows, kColumns = columns, kVector = vector;
  static constexpr bool kSparse = sparse;
  static constexpr int kWarpColumns = columns >= 64 ? 2 : 1;  // warps side by side; the others stand below each other
  static constexpr int kWarpRows = 4 / kWarpColumns;
  static constexpr int kRowsAWarp = rows / kWarpRows, kColumnsAWarp = columns / kWarpColumns;
  static constexpr int kRowTiles = kRowsAWarp / 16, kColumnTiles = kColumnsAWarp / 8;
  static constexpr int kRowBytes = sparse ? 32 : 64;  // of A in shared memory
  static constexpr int kStageBytes = rows * kRowBytes + columns * 64;
  static constexpr int kOutputPitch = rows + 8;  // halves; the 8 spread the columns of a store over the banks
  static constexpr int kSharedBytes = kMmaStages * kStageBytes > columns* kOutputPitch * 2 ? kMmaStages* kStageBytes : columns* kOutputPitch * 2;
  static_assert(kRowsAWarp % 16 == 0 && kColumnsAWarp % 8 == 0);
};

// Byte offset of 16-byte piece `piece` of row `row` in a tile with rows of kRowBytes (64 or 32).
template <int kRowBytes>
CONVROOF_GPU_HOST int swizzled(int row, int piece) {
  static_assert(kRowBytes == 64 || kRowBytes == 32);
  // Two rows of 64 bytes (four of 32) fill the 128 bytes of all banks; the next ones change places.
  return kRowBytes == 64 ? row * 64 + ((piece ^ ((row >> 1) & 3)) << 4) : row * 32 + ((piece ^ ((row >> 2) & 1)) << 4);
}

// A column of B as its copying thread sees it.
struct GatherColumn {
  const std::uint16_t* base;
  Window window;
};

template <typename Tile>
CONVROOF_KERNEL CONVROOF_BOUNDS(kMmaThreads, 1) mma_convolution(CONVROOF_PARAMETER ConvolutionShape shape) {
  const int thread = thread_x(), lane = thread % 32, warp = thread / 32;
  const int row_tiles = (shape.filters + Tile::kRows - 1) / Tile::kRows;
  // Blocks next to each other share their pixels: activations are the larger operand and come from the second-level cache the second time.
  const int first_row = block_x() % row_tiles * Tile::kRows, first_column = block_x() / row_tiles * Tile::kColumns;
  const int group = block_y(), split = block_z();
  const int total_steps = shape.reduction / kMmaStep;
  const int first_step = split * shape.steps_a_split;
  const int steps = total_steps - first_step < shape.steps_a_split ? total_steps - first_step : shape.steps_a_split;
  std::uint8_t* const shared = shared_memory();

  // Copying A: fixed piece, rows kRowStride apart.
  constexpr int kPiecesA = Tile::kRowBytes / 16, kRowStride = kMmaThreads / kPiecesA, kCopiesA = (Tile::kRows + kRowStride - 1) / kRowStride;
  const int piece_a = thread % kPiecesA, row_a = thread / kPiecesA;
  const int pitch_a = Tile::kSparse ? shape.reduction / 2 : shape.reduction;
  const std::uint16_t* const weights = shape.weights + static_cast<std::int64_t>(group) * shape.filters * pitch_a;

  // Copying B: fixed piece of kVector channels, columns kColumnStride apart, each with its window.
  constexpr int kPiecesB = kMmaStep / Tile::kVector, kColumnStride = kMmaThreads / kPiecesB;
  constexpr int kCopiesB = (Tile::kColumns + kColumnStride - 1) / kColumnStride;
  const int piece_b = thread % kPiecesB, column_b = thread / kPiecesB;
  GatherColumn gather[kCopiesB];
  CONVROOF_UNROLL
  for (int i = 0; i < kCopiesB; ++i) {
    const int column = column_b + i * kColumnStride, pixel = first_column + column;
    if (column < Tile::kColumns && pixel < shape.pixels) {
      gather[i].window = window_of(shape, pixel, group);
    } else {
      gather[i].window.offset = 0;
      gather[i].window.row = -2 * kNoTap;  // never inside
      gather[i].window.column = 0;
    }
    gather[i].base = shape.input + gather[i].window.offset;
  }

  const auto copy_step = [&](int step) {
    if (step < steps) {
      std::uint8_t* const stage_a = shared + step % kMmaStages * Tile::kStageBytes;
      std::uint8_t* const stage_b = stage_a + Tile::kRows * Tile::kRowBytes;
      const int at = first_step + step;
      CONVROOF_UNROLL
      for (int i = 0; i < kCopiesA; ++i) {
        const int row = row_a + i * kRowStride, filter = first_row + row;
        if (Tile::kRows % kRowStride == 0 || row < Tile::kRows) {
          const bool is_valid = filter < shape.filters;
          const std::uint16_t* from = weights + (is_valid ? static_cast<std::int64_t>(filter) * pitch_a + at * (Tile::kRowBytes / 2) + piece_a * 8 : 0);
          copy16_async(stage_a + swizzled<Tile::kRowBytes>(row, piece_a), from, is_valid);
        }
      }
      const Tap tap = shape.taps[at * kPiecesB + piece_b];
      CONVROOF_UNROLL
      for (int i = 0; i < kCopiesB; ++i) {
        const int column = column_b + i * kColumnStride;
        if (Tile::kColumns % kColumnStride == 0 || column < Tile::kColumns) {
          const bool is_valid = is_inside(shape, gather[i].window, tap);
          const std::uint16_t* from = is_valid ? gather[i].base + tap.offset : shape.input;
          if constexpr (Tile::kVector == 8)
            copy16_async(stage_b + swizzled<64>(column, piece_b), from, is_valid);
          else
            copy8_async(stage_b + swizzled<64>(column, piece_b / 2) + piece_b % 2 * 8, from, is_valid);
        }
      }
    }
    commit_copies();  // an empty group where there is nothing left: the count of groups stays that of steps
  };

  const int warp_row = warp / Tile::kWarpColumns * Tile::kRowsAWarp, warp_column = warp % Tile::kWarpColumns * Tile::kColumnsAWarp;

  // 2:4 selections of this lane: one word a row tile and step, laid out by the host in the order in which lanes want them.
  const std::uint32_t* selection = nullptr;
  std::uint32_t selected[Tile::kRowTiles] = {};
  const int padded_tiles = (shape.filters + 15) / 16;
  const auto load_selection = [&](int step) {
    if constexpr (Tile::kSparse) {
      CONVROOF_UNROLL
      for (int i = 0; i < Tile::kRowTiles; ++i) {
        const int tile = (first_row + warp_row) / 16 + i;
        // 0x4444...: elements 0 and 1 of four, for rows that do not exist.
        selected[i] = step < steps && tile < padded_tiles
                          ? selection[(static_cast<std::int64_t>(tile) * total_steps + first_step + step) * 16 + lane / 4 * 2 + lane % 2]
                          : 0x44444444u;
      }
    }
  };
  if constexpr (Tile::kSparse) {
    selection = shape.selection + static_cast<std::int64_t>(group) * padded_tiles * total_steps * 16;
    load_selection(0);
  }

  float sums[Tile::kRowTiles][Tile::kColumnTiles][4];
  CONVROOF_UNROLL
  for (int i = 0; i < Tile::kRowTiles; ++i) CONVROOF_UNROLL
  for (int j = 0; j < Tile::kColumnTiles; ++j) CONVROOF_UNROLL
  for (int e = 0; e < 4; ++e) sums[i][j][e] = 0;

  CONVROOF_UNROLL
  for (int s = 0; s < kMmaStages - 1; ++s) copy_step(s);

  for (int step = 0; step < steps; ++step) {
    wait_copies<kMmaStages - 2>();
    sync_block();  // the step's data are here for all, and the stage that is filled next has been read by all
    copy_step(step + kMmaStages - 1);
    const std::uint8_t* const stage_a = shared + step % kMmaStages * Tile::kStageBytes;
    const std::uint8_t* const stage_b = stage_a + Tile::kRows * Tile::kRowBytes;

    std::uint32_t b[Tile::kColumnTiles][4];
    CONVROOF_UNROLL
    for (int j = 0; j < Tile::kColumnTiles; ++j) load_matrices(b[j], stage_b + swizzled<64>(warp_column + j * 8 + lane % 8, lane / 8));

    const int a_row = warp_row + lane % 8 + lane / 8 % 2 * 8;
    if constexpr (Tile::kSparse) {
      std::uint32_t now[Tile::kRowTiles];
      CONVROOF_UNROLL
      for (int i = 0; i < Tile::kRowTiles; ++i) now[i] = selected[i];
      load_selection(step + 1);
      CONVROOF_UNROLL
      for (int i = 0; i < Tile::kRowTiles; ++i) {
        std::uint32_t a[4];
        load_matrices(a, stage_a + swizzled<Tile::kRowBytes>(a_row + i * 16, lane / 16));
        CONVROOF_UNROLL
        for (int j = 0; j < Tile::kColumnTiles; ++j) multiply_sparse_16x8x32(sums[i][j], a, b[j], now[i]);
      }
    } else {
      CONVROOF_UNROLL
      for (int half = 0; half < 2; ++half) CONVROOF_UNROLL
      for (int i = 0; i < Tile::kRowTiles; ++i) {
        std::uint32_t a[4];
        load_matrices(a, stage_a + swizzled<Tile::kRowBytes>(a_row + i * 16, half * 2 + lane / 16));
        CONVROOF_UNROLL
        for (int j = 0; j < Tile::kColumnTiles; ++j) multiply_16x8x16(sums[i][j], a, b[j][2 * half], b[j][2 * half + 1]);
      }
    }
  }

  // sums[i][j][e]: filter  warp_row + 16 i + lane / 4 + 8 (e / 2),  pixel  warp_column + 8 j + 2 (lane % 4) + e % 2.
  if (shape.partial != nullptr) {
    float* const partial = shape.partial + (static_cast<std::int64_t>(split) * shape.groups + group) * shape.pixels * shape.padded_filters;
    CONVROOF_UNROLL
    for (int i = 0; i < Tile::kRowTiles; ++i) CONVROOF_UNROLL
    for (int j = 0; j < Tile::kColumnTiles; ++j) CONVROOF_UNROLL
    for (int e = 0; e < 4; ++e) {
      const int filter = first_row + warp_row + 16 * i + lane / 4 + 8 * (e / 2), pixel = first_column + warp_column + 8 * j + 2 * (lane % 4) + e % 2;
      if (filter < shape.padded_filters && pixel < shape.pixels) partial[static_cast<std::int64_t>(pixel) * shape.padded_filters + filter] = sums[i][j][e];
    }
    return;
  }

  wait_copies<0>();
  sync_block();  // the stages become the output tile
  auto* const tile = reinterpret_cast<std::uint16_t*>(shared);
  CONVROOF_UNROLL
  for (int i = 0; i < Tile::kRowTiles; ++i) CONVROOF_UNROLL
  for (int h = 0; h < 2; ++h) {
    const int row = warp_row + 16 * i + lane / 4 + 8 * h, filter = first_row + row;
    const float bias = shape.bias != nullptr && filter < shape.filters ? shape.bias[group * shape.filters + filter] : 0.0f;
    CONVROOF_UNROLL
    for (int j = 0; j < Tile::kColumnTiles; ++j) CONVROOF_UNROLL
    for (int e = 0; e < 2; ++e)
      tile[(warp_column + 8 * j + 2 * (lane % 4) + e) * Tile::kOutputPitch + row] = half_bits(finish(sums[i][j][2 * h + e], bias, shape.function));
  }
  sync_block();
  constexpr int kPieces = Tile::kRows / 8;
  for (int at = thread; at < kPieces * Tile::kColumns; at += kMmaThreads) {
    const int column = at / kPieces, filter = first_row + at % kPieces * 8, pixel = first_column + column;
    if (pixel >= shape.pixels || filter >= shape.padded_filters) continue;
    std::uint16_t* const to = shape.output + (static_cast<std::int64_t>(pixel) * shape.groups + group) * shape.padded_filters + filter;
    store128(to, load128(tile + column * Tile::kOutputPitch + at % kPieces * 8));
  }
}

}  // namespace convroof::gpu
