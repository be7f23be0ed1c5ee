#include "backends/xnnpack/pool.h"

#include <fmt/format.h>
#include <omp.h>
#include <sched.h>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <thread>
#include <vector>

namespace convroof::xnnpack {
namespace {

struct Placement {
  std::thread::id caller;
  int threads = 1, own_place = 0, places = 0;
  std::atomic<int> arrived{0}, helpers{0};
};

// Runs once on each thread of the pool.
void place(void* context, std::size_t) {
  auto& p = *static_cast<Placement*>(context);
  // Nobody returns before all are here: so no thread takes a second turn.
  ++p.arrived;
  while (p.arrived.load() < p.threads) std::this_thread::yield();
  if (std::this_thread::get_id() == p.caller) return;
  const int place = (p.own_place + 1 + p.helpers++) % p.places;
  std::vector<int> processors(static_cast<std::size_t>(omp_get_place_num_procs(place)));
  omp_get_place_proc_ids(place, processors.data());
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int processor : processors)
    if (processor >= 0 && processor < CPU_SETSIZE) CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);  // where it is refused, the measurement is merely less steady
}

}  // namespace

Pool make_pool(int threads) {
  if (threads <= 1) return nullptr;
  Pool pool(pthreadpool_create(static_cast<std::size_t>(threads)));
  if (pool == nullptr || pthreadpool_get_threads_count(pool.get()) != static_cast<std::size_t>(threads))
    throw std::runtime_error(fmt::format("pthreadpool did not start {} threads", threads));
  Placement placement{.caller = std::this_thread::get_id(), .threads = threads, .own_place = omp_get_place_num(), .places = omp_get_num_places()};
  if (placement.places > 0) pthreadpool_parallelize_1d(pool.get(), place, &placement, static_cast<std::size_t>(threads), 0);
  return pool;
}

}  // namespace convroof::xnnpack
