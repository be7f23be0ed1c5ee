// Convolution on Hopper's tensor cores by wgmma: an implicit matrix product with A (filters) and B (pixels) both read from shared memory by the instruction.
//
//   block       128 filters x kColumns pixels; one warpgroup copies, two multiply (64 filters each); blocks stay and take one tile after another
//   step        64 products: rows of 128 bytes, exchanged in 16-byte pieces by the 128-byte swizzle that instruction and copy engine share
//               (kept halves of 2:4 filters: rows of 64 bytes, 64-byte swizzle)
//   A           always by the bulk copy engine
//   B           kGather false: by the copy engine in im2col mode (64 channels of kColumns pixels at one tap; channels of a group a multiple of 64)
//               kGather true: any other shape, gathered by the 128 copying threads through the tap table, as in mma_convolution.h
//   barriers    full[stage]: the bytes have arrived; empty[stage]: both multiplying warpgroups have read them
#pragma once

#include "backends/cuda/kernels/convolution_shape.h"
#include "backends/cuda/kernels/machine.h"
#include "backends/cuda/kernels/machine_hopper.h"
#include "backends/cuda/kernels/tensor_map.h"

namespace convroof::gpu {

constexpr int kWgmmaThreads = 384;
constexpr int kWgmmaStep = 64;
constexpr int kWgmmaRows = 128;

template <int columns, bool sparse, bool gather>
struct WgmmaTile {
  static constexpr int kColumns = columns;
  static constexpr bool kSparse = sparse, kGather = gather;
  static constexpr int kPartColumns = columns < 128 ? columns : 128;  // of one instruction
  static constexpr int kParts = columns / kPartColumns;
  static constexpr int kBytesA = kWgmmaRows * (sparse ? 64 : 128), kBytesB = columns * 128;
  static constexpr int kStageBytes = kBytesA + kBytesB;
  static constexpr int kStages = 4;
  // 128 sums a thread leave little of the 168 registers that 384 threads may have: the copying warpgroup gives some up.
  static constexpr bool kMovesRegisters = columns > 128;
  static constexpr int kGatherLag = 2;                        // steps that a copying thread runs ahead of the one it reports
  static constexpr int kStoreColumns = 32, kStorePitch = 72;  // halves; 8 more than 64 filters spread the columns over the banks
  static constexpr int kStoreBytes = 2 * kStoreColumns * kStorePitch * 2;
  static constexpr int kSharedBytes = kStages * kStageBytes + kStoreBytes + 2 * kStages * 8;
  static_assert(kSharedBytes <= 227 * 1024);
};

// Byte offset of 16-byte piece `piece` of row `row` under the 128-byte swizzle, in a tile that starts at a multiple of 1024 bytes.
CONVROOF_GPU_HOST int swizzled_128(int row, int piece) { return row * 128 + ((piece ^ (row & 7)) << 4); }

// Where the tile number `index` of the grid lies.
struct WgmmaPlace {
  int first_row, first_column, group, split, first_step, steps;
};
template <typename Tile>
CONVROOF_GPU WgmmaPlace place_of(const ConvolutionShape& shape, int index) {
  const int row_tiles = (shape.filters + kWgmmaRows - 1) / kWgmmaRows, column_tiles = (shape.pixels + Tile::kColumns - 1) / Tile::kColumns;
  WgmmaPlace place;
  place.first_row = index % row_tiles * kWgmmaRows;
  place.first_column = index / row_tiles % column_tiles * Tile::kColumns;
  const int rest = index / row_tiles / column_tiles;
  place.group = rest % shape.groups;
  place.split = rest / shape.groups;
  const int total = shape.reduction / kWgmmaStep;
  place.first_step = place.split * shape.steps_a_split;
  place.steps = total - place.first_step < shape.steps_a_split ? total - place.first_step : shape.steps_a_split;
  return place;
}

template <typename Tile>
CONVROOF_GPU_HOST int wgmma_tile_count(const ConvolutionShape& shape) {
  return (shape.filters + kWgmmaRows - 1) / kWgmmaRows * ((shape.pixels + Tile::kColumns - 1) / Tile::kColumns) * shape.groups * shape.splits;
}

// The copying warpgroup.
template <typename Tile>
CONVROOF_GPU void wgmma_produce(const ConvolutionShape& shape, const WgmmaMaps& maps, std::uint8_t* stages, std::uint64_t* full, std::uint64_t* empty) {
  const int thread = thread_x();
  if (!Tile::kGather && thread != 0) return;  // one thread drives the copy engine
  constexpr int kCopies = Tile::kColumns * 8 / 128;
  int step_count = 0;  // over all tiles: gives stage and phase
  for (int index = block_x(); index < wgmma_tile_count<Tile>(shape); index += grid_x()) {
    const WgmmaPlace place = place_of<Tile>(shape, index);
    Window windows[kCopies];
    const int piece = thread % 8, column = thread / 8;
    if constexpr (Tile::kGather) {
      CONVROOF_UNROLL
      for (int i = 0; i < kCopies; ++i) {
        const int pixel = place.first_column + column + i * 16;
        if (pixel < shape.pixels)
          windows[i] = window_of(shape, pixel, place.group);
        else
          windows[i].offset = 0, windows[i].row = -2 * kNoTap, windows[i].column = 0;  // never inside
      }
    } else {
      windows[0] = window_of(shape, place.first_column, 0);
    }
    const int image = place.first_column / (shape.out_height * shape.out_width);
    for (int step = 0; step < place.steps; ++step, ++step_count) {
      const int stage = step_count % Tile::kStages, phase = step_count / Tile::kStages % 2;
      barrier_wait(&empty[stage], phase ^ 1);
      std::uint8_t* const a = stages + stage * Tile::kStageBytes;
      std::uint8_t* const b = a + Tile::kBytesA;
      const int at = place.first_step + step;
      if (thread == 0) {
        barrier_expect(&full[stage], Tile::kBytesA + (Tile::kGather ? 0 : Tile::kBytesB));
        copy_matrix_async(a, &maps.filters, &full[stage], at * (Tile::kSparse ? 32 : 64), place.group * shape.filters + place.first_row);
      }
      if constexpr (Tile::kGather) {
        const Tap tap = shape.taps[at * 8 + piece];
        CONVROOF_UNROLL
        for (int i = 0; i < kCopies; ++i) {
          const bool is_valid = is_inside(shape, windows[i], tap);
          copy16_async(b + swizzled_128(column + i * 16, piece), is_valid ? shape.input + windows[i].offset + tap.offset : shape.input, is_valid);
        }
        commit_copies();
        // What was copied kGatherLag steps ago has arrived: make it visible to the tensor cores, then report it.
        if (step_count >= Tile::kGatherLag) {
          wait_copies<Tile::kGatherLag>();
          fence_async_proxy();
          barrier_arrive(&full[(step_count - Tile::kGatherLag) % Tile::kStages]);
        }
      } else {
        const Tap tap = shape.taps[at * 8];
        const int channel = tap.offset - (tap.row * shape.width + tap.column) * shape.input_pixel_elements + place.group * shape.group_channels;
        copy_pixels_async(b, &maps.pixels, &full[stage], channel, windows[0].column, windows[0].row, image, tap.column, tap.row);
      }
    }
  }
  if constexpr (Tile::kGather) {
    wait_copies<0>();
    fence_async_proxy();
    for (int left = step_count < Tile::kGatherLag ? step_count : Tile::kGatherLag; left > 0; --left) barrier_arrive(&full[(step_count - left) % Tile::kStages]);
  }
}

// A multiplying warpgroup (0 or 1).
template <typename Tile>
CONVROOF_GPU void wgmma_consume(const ConvolutionShape& shape, int warpgroup, std::uint8_t* stages, std::uint16_t* store, std::uint64_t* full,
                                std::uint64_t* empty) {
  const int thread = thread_x() % 128, lane = thread % 32, warp = thread / 32;
  const int padded_tiles = (shape.filters + 15) / 16, total_steps = shape.reduction / 32;  // of selections
  int step_count = 0;
  for (int index = block_x(); index < wgmma_tile_count<Tile>(shape); index += grid_x()) {
    const WgmmaPlace place = place_of<Tile>(shape, index);
    float sums[Tile::kParts][Tile::kPartColumns / 2];

    std::uint32_t selected[2] = {0x44444444u, 0x44444444u}, next[2] = {0x44444444u, 0x44444444u};
    const int selection_tile = (place.first_row + warpgroup * 64) / 16 + warp;
    const auto load_selection = [&](int step, std::uint32_t(&to)[2]) {
      if constexpr (Tile::kSparse) {
        if (step >= place.steps || selection_tile >= padded_tiles) return;  // rows that do not exist keep elements 0 and 1
        const std::uint32_t* const words =
            shape.selection + ((static_cast<std::int64_t>(place.group) * padded_tiles + selection_tile) * total_steps + (place.first_step + step) * 2) * 16;
        to[0] = words[lane / 4 * 2 + lane % 2];
        to[1] = words[16 + lane / 4 * 2 + lane % 2];
      }
    };
    load_selection(0, selected);

    for (int step = 0; step < place.steps; ++step, ++step_count) {
      const int stage = step_count % Tile::kStages;
      barrier_wait(&full[stage], step_count / Tile::kStages % 2);
      const std::uint8_t* const a = stages + stage * Tile::kStageBytes + warpgroup * (Tile::kBytesA / 2);
      const std::uint8_t* const b = stages + stage * Tile::kStageBytes + Tile::kBytesA;
      wgmma_fence();
      CONVROOF_UNROLL
      for (int part = 0; part < Tile::kParts; ++part) {
        const std::uint8_t* const b_part = b + part * Tile::kPartColumns * 128;
        if constexpr (Tile::kSparse) {
          CONVROOF_UNROLL
          for (int k = 0; k < 2; ++k)
            wgmma_sparse<Tile::kPartColumns>(sums[part], operand_64(a + k * 32), operand_128(b_part + k * 64), selected[k], step > 0 || k > 0);
        } else {
          CONVROOF_UNROLL
          for (int k = 0; k < 4; ++k) wgmma<Tile::kPartColumns>(sums[part], operand_128(a + k * 32), operand_128(b_part + k * 32), step > 0 || k > 0);
        }
      }
      wgmma_commit();
      if constexpr (Tile::kSparse) {
        load_selection(step + 1, next);
        wgmma_wait<0>();  // the selection registers belong to the instruction until it has ended
        selected[0] = next[0], selected[1] = next[1];
        if (thread == 0) barrier_arrive(&empty[stage]);
      } else {
        wgmma_wait<1>();  // the step before has been read
        if (thread == 0 && step > 0) barrier_arrive(&empty[(step_count - 1) % Tile::kStages]);
      }
    }
    if constexpr (!Tile::kSparse) {
      wgmma_wait<0>();
      if (thread == 0) barrier_arrive(&empty[(step_count - 1) % Tile::kStages]);
    }

    // sums[part][4 j + e]: filter  16 warp + lane / 4 + 8 (e / 2),  pixel  part * kPartColumns + 8 j + 2 (lane % 4) + e % 2.
    const int first_filter = place.first_row + warpgroup * 64;
    if (shape.partial != nullptr) {
      float* const partial = shape.partial + (static_cast<std::int64_t>(place.split) * shape.groups + place.group) * shape.pixels * shape.padded_filters;
      CONVROOF_UNROLL
      for (int part = 0; part < Tile::kParts; ++part) CONVROOF_UNROLL
      for (int i = 0; i < Tile::kPartColumns / 2; ++i) {
        const int filter = first_filter + warp * 16 + lane / 4 + 8 * (i % 4 / 2);
        const int pixel = place.first_column + part * Tile::kPartColumns + i / 4 * 8 + 2 * (lane % 4) + i % 2;
        if (filter < shape.padded_filters && pixel < shape.pixels) partial[static_cast<std::int64_t>(pixel) * shape.padded_filters + filter] = sums[part][i];
      }
      continue;
    }
    float biases[2];
    CONVROOF_UNROLL
    for (int h = 0; h < 2; ++h) {
      const int filter = first_filter + warp * 16 + lane / 4 + 8 * h;
      biases[h] = shape.bias != nullptr && filter < shape.filters ? shape.bias[place.group * shape.filters + filter] : 0.0f;
    }
    CONVROOF_UNROLL
    for (int part = 0; part < Tile::kParts; ++part) CONVROOF_UNROLL
    for (int chunk = 0; chunk < Tile::kPartColumns; chunk += Tile::kStoreColumns) {
      sync_warpgroup(1 + warpgroup);  // the store buffer is free
      CONVROOF_UNROLL
      for (int i = 0; i < Tile::kStoreColumns / 2; ++i) {
        const int at_column = i / 4 * 8 + 2 * (lane % 4) + i % 2, at_row = warp * 16 + lane / 4 + 8 * (i % 4 / 2);
        store[at_column * Tile::kStorePitch + at_row] = half_bits(finish(sums[part][chunk / 2 + i], biases[i % 4 / 2], shape.function));
      }
      sync_warpgroup(1 + warpgroup);
      CONVROOF_UNROLL
      for (int i = 0; i < 2; ++i) {
        const int at_column = thread / 8 + 16 * i, filter = first_filter + thread % 8 * 8;
        const std::int64_t pixel = place.first_column + part * Tile::kPartColumns + chunk + at_column;
        if (pixel < shape.pixels && filter < shape.padded_filters)
          store128(shape.output + (pixel * shape.groups + place.group) * shape.padded_filters + filter,
                   load128(store + at_column * Tile::kStorePitch + thread % 8 * 8));
      }
    }
  }
}

template <typename Tile>
CONVROOF_KERNEL CONVROOF_BOUNDS(kWgmmaThreads, 1) wgmma_convolution(CONVROOF_PARAMETER ConvolutionShape shape, CONVROOF_PARAMETER WgmmaMaps maps) {
#ifdef CONVROOF_HAS_WGMMA
  std::uint8_t* const stages = shared_memory();
  auto* const store = reinterpret_cast<std::uint16_t*>(stages + Tile::kStages * Tile::kStageBytes);
  auto* const full = reinterpret_cast<std::uint64_t*>(stages + Tile::kStages * Tile::kStageBytes + Tile::kStoreBytes);
  std::uint64_t* const empty = full + Tile::kStages;
  if (thread_x() == 0) {
    for (int i = 0; i < Tile::kStages; ++i) {
      barrier_init(&full[i], Tile::kGather ? 129 : 1);  // gathering: every copying thread, and the one that expects A's bytes
      barrier_init(&empty[i], 2);
    }
    fence_barrier_init();
  }
  sync_block();
  const int warpgroup = thread_x() / 128;
  if (warpgroup == 0) {
    if constexpr (Tile::kMovesRegisters) release_registers<40>();
    wgmma_produce<Tile>(shape, maps, stages, full, empty);
  } else {
    if constexpr (Tile::kMovesRegisters) claim_registers<232>();
    wgmma_consume<Tile>(shape, warpgroup - 1, stages, store + (warpgroup - 1) * Tile::kStoreColumns * Tile::kStorePitch, full, empty);
  }
#endif
}

}  // namespace convroof::gpu
