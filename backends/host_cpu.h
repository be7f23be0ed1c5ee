// The machine that host backends run on. Its name is the `device` of every CPU backend, so that their cases and the CPU's roofs find each other.
#pragma once

#include <cstdint>
#include <string>

namespace convroof {

struct HostCpu {
  std::string name;                          // model as the system reports it
  int physical_cores = 1;                    // that this process may use (affinity and cgroup respected)
  std::int64_t l1d_bytes = 0, l2_bytes = 0;  // per core; 0: unknown
  std::int64_t l3_bytes = 0;                 // of one shared cache; 0: unknown
  int l3_count = 1;                          // shared caches that the usable cores reach; at least 1
};

// Read once.
const HostCpu& host_cpu();

}  // namespace convroof
