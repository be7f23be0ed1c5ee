// From a case to what our implicit-GEMM kernels need: padded layouts, the tap table, packed filters, tiles and splits. Pure host code: it is built and tested
// everywhere, with or without CUDA.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/cuda/device/layout.h"
#include "backends/cuda/kernels/convolution_shape.h"

namespace convroof::cuda {

enum class KernelClass { half2, mma, mma_2of4, wgmma, wgmma_2of4 };

constexpr bool is_sparse(KernelClass kind) { return kind == KernelClass::mma_2of4 || kind == KernelClass::wgmma_2of4; }

constexpr bool is_wgmma(KernelClass kind) { return kind == KernelClass::wgmma || kind == KernelClass::wgmma_2of4; }

// Products that one step of a class of kernels takes: 32, or 64 where rows of 128 bytes are wanted.
constexpr int step_of(KernelClass kind) { return is_wgmma(kind) ? 64 : 32; }

// The oldest compute capability (major * 10 + minor) that has the instructions of a class.
constexpr int oldest_device(KernelClass kind) {
  switch (kind) {
    case KernelClass::half2:
    case KernelClass::mma:
      return 75;
    case KernelClass::mma_2of4:
      return 80;
    case KernelClass::wgmma:
    case KernelClass::wgmma_2of4:
      return 90;
  }
  return 75;
}

struct Geometry {
  ActivationLayout input, output;
  int vector = 8;               // channels copied at a time
  std::int64_t reduction = 0;   // R * S * padded channels, padded to whole steps
  std::vector<gpu::Tap> taps;   // reduction / vector entries
  gpu::ConvolutionShape shape;  // everything but pointers, splits and steps_a_split
};

// Why the kernels cannot take the case (sizes beyond their 32-bit and 16-bit indices); empty where they can.
std::string geometry_refusal(const Case& c);
Geometry geometry_of(const Case& c, KernelClass kind);

// Filters [group][filter][reduction], padded with zeros.
std::vector<Float16> pack_filter_rows(const Tensor& kcrs, const Geometry& geometry, std::int64_t groups);
// The same, transposed: [group][reduction][padded filter]. For the half2 kernel.
std::vector<Float16> transpose_filter_rows(const std::vector<Float16>& rows, const Geometry& geometry);

struct Tile {
  int rows = 0, columns = 0;
  double efficiency = 1;  // of a full block, against the largest tile; estimates until a device has been measured
};
struct TileChoice {
  int tile = 0;  // index into the tiles
  int splits = 1;
  int steps_a_split = 1;
};
// The tile and the split of the reduction with the least estimated time on a device with so many multiprocessors: blocks come in waves, few blocks leave
// multiprocessors idle, and a split costs a pass over its partial sums.
TileChoice choose_tile(const Geometry& geometry, const std::vector<Tile>& tiles, int step, int multiprocessors);

}  // namespace convroof::cuda
