// The one pool of threads: OpenMP's, which the vendor's kernels use as well. Two pools that spin beside each other spoil every number taken with two threads.
#pragma once

#include <omp.h>

#include <cstdint>

namespace convroof::highway {

// A contiguous part of [0, count): part `index` of `parts` whose sizes differ by at most one.
struct Range {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
};

inline Range share_of(std::int64_t count, std::int64_t index, std::int64_t parts) { return {count * index / parts, count * (index + 1) / parts}; }

// body(thread, threads) on each of `threads` threads; returns when all are done.
template <typename Body>
void on_threads(int threads, const Body& body) {
  if (threads <= 1) {
    body(0, 1);
    return;
  }
#pragma omp parallel num_threads(threads)
  body(omp_get_thread_num(), omp_get_num_threads());
}

// Inside on_threads: waits for all threads of the region.
inline void barrier() {
#pragma omp barrier
}

}  // namespace convroof::highway
