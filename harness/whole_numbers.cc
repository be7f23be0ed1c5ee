#include "harness/whole_numbers.h"

#include <algorithm>

#include "harness/counter_random.h"

namespace convroof {
namespace {

struct Stream {
  std::uint64_t key;
  std::uint32_t largest;
  bool is_signed;
};

// Elements [first, end), 16 at a time; first is even.
template <typename T>
[[gnu::always_inline]] inline void fill_body(T* out, std::int64_t first, std::int64_t end, const Stream& stream) {
  typedef std::uint64_t Words __attribute__((vector_size(64)));
  typedef std::uint32_t Bits __attribute__((vector_size(64)));
  typedef std::int32_t Values __attribute__((vector_size(64)));
  typedef T Narrow __attribute__((vector_size(16 * sizeof(T))));
  const Words eight = {0, 1, 2, 3, 4, 5, 6, 7};
  std::int64_t i = first;
  for (; i + 16 <= end; i += 16) {
    Words x = stream.key + (static_cast<std::uint64_t>(i >> 1) + eight) * 0x9e3779b97f4a7c15u;  // as random_bits() and mixed()
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    Bits bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    const Bits rank = bits & 0x7fffffffu;
    // The 47 bits of rank * largest do not fit a lane; its two halves do.
    const Bits above_one = ((rank >> 16) * stream.largest + ((rank & 0xffffu) * stream.largest >> 16)) >> 15;
    const Values magnitude = __builtin_convertvector(above_one, Values) + 1;
    const Values sign = stream.is_signed ? __builtin_convertvector(bits, Values) >> 31 : Values{};
    const Narrow values = __builtin_convertvector((magnitude ^ sign) - sign, Narrow);
    __builtin_memcpy(out + i, &values, sizeof values);
  }
  for (; i < end; ++i) {
    const std::uint32_t bits = random_bits(stream.key, i);
    const auto magnitude = static_cast<std::int64_t>(1 + ((std::uint64_t{rank_of(bits)} * stream.largest) >> 31));
    out[i] = static_cast<T>(stream.is_signed && is_negative(bits) ? -magnitude : magnitude);
  }
}

#if defined(__x86_64__)
template <typename T>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] void fill_avx512(T* out, std::int64_t first, std::int64_t end, const Stream& stream) {
  fill_body(out, first, end, stream);
}
template <typename T>
[[gnu::target("avx2")]] void fill_avx2(T* out, std::int64_t first, std::int64_t end, const Stream& stream) {
  fill_body(out, first, end, stream);
}
#endif
template <typename T>
void fill_plain(T* out, std::int64_t first, std::int64_t end, const Stream& stream) {
  fill_body(out, first, end, stream);
}

template <typename T>
auto best_fill() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return fill_avx512<T>;
  if (__builtin_cpu_supports("avx2")) return fill_avx2<T>;
#endif
  return fill_plain<T>;
}

}  // namespace

template <typename T>
void fill_whole_numbers(T* out, std::int64_t count, std::uint64_t key, int largest, bool is_signed) {
  const auto fill = best_fill<T>();
  const Stream stream{key, static_cast<std::uint32_t>(largest), is_signed};
  constexpr std::int64_t kPart = std::int64_t{1} << 16;
#pragma omp parallel for schedule(static)
  for (std::int64_t first = 0; first < count; first += kPart) fill(out, first, std::min(count, first + kPart), stream);
}

template void fill_whole_numbers(std::int8_t*, std::int64_t, std::uint64_t, int, bool);
template void fill_whole_numbers(std::uint8_t*, std::int64_t, std::uint64_t, int, bool);
template void fill_whole_numbers(std::int16_t*, std::int64_t, std::uint64_t, int, bool);
template void fill_whole_numbers(std::int32_t*, std::int64_t, std::uint64_t, int, bool);
template void fill_whole_numbers(std::int64_t*, std::int64_t, std::uint64_t, int, bool);

}  // namespace convroof
