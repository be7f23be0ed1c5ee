#include "workloads/data_type.h"

namespace convroof {

int bytes_per_element(ElementType element) {
  switch (element) {
    case ElementType::u8:
    case ElementType::s8:
      return 1;
    case ElementType::bf16:
    case ElementType::f16:
    case ElementType::s16:
      return 2;
    case ElementType::f32:
    case ElementType::s32:
      return 4;
    case ElementType::f64:
    case ElementType::s64:
      return 8;
  }
  return 0;
}

std::string_view name_of(ElementType element) {
  switch (element) {
    case ElementType::f64:
      return "f64";
    case ElementType::f32:
      return "f32";
    case ElementType::bf16:
      return "bf16";
    case ElementType::f16:
      return "f16";
    case ElementType::u8:
      return "u8";
    case ElementType::s8:
      return "s8";
    case ElementType::s16:
      return "s16";
    case ElementType::s32:
      return "s32";
    case ElementType::s64:
      return "s64";
  }
  return "";
}

bool is_integer(ElementType element) {
  switch (element) {
    case ElementType::f64:
    case ElementType::f32:
    case ElementType::bf16:
    case ElementType::f16:
      return false;
    default:
      return true;
  }
}

NumberFormat format_of(DataType type) {
  using E = ElementType;
  switch (type) {
    case DataType::f32:
      return {E::f32, E::f32, E::f32, E::f32};
    case DataType::bf16:
      return {E::bf16, E::bf16, E::f32, E::bf16};
    case DataType::f16:
      return {E::f16, E::f16, E::f32, E::f16};
    case DataType::s8:
      return {E::u8, E::s8, E::s32, E::s32};
    case DataType::s16:
      return {E::s16, E::s16, E::s64, E::s64};
  }
  return {E::f32, E::f32, E::f32, E::f32};
}

std::string_view name_of(DataType type) {
  switch (type) {
    case DataType::f32:
      return "f32";
    case DataType::bf16:
      return "bf16";
    case DataType::f16:
      return "f16";
    case DataType::s8:
      return "s8";
    case DataType::s16:
      return "s16";
  }
  return "";
}

bool is_integer(DataType type) { return type == DataType::s8 || type == DataType::s16; }

const std::vector<DataType>& all_data_types() {
  static const std::vector<DataType> types = {DataType::f32, DataType::bf16, DataType::f16, DataType::s8, DataType::s16};
  return types;
}

std::optional<DataType> data_type_named(std::string_view name) {
  for (const DataType type : all_data_types())
    if (name_of(type) == name) return type;
  return std::nullopt;
}

}  // namespace convroof
