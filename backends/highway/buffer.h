// Memory of a kernel: aligned to a cache line, zero at the start, in huge pages where it is large.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>

namespace convroof::highway {

template <typename T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::int64_t count) : count_(count) {
    // A blocked layout walks several streams that lie megabytes apart: with 4 KiB pages each step is a TLB miss. The kernel's default for huge pages is
    // often `madvise`, so ask.
    constexpr std::size_t kHugePage = std::size_t{2} << 20;
    const std::size_t needed = static_cast<std::size_t>(count) * sizeof(T) + kSlack;
    const std::size_t alignment = needed >= kHugePage ? kHugePage : 128;
    const std::size_t rounded = (needed + alignment - 1) / alignment * alignment;
    void* memory = std::aligned_alloc(alignment, rounded);
    if (memory == nullptr) throw std::bad_alloc();
    if (needed >= kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);
    std::memset(memory, 0, rounded);
    data_.reset(static_cast<T*>(memory));
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::int64_t count() const { return count_; }
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(count_) * sizeof(T); }
  std::span<T> span() { return {data(), static_cast<std::size_t>(count_)}; }
  std::span<const T> span() const { return {data(), static_cast<std::size_t>(count_)}; }
  T& operator[](std::int64_t i) { return data_.get()[i]; }
  const T& operator[](std::int64_t i) const { return data_.get()[i]; }

 private:
  // Kernels may load (never store) whole vectors at the end of a buffer.
  static constexpr std::size_t kSlack = 256;
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::int64_t count_ = 0;
  std::unique_ptr<T[], Free> data_;
};

}  // namespace convroof::highway
