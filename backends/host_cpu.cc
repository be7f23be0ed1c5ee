#include "backends/host_cpu.h"

#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace convroof {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream stream(path);
  std::string line;
  std::getline(stream, line);
  return line;
}

std::string model_name() {
  std::ifstream stream("/proc/cpuinfo");
  std::string line;
  while (std::getline(stream, line)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || !(line.starts_with("model name") || line.starts_with("Model") || line.starts_with("cpu model"))) continue;
    const std::size_t start = line.find_first_not_of(" \t", colon + 1);
    if (start != std::string::npos) return line.substr(start);
  }
  return "cpu";
}

// The processors that this process may use. Where threads are bound to places (OMP_PROC_BIND, OMP_PLACES: the processes that measure are), the calling thread's
// own mask is one place of many, and OpenMP knows the others.
bool usable_processors(cpu_set_t& allowed) {
  CPU_ZERO(&allowed);
  const int places = omp_get_num_places();
  if (places == 0) return sched_getaffinity(0, sizeof allowed, &allowed) == 0;
  for (int place = 0; place < places; ++place) {
    std::vector<int> processors(static_cast<std::size_t>(omp_get_place_num_procs(place)));
    omp_get_place_proc_ids(place, processors.data());
    for (const int processor : processors)
      if (processor >= 0 && processor < CPU_SETSIZE) CPU_SET(processor, &allowed);
  }
  return CPU_COUNT(&allowed) > 0;
}

// Two hardware threads of one core count once.
int usable_physical_cores() {
  cpu_set_t allowed;
  if (!usable_processors(allowed)) return 1;
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string siblings = first_line("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
    cores.insert(siblings.empty() ? std::to_string(cpu) : siblings);
  }
  int count = cores.empty() ? 1 : static_cast<int>(cores.size());
  // A container's quota ("max 100000", or "200000 100000": microseconds per period) may allow less than its affinity.
  std::istringstream quota(first_line("/sys/fs/cgroup/cpu.max"));
  double limit = 0, period = 0;
  if (quota >> limit >> period && period > 0 && limit > 0) count = std::min(count, std::max(1, static_cast<int>(limit / period)));
  return count;
}

constexpr int kMostCaches = 16;  // entries that a core's cache folder can hold

std::string cache_file(int cpu, int index, const char* file) {
  return first_line("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cache/index" + std::to_string(index) + "/" + file);
}

// Size of the data cache of one level that the first usable core sees, as the kernel states it; `otherwise` where it does not (some containers and virtual
// machines). sysconf() alone will not do: on AMD hosts it multiplies the last level by cores that a guest does not have.
std::int64_t cache_bytes(int level, int otherwise) {
  for (int index = 0; index < kMostCaches; ++index) {
    if (cache_file(0, index, "level") != std::to_string(level) || cache_file(0, index, "type") == "Instruction") continue;
    std::istringstream text(cache_file(0, index, "size"));  // "32K", "32768K", "32M"
    std::int64_t size = 0;
    char unit = ' ';
    if (text >> size >> unit && size > 0) return size * (unit == 'M' ? std::int64_t{1} << 20 : unit == 'G' ? std::int64_t{1} << 30 : std::int64_t{1} << 10);
  }
  const long size = sysconf(otherwise);
  return size > 0 ? size : 0;
}

int reachable_l3_count() {
  cpu_set_t allowed;
  if (!usable_processors(allowed)) return 1;
  std::set<std::string> shared;  // each list of cores that share one
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    for (int index = 0; index < kMostCaches; ++index)
      if (cache_file(cpu, index, "level") == "3") shared.insert(cache_file(cpu, index, "shared_cpu_list"));
  }
  return shared.empty() ? 1 : static_cast<int>(shared.size());
}

}  // namespace

const HostCpu& host_cpu() {
  static const HostCpu cpu{.name = model_name(),
                           .physical_cores = usable_physical_cores(),
                           .l1d_bytes = cache_bytes(1, _SC_LEVEL1_DCACHE_SIZE),
                           .l2_bytes = cache_bytes(2, _SC_LEVEL2_CACHE_SIZE),
                           .l3_bytes = cache_bytes(3, _SC_LEVEL3_CACHE_SIZE),
                           .l3_count = reachable_l3_count()};
  return cpu;
}

}  // namespace convroof
