#include "backends/highway/cpu_ceilings.h"

#include <fmt/format.h>
#include <omp.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "backends/highway/cpu_micro_kernels.h"
#include "backends/highway/cpu_theory.h"
#include "backends/host_cpu.h"

namespace convroof {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The usable processors, one of each core first, so that thread i has a core of its own while there are enough.
std::vector<int> usable_processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::vector<int> first_of_core, others;
  if (const int places = omp_get_num_places(); places > 0) {
    // Bound to places (OMP_PROC_BIND, OMP_PLACES), the calling thread's own mask is one place of many: all threads would be held on its processor.
    for (int place = 0; place < places; ++place) {
      std::vector<int> processors(static_cast<std::size_t>(omp_get_place_num_procs(place)));
      omp_get_place_proc_ids(place, processors.data());
      for (const int processor : processors)
        if (processor >= 0 && processor < CPU_SETSIZE) CPU_SET(processor, &allowed);
    }
  } else if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    return first_of_core;
  }
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::string siblings;
    std::ifstream(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu)) >> siblings;
    const bool is_first = siblings.empty() || cores.insert(siblings).second;
    (is_first ? first_of_core : others).push_back(cpu);
  }
  first_of_core.insert(first_of_core.end(), others.begin(), others.end());
  return first_of_core;
}

// Holds the calling thread on one processor; gives it its former freedom back afterwards, because the thread belongs to everybody's pool.
class Pinned {
 public:
  explicit Pinned(int processor) {
    CPU_ZERO(&before_);
    known_ = sched_getaffinity(0, sizeof before_, &before_) == 0;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    if (known_) sched_setaffinity(0, sizeof one, &one);  // where it is refused, the measurement is merely less steady
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  ~Pinned() {
    if (known_) sched_setaffinity(0, sizeof before_, &before_);
  }

 private:
  cpu_set_t before_;
  bool known_ = false;
};

// Memory of one thread, touched first by it and backed by huge pages where the system has them.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes) : bytes_((bytes + kHugePage - 1) / kHugePage * kHugePage), data_(std::aligned_alloc(kHugePage, bytes_)) {
    if (data_ == nullptr) throw std::bad_alloc();
    madvise(data_, bytes_, MADV_HUGEPAGE);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::free(data_); }
  void* data() const { return data_; }
  // No word is zero: some memory systems move lines of zeros for less.
  void fill() {
    auto* const words = static_cast<std::uint64_t*>(data_);
    for (std::size_t i = 0; i < bytes_ / sizeof(std::uint64_t); ++i) words[i] = i * 0x9e3779b97f4a7c15u | 1;
  }

 private:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  std::size_t bytes_;
  void* data_;
};

struct Repetitions {
  std::vector<double> seconds;  // of each, from the start of the first thread to the end of the last
  double clock_hz = 0;          // the highest that a chain of additions saw between them; contention can only make it look lower
};

// Repetitions are short, about a millisecond, because somebody else's program may share the machine: a scheduler gives processors away for several
// milliseconds, and among many short repetitions some fall between. There are at least `fewest` of them, and more, up to `most`, until the three best agree
// within 1 %: a roof that was seen once was not seen. On a busy machine barriers are slow, so time is limited as well.
struct Counts {
  int fewest, most;
  double most_seconds;
};

bool best_three_agree(std::vector<double> seconds) {
  if (seconds.size() < 3) return false;
  std::partial_sort(seconds.begin(), seconds.begin() + 3, seconds.end());
  return seconds[2] <= 1.01 * seconds[0];
}

// Runs prepare(thread) once and then work(thread, repetition) again and again on every thread at the same time, each thread on a processor of its own.
template <typename Prepare, typename Work>
Repetitions repeat_on_threads(int threads, Counts counts, const Prepare& prepare, const Work& work) {
  const std::vector<int> processors = usable_processors();
  Repetitions result;
  struct alignas(64) Span {
    double start = 0, end = 0;
  };
  std::vector<Span> spans(static_cast<std::size_t>(threads));
  double begin = 0;
  int team = 0;
  bool enough = false;
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num();
    const Pinned pinned(processors.empty() ? thread : processors[static_cast<std::size_t>(thread) % processors.size()]);
#pragma omp single
    {
      team = omp_get_num_threads();
      spans.resize(static_cast<std::size_t>(team));
    }
    prepare(thread);
    work(thread, 0);  // the first time is nobody's
#pragma omp single
    begin = now();
    for (int i = 1; !enough; ++i) {
#pragma omp barrier
      // Every thread by its own watch: one that was put to sleep at the barrier would otherwise find the others done, and the memory all to itself.
      Span& span = spans[static_cast<std::size_t>(thread)];
      span.start = now();
      work(thread, i);
      span.end = now();
#pragma omp barrier
      if (thread == 0) {
        double first = spans[0].start, last = spans[0].end;
        for (const Span& other : spans) first = std::min(first, other.start), last = std::max(last, other.end);
        result.seconds.push_back(last - first);
        constexpr std::uint64_t kAdditions = 50'000;  // some 15 us: short against any change of clock
        const double chain = now();
        volatile std::uint64_t sink = dependent_additions(kAdditions, static_cast<std::uint64_t>(i) | 1);
        (void)sink;
        result.clock_hz = std::max(result.clock_hz, static_cast<double>(kAdditions) / (now() - chain));
        const bool agreed = i >= counts.fewest && i % 20 == 0 && best_three_agree(result.seconds);
        const double spent = now() - begin;
        enough = agreed || i >= counts.most || spent > 3 * counts.most_seconds || (spent > counts.most_seconds && best_three_agree(result.seconds));
      }
#pragma omp barrier
    }
  }
  if (team != threads) throw std::runtime_error(fmt::format("OpenMP gave {} of {} threads", team, threads));
  return result;
}

// A roof is what the machine can do, so the best repetition; how far the others stayed behind is the spread.
void set_value(Ceiling& ceiling, Repetitions repetitions, double amount) {
  std::vector<double>& seconds = repetitions.seconds;
  std::sort(seconds.begin(), seconds.end());
  const auto rate = [&](double share) { return amount / seconds[static_cast<std::size_t>(share * static_cast<double>(seconds.size() - 1))]; };
  ceiling.value = rate(0);
  ceiling.spread = (rate(0.1) - rate(0.9)) / rate(0);
  ceiling.clock_hz = repetitions.clock_hz;
}

Ceiling measured_loop(MicroKernel kernel, const ComputeLoop& loop, int threads, bool quick) {
  std::vector<std::unique_ptr<Scratch>> scratch;
  for (int i = 0; i < threads; ++i) scratch.push_back(std::make_unique<Scratch>(kMicroKernelScratch));
  fill_micro_kernel_scratch(kernel, scratch[0]->data());
  constexpr std::size_t kTrial = 10'000;
  double per_iteration = 1;
  for (int i = 0; i < 10; ++i) {  // the fastest: a trial that was interrupted would make all repetitions too short
    const double start = now();
    loop.run(kTrial, scratch[0]->data());
    per_iteration = std::min(per_iteration, (now() - start) / kTrial);
  }
  constexpr double kTarget = 1e-3;
  const auto iterations = static_cast<std::size_t>(std::max(1.0, kTarget / per_iteration));

  const Repetitions repetitions = repeat_on_threads(
      threads, quick ? Counts{100, 800, 0.8} : Counts{500, 4000, 4},
      [&](int thread) { fill_micro_kernel_scratch(kernel, scratch[static_cast<std::size_t>(thread)]->data()); },
      [&](int thread, int) { loop.run(iterations, scratch[static_cast<std::size_t>(thread)]->data()); });
  Ceiling ceiling;
  set_value(ceiling, repetitions, static_cast<double>(loop.operations_per_iteration * iterations) * threads);
  ceiling.device = host_cpu().name;
  ceiling.kind = "compute";
  ceiling.unit = "op/s";
  ceiling.threads = threads;
  ceiling.source = "measured";
  ceiling.method = fmt::format("{}, {} x {} bit, operands from L1, best of {}", loop.instruction, micro_kernel_target(), 8 * micro_kernel_vector_bytes(),
                               repetitions.seconds.size());
  return ceiling;
}

// The roof of one type by one loop; nothing where this CPU or build lacks the instruction.
void append(std::vector<Ceiling>& list, MicroKernel kernel, const char* unit_used, DataType type, const char* accumulator, double factor, int threads,
            bool quick) {
  const ComputeLoop loop = compute_loop(kernel);
  if (loop.instruction == nullptr) return;
  Ceiling ceiling = measured_loop(kernel, loop, threads, quick);
  ceiling.type = name_of(type);
  ceiling.accumulator = accumulator;
  ceiling.unit_used = unit_used;
  ceiling.theoretical = ceiling.clock_hz * core_theory().f32_operations * factor * threads;
  list.push_back(std::move(ceiling));
}

struct Level {
  const char* name;
  std::size_t bytes_per_thread;  // read
  std::int64_t capacity;         // of all threads; 0: unlimited
  double theoretical_per_cycle;  // of one core
  std::string note;
};

std::vector<Level> levels(int threads) {
  const HostCpu& cpu = host_cpu();
  const CoreTheory theory = core_theory();
  // Where a virtual machine hides a cache, a small working set is read, and its capacity is taken large: the roof then errs upwards.
  const std::int64_t l1 = cpu.l1d_bytes > 0 ? cpu.l1d_bytes : 32 << 10;
  const std::int64_t l2 = std::max(cpu.l2_bytes > 0 ? cpu.l2_bytes : 512 << 10, 2 * l1);
  const std::int64_t l3 = cpu.l3_bytes > 0 ? cpu.l3_bytes * std::min(cpu.l3_count, threads) : 0;
  const auto capacity = [&](std::int64_t size, bool known) {
    // A working set somewhat larger than a cache is still served by it in part: on a Zen 4 server, reading 1.2 times L3 ran at 1.4 times DRAM's rate, 1.5 times
    // L3 within 7 % of it. The level applies until nothing is left of it.
    return known ? size + size / 2 : 8 * size;
  };
  const std::string hidden = "; size unknown";

  const std::size_t l2_set = static_cast<std::size_t>(std::max(l2 * 5 / 8, 2 * l1));
  const std::size_t l3_set = static_cast<std::size_t>(std::max(4 * l2, l3 / 5 / threads));
  // Main memory: so large a set that nothing of it survives in a cache until it is read again. Within an eighth of the memory.
  const auto memory = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  const std::int64_t largest = std::max(memory / 8, std::int64_t{32} << 20);
  const std::int64_t dram_set = std::min(std::max({8 * l3, 8 * l2 * threads, std::int64_t{256} << 20}), largest);
  std::vector<Level> list = {
      {"L1", static_cast<std::size_t>(l1 * 3 / 4), capacity(l1 * threads, cpu.l1d_bytes > 0), theory.l1_read_bytes, cpu.l1d_bytes > 0 ? "" : hidden},
      {"L2", l2_set, capacity(l2 * threads, cpu.l2_bytes > 0), theory.l2_read_bytes, cpu.l2_bytes > 0 ? "" : hidden},
      {"L3", l3_set, l3 > 0 ? capacity(l3, true) : std::int64_t{512} << 20, 0, l3 > 0 ? "" : hidden}};
  // Sets of a few times the last-level cache keep a part of themselves in it (a cache that replaces lines at random keeps more than one that replaces the
  // oldest), which helps a kernel as much as this loop: VGG's fc7, twice L3 here, ran 3 % above main memory's rate. They have a roof of their own, measured on
  // twice the cache, so that main memory's need not be inflated for them.
  if (l3 > 0 && 4 * l3 < dram_set) list.push_back({"L3+dram", static_cast<std::size_t>(2 * l3 / threads), 4 * l3, 0, ""});
  list.push_back({"dram", static_cast<std::size_t>(dram_set / threads), 0, 0, ""});
  return list;
}

}  // namespace

std::vector<Ceiling> measure_cpu_compute(DataType type, int threads, bool quick) {
  std::vector<Ceiling> list;
  switch (type) {
    case DataType::f32:
      append(list, MicroKernel::fma_f32, "fma", type, "f32", 1, threads, quick);
      break;
    case DataType::bf16:
      append(list, MicroKernel::fma_f32, "fma", type, "f32", 1, threads, quick);  // after conversion, which is not counted
      append(list, MicroKernel::dot_bf16, "dot", type, "f32", core_theory().bf16_factor, threads, quick);
      break;
    case DataType::s8:
      append(list, MicroKernel::dot_u8_s8, "dot", type, "s32", core_theory().s8_factor, threads, quick);
      break;
    case DataType::s16:
      append(list, MicroKernel::dot_s16, "dot", type, "s32", core_theory().s16_factor, threads, quick);
      break;
    case DataType::f16:
      break;
  }
  return list;
}

std::vector<Ceiling> measure_cpu_bandwidth(int threads, bool quick) {
  const std::vector<Level> all = levels(threads);
  std::size_t largest = 0;
  for (const Level& level : all) largest = std::max(largest, level.bytes_per_thread);
  std::vector<std::unique_ptr<Scratch>> scratch;
  for (int i = 0; i < threads; ++i) scratch.push_back(std::make_unique<Scratch>(largest));

  std::vector<Ceiling> list;
  bool filled = false;
  for (const Level& level : all) {
    constexpr std::size_t kStep = 8 << 10;  // read_bytes wants whole unrolled steps of the widest vectors
    const std::size_t bytes = std::max(level.bytes_per_thread / kStep * kStep, kStep);
    // What one repetition of a thread reads: the working set several times over, or of a large one the next part. What was read before the whole was gone
    // through once more has left the caches.
    const bool is_dram = std::string_view(level.name).ends_with("dram");
    const std::size_t part = is_dram ? std::max(bytes / 4 / kStep * kStep, kStep) : bytes;
    const std::size_t parts = bytes / part;
    constexpr double kAmount = 1e8;
    const std::size_t passes = is_dram ? 1 : std::max<std::size_t>(1, static_cast<std::size_t>(kAmount / static_cast<double>(bytes)));
    const auto prepare = [&](int thread) {
      if (!filled) scratch[static_cast<std::size_t>(thread)]->fill();
    };
    const auto read = [&](int thread, int repetition) {
      const auto* const data = static_cast<const std::byte*>(scratch[static_cast<std::size_t>(thread)]->data());
      volatile std::uint64_t sink = read_bytes(data + static_cast<std::size_t>(repetition) % parts * part, part, passes, is_dram);
      (void)sink;
    };
    const Repetitions repetitions = repeat_on_threads(threads,
                                                      is_dram ? Counts{400, quick ? 1500 : 8000, quick ? 0.7 : 4}
                                                      : quick ? Counts{200, 500, 0.7}
                                                              : Counts{1000, 4000, 4},
                                                      prepare, read);
    Ceiling ceiling;
    set_value(ceiling, repetitions, static_cast<double>(part) * static_cast<double>(passes) * threads);
    filled = true;
    ceiling.device = host_cpu().name;
    ceiling.kind = "bandwidth";
    ceiling.level = level.name;
    ceiling.unit = "B/s";
    ceiling.threads = threads;
    ceiling.theoretical = ceiling.clock_hz * level.theoretical_per_cycle * threads;
    ceiling.source = "measured";
    ceiling.method = fmt::format("read, {} KiB a thread, {} x {} bit, best of {}{}", bytes >> 10, micro_kernel_target(), 8 * micro_kernel_vector_bytes(),
                                 repetitions.seconds.size(), level.note);
    ceiling.capacity_bytes = level.capacity;
    list.push_back(std::move(ceiling));
  }
  return list;
}

}  // namespace convroof
