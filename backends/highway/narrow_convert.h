// Between the narrow types and the f32 or s32 that arithmetic is done in. Counts may be anything; nothing outside is touched.
#pragma once

#include <cstdint>

namespace convroof::highway {

void widen_bf16(const std::uint16_t* from, std::int64_t count, float* to);
void narrow_bf16(const float* from, std::int64_t count, std::uint16_t* to);  // to nearest, ties to even
void widen_u8(const std::uint8_t* from, std::int64_t count, float* to);
void narrow_s32(const float* from, std::int64_t count, std::int32_t* to);  // of values that are integers

}  // namespace convroof::highway
