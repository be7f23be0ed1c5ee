#include "backends/highway/cpu_micro_kernels.h"

#include <cstring>
#include <random>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/cpu_micro_kernels.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#ifndef CONVROOF_HWY_VERSION
#define CONVROOF_HWY_VERSION 0
#endif

HWY_BEFORE_NAMESPACE();
namespace convroof {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A register tile like that of a matrix product: kColumns loaded vectors, then kRows more, each used kColumns times. Operands come from a ring in L1 because
// a compiler cannot hoist or fold what is loaded anew, and because real kernels load theirs too; on every CPU tried the loads hide behind the arithmetic.
// 20 accumulators cover 2 pipes x 5 cycles twice; with 16 registers, 10 have to do.
#if HWY_TARGET == HWY_SSE2 || HWY_TARGET == HWY_SSSE3 || HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_AVX2
constexpr std::size_t kColumns = 2;
#else
constexpr std::size_t kColumns = 4;
#endif
constexpr std::size_t kRows = 5;
constexpr std::size_t kAccumulators = kRows * kColumns;
constexpr std::size_t kRing = 16;  // tiles of operands: 16 x 9 x 64 B = 9 KiB

static_assert(kRing * (kRows + 4) * 256 <= kMicroKernelScratch, "operands of vectors of up to 256 bytes");

// The instruction under test: how many operations a vector of it does, and the step itself. sum1 is a second accumulator that some targets need.
struct FmaF32 {
  using Element = float;
  using Sum = float;
  template <class D>
  static std::size_t Operations(D d) {
    return 2 * hn::Lanes(d);
  }
  template <class DS, class V, class S>
  static HWY_INLINE S Step(DS, V a, V b, S sum0, S&) {
    return hn::MulAdd(a, b, sum0);
  }
};

struct DotS16 {
  using Element = std::int16_t;
  using Sum = std::int32_t;
  template <class D>
  static std::size_t Operations(D d) {
    return 2 * hn::Lanes(d);
  }
  template <class DS, class V, class S>
  static HWY_INLINE S Step(DS ds, V a, V b, S sum0, S& sum1) {
    return hn::ReorderWidenMulAccumulate(ds, a, b, sum0, sum1);
  }
};

#undef CONVROOF_HAS_DOT_BF16
#if CONVROOF_HWY_VERSION >= 10200 && defined(HWY_NATIVE_DOT_BF16) && HWY_NATIVE_DOT_BF16
#define CONVROOF_HAS_DOT_BF16 1
struct DotBf16 {
  using Element = hwy::bfloat16_t;
  using Sum = float;
  template <class D>
  static std::size_t Operations(D d) {
    return 2 * hn::Lanes(d);
  }
  template <class DS, class V, class S>
  static HWY_INLINE S Step(DS ds, V a, V b, S sum0, S& sum1) {
    return hn::ReorderWidenMulAccumulate(ds, a, b, sum0, sum1);
  }
};
#else
#define CONVROOF_HAS_DOT_BF16 0
#endif

#if CONVROOF_HWY_VERSION >= 10200
struct DotU8S8 {
  using Element = std::int8_t;
  using Sum = std::int32_t;
  template <class D>
  static std::size_t Operations(D d) {
    return 2 * hn::Lanes(d);
  }
  template <class DS, class V, class S>
  static HWY_INLINE S Step(DS ds, V a, V b, S sum0, S&) {
    return hn::SumOfMulQuadAccumulate(ds, hn::BitCast(hn::Repartition<std::uint8_t, DS>(), a), b, sum0);
  }
};
#endif

template <class I>
std::size_t Run(std::size_t iterations, void* scratch) {
  using Element = typename I::Element;
  const hn::ScalableTag<typename I::Sum> ds;
  const hn::Repartition<Element, decltype(ds)> de;
  using S = hn::Vec<decltype(ds)>;
  const std::size_t lanes = hn::Lanes(de);
  const std::size_t tile = (kRows + kColumns) * lanes;
  const Element* const ring = static_cast<const Element*>(scratch);

  // Named one by one because vectors of scalable targets cannot be array elements.
#define CONVROOF_ROW(r) S s##r##0 = hn::Zero(ds), s##r##1 = hn::Zero(ds), s##r##2 = hn::Zero(ds), s##r##3 = hn::Zero(ds)
#define CONVROOF_ROW_SECOND(r) S t##r##0 = hn::Zero(ds), t##r##1 = hn::Zero(ds), t##r##2 = hn::Zero(ds), t##r##3 = hn::Zero(ds)
  CONVROOF_ROW(0);
  CONVROOF_ROW(1);
  CONVROOF_ROW(2);
  CONVROOF_ROW(3);
  CONVROOF_ROW(4);
  CONVROOF_ROW_SECOND(0);
  CONVROOF_ROW_SECOND(1);
  CONVROOF_ROW_SECOND(2);
  CONVROOF_ROW_SECOND(3);
  CONVROOF_ROW_SECOND(4);
#undef CONVROOF_ROW
#undef CONVROOF_ROW_SECOND

  for (std::size_t i = 0; i < iterations; ++i) {
    const Element* const operands = ring + (i % kRing) * tile;
    const auto b0 = hn::Load(de, operands), b1 = hn::Load(de, operands + lanes);
    const Element* rows = operands + kColumns * lanes;
    const auto b2 = kColumns > 2 ? hn::Load(de, operands + 2 * lanes) : b0;
    const auto b3 = kColumns > 2 ? hn::Load(de, operands + 3 * lanes) : b1;
#define CONVROOF_STEP(r)                              \
  {                                                   \
    const auto a = hn::Load(de, rows + (r)*lanes);    \
    s##r##0 = I::Step(ds, a, b0, s##r##0, t##r##0);   \
    s##r##1 = I::Step(ds, a, b1, s##r##1, t##r##1);   \
    if (kColumns > 2) {                               \
      s##r##2 = I::Step(ds, a, b2, s##r##2, t##r##2); \
      s##r##3 = I::Step(ds, a, b3, s##r##3, t##r##3); \
    }                                                 \
  }
    CONVROOF_STEP(0)
    CONVROOF_STEP(1)
    CONVROOF_STEP(2)
    CONVROOF_STEP(3)
    CONVROOF_STEP(4)
#undef CONVROOF_STEP
    // GCC 12 otherwise copies integer accumulators between registers and to the stack in every iteration (it sees them as vectors of different element types),
    // which halved the 8- and 16-bit rates.
#if HWY_ARCH_X86
#define CONVROOF_KEEP(v0, v1, v2, v3) asm volatile("" : "+v"(v0.raw), "+v"(v1.raw), "+v"(v2.raw), "+v"(v3.raw))
    CONVROOF_KEEP(s00, s01, s10, s11);
    CONVROOF_KEEP(s20, s21, s30, s31);
    asm volatile("" : "+v"(s40.raw), "+v"(s41.raw));
    if (kColumns > 2) {
      CONVROOF_KEEP(s02, s03, s12, s13);
      CONVROOF_KEEP(s22, s23, s32, s33);
      asm volatile("" : "+v"(s42.raw), "+v"(s43.raw));
    }
#undef CONVROOF_KEEP
#endif
  }

  // Every accumulator reaches memory, or its chain would be dead code.
  auto* const out = static_cast<typename I::Sum*>(scratch) + kMicroKernelScratch / sizeof(typename I::Sum) - hn::Lanes(ds);
#define CONVROOF_SUM(r) hn::Add(hn::Add(hn::Add(s##r##0, s##r##1), hn::Add(s##r##2, s##r##3)), hn::Add(hn::Add(t##r##0, t##r##1), hn::Add(t##r##2, t##r##3)))
  hn::Store(hn::Add(hn::Add(hn::Add(CONVROOF_SUM(0), CONVROOF_SUM(1)), hn::Add(CONVROOF_SUM(2), CONVROOF_SUM(3))), CONVROOF_SUM(4)), ds, out);
#undef CONVROOF_SUM
  return hn::Lanes(ds);
}

template <class I>
ComputeLoop Loop(const char* instruction) {
  const hn::ScalableTag<typename I::Sum> ds;
  const hn::Repartition<typename I::Element, decltype(ds)> de;
  return {instruction, kAccumulators * I::Operations(de), &Run<I>};
}

ComputeLoop ComputeLoopOf(MicroKernel kernel) {
  switch (kernel) {
    case MicroKernel::fma_f32:
      return Loop<FmaF32>("f32 multiply-add");
    case MicroKernel::dot_bf16:
#if CONVROOF_HAS_DOT_BF16
      return Loop<DotBf16>("bf16 dot product of pairs");
#else
      break;
#endif
    case MicroKernel::dot_u8_s8:
#if CONVROOF_HWY_VERSION >= 10200
      return Loop<DotU8S8>("u8 x s8 dot product of quads");
#else
      break;
#endif
    case MicroKernel::dot_s16:
      return Loop<DotS16>("s16 dot product of pairs");
  }
  return {};
}

// Asking for lines before they are read: 64 ahead, into the second-level cache. A core of Zen 4 reads 32.4 GB/s from DRAM without, 33.9 with it; a kernel that
// asks would stand above a roof that does not. From caches it only costs.
template <bool kAsks>
std::uint64_t read_all(const void* data, std::size_t bytes, std::size_t passes) {
  const hn::ScalableTag<std::uint64_t> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto* const words = static_cast<const std::uint64_t*>(data);
  const std::size_t count = bytes / sizeof(std::uint64_t);
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (std::size_t pass = 0; pass < passes; ++pass) {
    for (std::size_t i = 0; i + 8 * lanes <= count; i += 8 * lanes) {
      if constexpr (kAsks)
        for (std::size_t line = 0; line < lanes; ++line) __builtin_prefetch(words + i + 8 * (64 + line), 0, 2);
      s0 = hn::Add(s0, hn::Load(d, words + i));
      s1 = hn::Add(s1, hn::Load(d, words + i + lanes));
      s2 = hn::Add(s2, hn::Load(d, words + i + 2 * lanes));
      s3 = hn::Add(s3, hn::Load(d, words + i + 3 * lanes));
      s4 = hn::Add(s4, hn::Load(d, words + i + 4 * lanes));
      s5 = hn::Add(s5, hn::Load(d, words + i + 5 * lanes));
      s6 = hn::Add(s6, hn::Load(d, words + i + 6 * lanes));
      s7 = hn::Add(s7, hn::Load(d, words + i + 7 * lanes));
    }
    asm volatile("" ::: "memory");  // the next pass reads again
  }
  const auto sum = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)));
  return hn::GetLane(sum);
}

std::uint64_t ReadBytes(const void* data, std::size_t bytes, std::size_t passes, bool asks_ahead) {
  return asks_ahead ? read_all<true>(data, bytes, passes) : read_all<false>(data, bytes, passes);
}

void CopyBytes(void* data, std::size_t bytes, std::size_t passes, bool streaming) {
  const hn::ScalableTag<std::uint64_t> d;
  const std::size_t lanes = hn::Lanes(d);
  auto* const from = static_cast<std::uint64_t*>(data);
  const std::size_t count = bytes / 2 / sizeof(std::uint64_t);
  std::uint64_t* const to = from + count;
  for (std::size_t pass = 0; pass < passes; ++pass) {
    if (streaming) {
      for (std::size_t i = 0; i + 4 * lanes <= count; i += 4 * lanes) {
        hn::Stream(hn::Load(d, from + i), d, to + i);
        hn::Stream(hn::Load(d, from + i + lanes), d, to + i + lanes);
        hn::Stream(hn::Load(d, from + i + 2 * lanes), d, to + i + 2 * lanes);
        hn::Stream(hn::Load(d, from + i + 3 * lanes), d, to + i + 3 * lanes);
      }
      hwy::FlushStream();
    } else {
      for (std::size_t i = 0; i + 4 * lanes <= count; i += 4 * lanes) {
        hn::Store(hn::Load(d, from + i), d, to + i);
        hn::Store(hn::Load(d, from + i + lanes), d, to + i + lanes);
        hn::Store(hn::Load(d, from + i + 2 * lanes), d, to + i + 2 * lanes);
        hn::Store(hn::Load(d, from + i + 3 * lanes), d, to + i + 3 * lanes);
      }
    }
    asm volatile("" ::: "memory");
  }
}

const char* TargetName() { return hwy::TargetName(HWY_TARGET); }
std::size_t VectorBytes() { return hn::Lanes(hn::ScalableTag<std::uint8_t>()); }

}  // namespace HWY_NAMESPACE
}  // namespace convroof
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof {

HWY_EXPORT(ComputeLoopOf);
HWY_EXPORT(ReadBytes);
HWY_EXPORT(CopyBytes);
HWY_EXPORT(TargetName);
HWY_EXPORT(VectorBytes);

ComputeLoop compute_loop(MicroKernel kernel) { return HWY_DYNAMIC_DISPATCH(ComputeLoopOf)(kernel); }

void fill_micro_kernel_scratch(MicroKernel kernel, void* scratch) {
  // Speed depends on operand bits through the power that they cost, so neither zeros nor constants. Zero mean keeps the sums of floats far from overflow.
  std::mt19937 random(20120903);
  if (kernel == MicroKernel::fma_f32) {
    std::uniform_real_distribution<float> value(-1, 1);
    for (std::size_t i = 0; i < kMicroKernelScratch / sizeof(float); ++i) static_cast<float*>(scratch)[i] = value(random);
  } else if (kernel == MicroKernel::dot_bf16) {
    std::uniform_real_distribution<float> value(-1, 1);
    for (std::size_t i = 0; i < kMicroKernelScratch / 2; ++i) {
      const float x = value(random);
      std::uint32_t bits = 0;
      std::memcpy(&bits, &x, sizeof bits);
      static_cast<std::uint16_t*>(scratch)[i] = static_cast<std::uint16_t>(bits >> 16);
    }
  } else {
    for (std::size_t i = 0; i < kMicroKernelScratch / 4; ++i) static_cast<std::uint32_t*>(scratch)[i] = static_cast<std::uint32_t>(random()) | 0x01010101u;
  }
}

std::uint64_t read_bytes(const void* data, std::size_t bytes, std::size_t passes, bool asks_ahead) {
  return HWY_DYNAMIC_DISPATCH(ReadBytes)(data, bytes, passes, asks_ahead);
}
void copy_bytes(void* data, std::size_t bytes, std::size_t passes, bool streaming) { HWY_DYNAMIC_DISPATCH(CopyBytes)(data, bytes, passes, streaming); }

std::uint64_t dependent_additions(std::uint64_t count, std::uint64_t addend) {
  std::uint64_t sum = 0;
  // Each addition is opaque to the compiler; the addend sits in a register, because additions of constants can be free (renamed away) on recent cores.
#define CONVROOF_ADD \
  sum += addend;     \
  asm volatile("" : "+r"(sum), "+r"(addend));
  for (std::uint64_t i = 0; i < count / 16; ++i) {
    CONVROOF_ADD CONVROOF_ADD CONVROOF_ADD CONVROOF_ADD CONVROOF_ADD CONVROOF_ADD CONVROOF_ADD CONVROOF_ADD CONVROOF_ADD CONVROOF_ADD CONVROOF_ADD CONVROOF_ADD
        CONVROOF_ADD CONVROOF_ADD CONVROOF_ADD CONVROOF_ADD
  }
#undef CONVROOF_ADD
  return sum;
}

const char* micro_kernel_target() { return HWY_DYNAMIC_DISPATCH(TargetName)(); }
std::size_t micro_kernel_vector_bytes() { return HWY_DYNAMIC_DISPATCH(VectorBytes)(); }

}  // namespace convroof
#endif  // HWY_ONCE
