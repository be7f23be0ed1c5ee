// Counts what a test program takes from the heap, by any thread and any library: malloc and its relatives, and with them operator new.
#pragma once

#include <cstdint>

namespace convroof::highway {

// Allocations since construction. One at a time.
class HeapWatch {
 public:
  HeapWatch();
  ~HeapWatch();
  HeapWatch(const HeapWatch&) = delete;
  HeapWatch& operator=(const HeapWatch&) = delete;
  std::int64_t allocations() const;

  // Whether this build can count: glibc, or a sanitizer that tells of each allocation.
  static bool can_count();
};

}  // namespace convroof::highway
