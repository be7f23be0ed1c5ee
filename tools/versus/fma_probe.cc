#include "tools/versus/fma_probe.h"

#include <omp.h>

#include <algorithm>
#include <chrono>

namespace convroof::versus {
namespace {

// A rate below this share of the best one means that somebody else is at work.
constexpr double kQuiet = 0.97;
constexpr int kLanes = 16, kChains = 20;  // enough chains to hide the latency of two units, and few enough for the registers
constexpr long kSteps = 20000;

using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

__attribute__((always_inline)) inline float multiply_add(long steps) {
  Lanes sums[kChains];
  for (int i = 0; i < kChains; ++i)
    for (int lane = 0; lane < kLanes; ++lane) sums[i][lane] = static_cast<float>(i + lane);
  const Lanes factor = Lanes{} + 0.999f, addend = Lanes{} + 0.001f;
  for (long step = 0; step < steps; ++step) {
#pragma GCC unroll 20
    for (int i = 0; i < kChains; ++i) sums[i] = sums[i] * factor + addend;
    asm volatile("");  // one step after the other: nothing is folded
  }
  Lanes total{};
  for (const Lanes& sum : sums) total += sum;
  return total[0];
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) float burst_512(long steps) { return multiply_add(steps); }
__attribute__((target("avx2,fma"))) float burst_256(long steps) { return multiply_add(steps); }
#endif
float burst_plain(long steps) { return multiply_add(steps); }

float burst(long steps) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return burst_512(steps);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return burst_256(steps);
#endif
  return burst_plain(steps);
}

void keep(float value) { asm volatile("" : : "m"(value)); }

}  // namespace

double fma_rate(int threads) {
  double slowest = 0;
#pragma omp parallel num_threads(threads) reduction(max : slowest)
  {
    keep(burst(kSteps / 20));  // wakes the thread up
#pragma omp barrier
    const auto start = std::chrono::steady_clock::now();
    keep(burst(kSteps));
    slowest = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return 2.0 * kLanes * kChains * kSteps * threads / slowest;
}

QuietGuard::QuietGuard(int threads, double known_peak) : threads_(threads), best_(known_peak * threads) {
  for (int i = 0; i < 20; ++i) best_ = std::max(best_, fma_rate(threads));
}

bool QuietGuard::quiet() {
  ++probes_;
  const double rate = fma_rate(threads_);
  best_ = std::max(best_, rate);
  if (rate >= kQuiet * best_) return true;
  ++disturbed_;
  return false;
}

}  // namespace convroof::versus
