// Seeded small whole numbers, many at a time: the data of integer types.
#pragma once

#include <cstdint>

namespace convroof {

// out[i], i < count: 1 + floor(rank * largest / 2^31) with the rank, and where `is_signed` the sign, of random_bits(key, i). T: int8_t, uint8_t, int16_t,
// int32_t or int64_t; 1 <= largest <= 32767, and T holds it. On all threads of the caller's OpenMP setting.
template <typename T>
void fill_whole_numbers(T* out, std::int64_t count, std::uint64_t key, int largest, bool is_signed);

}  // namespace convroof
