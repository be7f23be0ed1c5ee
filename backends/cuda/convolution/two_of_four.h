// 2:4 structured sparsity: of every four consecutive elements of a filter row at most two are kept. The tensor cores want the kept ones packed, and for each
// four a nibble that says where they stood (position of the first in the low two bits, of the second in the high two, in ascending order).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/cuda/convolution/geometry.h"

namespace convroof::cuda {

struct KeptPair {
  std::array<Float16, 2> values;
  std::uint8_t positions;  // 4 bits
};
// Throws std::invalid_argument when more than two of the four are not zero. Where fewer are kept, zeros fill up, so that positions always differ and ascend.
KeptPair compress_four(std::span<const Float16, 4> four);
std::array<Float16, 4> expand_four(const KeptPair& pair);

struct CompressedFilters {
  std::vector<Float16> kept;            // [group][filter][reduction / 2]
  std::vector<std::uint8_t> positions;  // [group][filter][reduction / 4]
};
CompressedFilters compress_filters(const std::vector<Float16>& rows, const Geometry& geometry);

// Positions as words for lanes: [group][16 filters][32 products][lane pair], 16 words for an m16n8k32 instruction. Word 2 g + j has products 16 j .. 16 j + 15:
// filter g in its low half, filter g + 8 in its high half (PTX ISA, sparse mma.m16n8k32 for .f16). Missing filters select the first two elements.
std::vector<std::uint32_t> selection_words(const std::vector<std::uint8_t>& positions, const Geometry& geometry);

// Whether a pattern of --densities leaves at most two of four consecutive channels.
bool fits_two_of_four(const WeightSparsity& sparsity);

}  // namespace convroof::cuda
