// An owning, aligned, dense array in the canonical layout: activations NCHW, weights KCRS (C per group), biases K, all row-major.
// This is how operands reach a backend and how outputs leave it. Blocked, padded and device layouts are a backend's own business.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "backends/float16.h"
#include "workloads/data_type.h"

namespace convroof {

class Tensor {
 public:
  using Shape = std::array<std::int64_t, 4>;  // N,C,H,W or K,C,R,S; unused extents are 1

  Tensor() = default;  // no elements
  // All bytes zero. Throws std::overflow_error (too many elements) or std::bad_alloc.
  Tensor(ElementType type, Shape shape);
  // The same, filled as by poison().
  static Tensor poisoned(ElementType type, Shape shape);

  ElementType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  std::int64_t count() const { return count_; }
  std::int64_t bytes() const { return count_ * bytes_per_element(type_); }

  // The elements; T must be the C++ type of type(): double, float, BFloat16, Float16, uint8_t, int8_t, int16_t, int32_t, int64_t. Asserted.
  template <typename T>
  std::span<T> as();
  template <typename T>
  std::span<const T> as() const;
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }

  // One element as a number; slow, for tests and reports. s64 beyond 2^53 loses low bits.
  double value(std::int64_t index) const;
  // Stores a number, rounded to the type (floating: nearest even; integers: nearest, saturated).
  void set_value(std::int64_t index, double value);

  // Fills with a pattern that no kernel leaves by accident: NaN for floating types, the most negative (u8: 0xdb) value for integers.
  void poison();

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  void allocate();
  ElementType type_ = ElementType::f32;
  Shape shape_{0, 0, 0, 0};
  std::int64_t count_ = 0;
  std::unique_ptr<std::byte[], Free> data_;
};

template <typename T>
constexpr ElementType element_type_of();

// Calls f with a value-initialised object of the C++ type behind `type`: visit_type(t, [&](auto zero) { using T = decltype(zero); ... }).
template <typename F>
decltype(auto) visit_type(ElementType type, F&& f);

}  // namespace convroof

#include "backends/tensor-inl.h"
