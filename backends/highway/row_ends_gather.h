// The two steps of row_ends.h in SIMD, for elements of 1 and 2 bytes. Both read and write whole vectors: up to 256 bytes behind what is asked for.
#pragma once

#include <cstdint>

namespace convroof::highway {

struct RowEndGather {
  // plane[x] = third channel of pixel x of a row of three, for x < count.
  void (*third_channel)(const void* row, std::int64_t count, void* plane) = nullptr;
  // Word x of `to`: element x * step of each plane (four of bytes, two of 2 bytes). step: 1, 2 or 4.
  void (*words)(const void* const* planes, std::int64_t step, std::int64_t count, void* to) = nullptr;
};

RowEndGather row_end_gather(std::int64_t element_bytes);

}  // namespace convroof::highway
