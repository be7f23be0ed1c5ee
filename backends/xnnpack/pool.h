// The library's own thread pool, one for each kernel and destroyed with it, so that its waiting threads disturb nobody else's measurement.
#pragma once

#include <pthreadpool.h>

#include <memory>

namespace convroof::xnnpack {

struct DestroyPool {
  void operator()(pthreadpool_t pool) const { pthreadpool_destroy(pool); }
};
using Pool = std::unique_ptr<pthreadpool, DestroyPool>;

// A pool of exactly `threads`, the calling one among them; none where one thread is enough. The others are held on the processors that OpenMP's places name,
// one each, as the other kernels' threads are: without this they would inherit the calling thread's single processor. Throws std::runtime_error.
Pool make_pool(int threads);

}  // namespace convroof::xnnpack
