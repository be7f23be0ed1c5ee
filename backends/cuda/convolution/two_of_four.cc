#include "backends/cuda/convolution/two_of_four.h"

#include <stdexcept>

#include "workloads/checked.h"

namespace convroof::cuda {
namespace {

constexpr std::uint8_t kFirstTwo = 0x4;  // positions 0 and 1
bool is_zero(Float16 value) { return (value.bits & 0x7fff) == 0; }

}  // namespace

KeptPair compress_four(std::span<const Float16, 4> four) {
  std::array<int, 2> where{};
  int count = 0;
  for (int i = 0; i < 4; ++i) {
    if (is_zero(four[static_cast<std::size_t>(i)])) continue;
    if (count == 2) throw std::invalid_argument("more than two of four consecutive weights are not zero: the tensor is not pruned 2:4");
    where[static_cast<std::size_t>(count++)] = i;
  }
  if (count == 0) where = {0, 1};
  if (count == 1) where = where[0] == 3 ? std::array<int, 2>{2, 3} : std::array<int, 2>{where[0], where[0] + 1};
  return {{four[static_cast<std::size_t>(where[0])], four[static_cast<std::size_t>(where[1])]}, static_cast<std::uint8_t>(where[0] | (where[1] << 2))};
}

std::array<Float16, 4> expand_four(const KeptPair& pair) {
  std::array<Float16, 4> four{};
  four[pair.positions & 3] = pair.values[0];
  four[pair.positions >> 2] = pair.values[1];
  return four;
}

CompressedFilters compress_filters(const std::vector<Float16>& rows, const Geometry& geometry) {
  CompressedFilters compressed;
  compressed.kept.reserve(rows.size() / 2);
  compressed.positions.reserve(rows.size() / 4);
  if (geometry.reduction % 4 != 0) throw std::logic_error("rows are padded to whole steps");
  for (std::size_t at = 0; at < rows.size(); at += 4) {
    const KeptPair pair = compress_four(std::span<const Float16, 4>(rows.data() + at, 4));
    compressed.kept.insert(compressed.kept.end(), pair.values.begin(), pair.values.end());
    compressed.positions.push_back(pair.positions);
  }
  return compressed;
}

std::vector<std::uint32_t> selection_words(const std::vector<std::uint8_t>& positions, const Geometry& geometry) {
  const std::int64_t groups = geometry.shape.groups, filters = geometry.shape.filters, quads = geometry.reduction / 4, steps = geometry.reduction / 32;
  const std::int64_t tiles = ceil_div(filters, 16);
  std::vector<std::uint32_t> words(static_cast<std::size_t>(groups * tiles * steps * 16));
  std::size_t at = 0;
  for (std::int64_t group = 0; group < groups; ++group)
    for (std::int64_t tile = 0; tile < tiles; ++tile)
      for (std::int64_t step = 0; step < steps; ++step)
        for (std::int64_t row = 0; row < 8; ++row)
          for (std::int64_t j = 0; j < 2; ++j) {
            std::uint32_t word = 0;
            for (std::int64_t half = 0; half < 2; ++half)
              for (std::int64_t quad = 0; quad < 4; ++quad) {
                const std::int64_t filter = tile * 16 + row + 8 * half;
                const std::uint32_t nibble =
                    filter < filters ? positions[static_cast<std::size_t>((group * filters + filter) * quads + step * 8 + j * 4 + quad)] : kFirstTwo;
                word |= nibble << (half * 16 + quad * 4);
              }
            words[at++] = word;
          }
  return words;
}

bool fits_two_of_four(const WeightSparsity& sparsity) {
  if (sparsity.pattern != WeightSparsity::Pattern::n_of_m) return false;
  // Of four consecutive channels the pattern keeps at most: n of each part that fits, when m divides 4 or is a multiple of it.
  if (sparsity.m == 4) return sparsity.n <= 2;
  if (sparsity.m == 2) return sparsity.n <= 1;
  return sparsity.n <= 2 && sparsity.m > 4 && sparsity.m % 4 == 0;
}

}  // namespace convroof::cuda
