#include "backends/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "workloads/checked.h"

namespace convroof {
namespace {

constexpr std::size_t kAlignment = 128;  // two cache lines: no vector load splits a line, neighbours do not share a prefetched pair

// With a border behind the last element, which vector loads may read.
std::size_t padded(std::int64_t bytes) { return (static_cast<std::size_t>(checked_sum(bytes, kAlignment)) + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

void Tensor::Free::operator()(std::byte* p) const { std::free(p); }

Tensor::Tensor(ElementType type, Shape shape) : type_(type), shape_(shape) {
  allocate();
  std::memset(data_.get(), 0, padded(bytes()));
}

Tensor Tensor::poisoned(ElementType type, Shape shape) {
  Tensor tensor;
  tensor.type_ = type, tensor.shape_ = shape;
  tensor.allocate();
  tensor.poison();
  std::memset(tensor.data_.get() + tensor.bytes(), 0, padded(tensor.bytes()) - static_cast<std::size_t>(tensor.bytes()));
  return tensor;
}

void Tensor::allocate() {
  count_ = checked_product({shape_[0], shape_[1], shape_[2], shape_[3]});
  const std::int64_t bytes = checked_product(count_, bytes_per_element(type_));
  data_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, padded(bytes))));
  if (data_ == nullptr) throw std::bad_alloc();
}

double Tensor::value(std::int64_t index) const {
  return visit_type(type_, [&](auto zero) -> double {
    using T = decltype(zero);
    const T element = as<T>()[static_cast<std::size_t>(index)];
    if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>)
      return static_cast<float>(element);
    else
      return static_cast<double>(element);
  });
}

void Tensor::set_value(std::int64_t index, double value) {
  visit_type(type_, [&](auto zero) {
    using T = decltype(zero);
    T& element = as<T>()[static_cast<std::size_t>(index)];
    if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>) {
      element = T(static_cast<float>(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      element = static_cast<T>(value);
    } else {
      // The upper limit of s64 is not a double; the largest double below it is.
      const double low = static_cast<double>(std::numeric_limits<T>::min());
      const double high = sizeof(T) == 8 ? 9223372036854774784.0 : static_cast<double>(std::numeric_limits<T>::max());
      element = static_cast<T>(std::clamp(std::nearbyint(value), low, high));
    }
  });
}

void Tensor::poison() {
  visit_type(type_, [&](auto zero) {
    using T = decltype(zero);
    T pattern{};
    if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>)
      pattern = T(std::numeric_limits<float>::quiet_NaN());
    else if constexpr (std::is_floating_point_v<T>)
      pattern = std::numeric_limits<T>::quiet_NaN();
    else if constexpr (std::is_same_v<T, std::uint8_t>)
      pattern = 0xdb;
    else
      pattern = std::numeric_limits<T>::min();
    std::ranges::fill(as<T>(), pattern);
  });
}

}  // namespace convroof
