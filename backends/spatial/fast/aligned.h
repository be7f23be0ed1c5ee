// Scratch memory whose rows start at vector borders.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace convroof::spatial::fast {

struct AlignedFree {
  void operator()(void* p) const { std::free(p); }
};
template <typename T>
using Aligned = std::unique_ptr<T[], AlignedFree>;
template <typename T>
Aligned<T> aligned(std::int64_t count) {
  const std::size_t bytes = (static_cast<std::size_t>(std::max<std::int64_t>(count, 1)) * sizeof(T) + 127) / 64 * 64;
  auto* p = static_cast<T*>(std::aligned_alloc(64, bytes));
  if (p == nullptr) throw std::bad_alloc();
  return Aligned<T>(p);
}

}  // namespace convroof::spatial::fast
