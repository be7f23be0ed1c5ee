// Templates of tensor.h; include that.
#pragma once

#include <cassert>
#include <type_traits>

namespace convroof {

template <typename T>
constexpr ElementType element_type_of() {
  if constexpr (std::is_same_v<T, double>) return ElementType::f64;
  if constexpr (std::is_same_v<T, float>) return ElementType::f32;
  if constexpr (std::is_same_v<T, BFloat16>) return ElementType::bf16;
  if constexpr (std::is_same_v<T, Float16>) return ElementType::f16;
  if constexpr (std::is_same_v<T, std::uint8_t>) return ElementType::u8;
  if constexpr (std::is_same_v<T, std::int8_t>) return ElementType::s8;
  if constexpr (std::is_same_v<T, std::int16_t>) return ElementType::s16;
  if constexpr (std::is_same_v<T, std::int32_t>) return ElementType::s32;
  if constexpr (std::is_same_v<T, std::int64_t>) return ElementType::s64;
}

template <typename F>
decltype(auto) visit_type(ElementType type, F&& f) {
  switch (type) {
    case ElementType::f64:
      return f(double{});
    case ElementType::f32:
      break;
    case ElementType::bf16:
      return f(BFloat16{});
    case ElementType::f16:
      return f(Float16{});
    case ElementType::u8:
      return f(std::uint8_t{});
    case ElementType::s8:
      return f(std::int8_t{});
    case ElementType::s16:
      return f(std::int16_t{});
    case ElementType::s32:
      return f(std::int32_t{});
    case ElementType::s64:
      return f(std::int64_t{});
  }
  return f(float{});
}

template <typename T>
std::span<T> Tensor::as() {
  assert(element_type_of<T>() == type_);
  return {reinterpret_cast<T*>(data_.get()), static_cast<std::size_t>(count_)};
}

template <typename T>
std::span<const T> Tensor::as() const {
  assert(element_type_of<T>() == type_);
  return {reinterpret_cast<const T*>(data_.get()), static_cast<std::size_t>(count_)};
}

}  // namespace convroof
