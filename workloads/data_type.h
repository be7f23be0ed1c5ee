// The number formats of a case: one name stands for activations, weights, accumulator and output together.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convroof {

// What one element of a tensor is stored as.
enum class ElementType { f64, f32, bf16, f16, u8, s8, s16, s32, s64 };

int bytes_per_element(ElementType element);  // 1, 2, 4 or 8
std::string_view name_of(ElementType element);
bool is_integer(ElementType element);

// The type of a case, as in `--types`.
enum class DataType { f32, bf16, f16, s8, s16 };

// What a DataType stands for. Biases have the accumulator's type.
//   type  activation  weight  accumulator  output
//   f32   f32         f32     f32          f32
//   bf16  bf16        bf16    f32          bf16
//   f16   f16         f16     f32          f16
//   s8    u8          s8      s32          s32
//   s16   s16         s16     s64          s64 (the accumulator, unrounded)
struct NumberFormat {
  ElementType activation;
  ElementType weight;
  ElementType accumulator;
  ElementType output;
};

NumberFormat format_of(DataType type);
std::string_view name_of(DataType type);
bool is_integer(DataType type);
const std::vector<DataType>& all_data_types();
std::optional<DataType> data_type_named(std::string_view name);

}  // namespace convroof
