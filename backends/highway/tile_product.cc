#include "backends/highway/tile_product.h"

// Targets that add nothing to f32 multiply-adds are left out; each costs half a minute of compile time.
#include "backends/highway/f32_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/highway/tile_product.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace convroof::highway::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
constexpr int kVectors = 16 / kLanes;  // of one filter block

// Registers for accumulators. 32 registers (AVX-512, NEON): 28, the rest holds weights and a broadcast. 16 registers: 12, as 12 accumulators + 2 weights + 1
// broadcast fill them.
constexpr int kAccumulators = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64 ? 28 : 12;
constexpr int kLargest = kAccumulators / kVectors;
static_assert(kLargest >= 1 && kLargest <= kLargestTile);

// Zen 4 starts one 512-bit multiply-add a cycle, which four accumulators hide: with 4 pixels or more one filter block runs at 97 to 100 % of peak, two at 93 to
// 98 %, as each of their broadcasts costs an instruction of its own. Fewer pixels are bound by weights, and narrow vectors want every register.
constexpr int most_blocks_of(int pixels) {
  int blocks = 1;
  while (blocks < 8 && pixels * blocks * 2 * kVectors <= kAccumulators) blocks *= 2;
  return blocks;
}
constexpr int blocks_of(int pixels) {
  if (kVectors == 1 && pixels >= 4) return 1;
  return kVectors == 1 && pixels >= 2 ? 4 : most_blocks_of(pixels);
}

template <Walk walk>
constexpr WalkStride stride_of() {
  switch (walk) {
    case Walk::blocked1:
    case Walk::together:
      return {16, 1};
    case Walk::blocked2:
      return {32, 1};
    case Walk::plain1:
      return {1, 1};
    case Walk::plain2:
      return {2, 1};
    case Walk::plain4:
      return {4, 1};
    case Walk::any:
      break;
  }
  return {0, 0};
}

// Brings a line that will be written. Without the right to write, a second request would follow with the store.
HWY_INLINE void claim(const float* line) {
#if HWY_ARCH_X86 && !HWY_COMPILER_MSVC
  asm volatile("prefetchw %0" : : "m"(*line));  // compilers emit it only for targets that name the flag, which all x86-64 CPUs with AVX2 at least ignore
#else
  __builtin_prefetch(line, 1);
#endif
}

// A burst of stores at the end of a tile stops the multiplications of the next one (Zen 4, 28 stores: 64 cycles of 1850, all of what a short sum loses; without
// the stores it runs at 99.8 % of peak). So the last steps go accumulator by accumulator and each is stored when it is done: two multiply-adds take as long as
// a store of 64 bytes. Two steps need twice the registers for weights.
template <int kPixels, int kBlocks, Walk walk>
void tile(const TileCall& call, WalkStride given) {
  constexpr WalkStride fixed = stride_of<walk>();
  const std::ptrdiff_t pixel = walk == Walk::any ? given.pixel : fixed.pixel;
  const std::ptrdiff_t channel = walk == Walk::any ? given.channel : fixed.channel;
  constexpr int kColumns = kBlocks * kVectors;
  constexpr int kLastSteps = kPixels * kColumns + 2 * kColumns <= kAccumulators + 2 ? 2 : 1;
  constexpr std::uint32_t kAll = (kPixels >= 32) ? ~0u : ((1u << kPixels) - 1);
  constexpr bool kTogether = walk == Walk::together;
  constexpr std::ptrdiff_t kTerm = kTogether ? kBlocks * 16 : 16;
  constexpr int kCache = kTogether ? 2 : 3;  // __builtin_prefetch: to the second-level cache; to the first
  const std::ptrdiff_t b_stride = kTogether ? 16 : call.b_stride, b_ahead = call.b_ahead, out_stride = call.out_stride;
  float* HWY_RESTRICT out = call.out;
  const D d;
  V sum[kPixels][kColumns];

  if (call.bias != nullptr) {
    HWY_UNROLL(32)
    for (int k = 0; k < kColumns; ++k) {
      const V start = hn::LoadU(d, call.bias + k * kLanes);
      HWY_UNROLL(32)
      for (int i = 0; i < kPixels; ++i) sum[i][k] = start;
    }
  } else {
    HWY_UNROLL(32)
    for (int i = 0; i < kPixels; ++i) HWY_UNROLL(32)
    for (int k = 0; k < kColumns; ++k) sum[i][k] = hn::Zero(d);
  }

  const bool add = call.add, relu = call.relu, stream = call.stream;
  const auto finish = [&](V value, int i, int k) HWY_ATTR {
    float* to = out + k / kVectors * out_stride + i * 16 + k % kVectors * kLanes;
    if (add) value = hn::Add(value, hn::LoadU(d, to));
    if (relu) value = hn::Max(value, hn::Zero(d));
    if (HWY_UNLIKELY(stream))
      hn::Stream(value, d, to);
    else
      hn::StoreU(value, d, to);
  };

  // One step (a channel, or a column of a plain row): all accumulators once.
  const auto step = [&](const float* HWY_RESTRICT a, const float* HWY_RESTRICT b) HWY_ATTR {
    V w[kColumns];
    HWY_UNROLL(32)
    for (int k = 0; k < kColumns; ++k) w[k] = hn::LoadU(d, b + k / kVectors * b_stride + k % kVectors * kLanes);
    HWY_UNROLL(32)
    for (int k = 0; k < kBlocks; ++k) __builtin_prefetch(b + k * b_stride + b_ahead, 0, kCache);
    HWY_UNROLL(32)
    for (int i = 0; i < kPixels; ++i) {
      const V x = hn::Set(d, a[i * pixel]);
      HWY_UNROLL(32)
      for (int k = 0; k < kColumns; ++k) sum[i][k] = hn::MulAdd(x, w[k], sum[i][k]);
    }
  };

  for (const Tap *tap = call.taps, *end = tap + call.tap_count; tap != end; ++tap) {
    const float* HWY_RESTRICT a = call.a + tap->a_offset;
    const float* HWY_RESTRICT b = call.b + tap->b_offset * (kTerm / 16);
    // Read again for each tap: in registers, of which there are few, all this made tiles 2 % slower.
    const TileCall* now = &call;
    asm("" : "+r"(now));
    if (now->requests != nullptr) {
      const Requests& r = *now->requests;
      const float* line = r.ahead + tap->a_offset;
      HWY_UNROLL(1)
      for (std::int64_t i = r.pixels; i > 0; --i, line += pixel) hwy::Prefetch(line);
      const std::int64_t first = (tap - now->taps) * r.outputs;
      if (first < kPixels) {
        line = now->out + first * 16;
        HWY_UNROLL(1)
        for (std::int64_t i = r.outputs; i > 0; --i, line += 16) claim(line);
      }
    }
    if (HWY_LIKELY((tap->pixels & kAll) == kAll)) {
      int c = tap->length;
      if (tap + 1 == end && c >= kLastSteps) {
        for (; c > kLastSteps; --c) {
          step(a, b);
          a += channel;
          b += kTerm;
        }
        V w[kLastSteps][kColumns];
        HWY_UNROLL(2)
        for (int t = 0; t < kLastSteps; ++t) HWY_UNROLL(32)
        for (int k = 0; k < kColumns; ++k) w[t][k] = hn::LoadU(d, b + t * kTerm + k / kVectors * b_stride + k % kVectors * kLanes);
        HWY_UNROLL(32)
        for (int i = 0; i < kPixels; ++i) {
          HWY_UNROLL(2)
          for (int t = 0; t < kLastSteps; ++t) {
            const V x = hn::Set(d, a[i * pixel + t * channel]);
            HWY_UNROLL(32)
            for (int k = 0; k < kColumns; ++k) sum[i][k] = hn::MulAdd(x, w[t][k], sum[i][k]);
          }
          HWY_UNROLL(32)
          for (int k = 0; k < kColumns; ++k) finish(sum[i][k], i, k);
        }
        return;
      }
      for (; c > 0; --c) {
        step(a, b);
        a += channel;
        b += kTerm;
      }
    } else {
      // At the borders of the image. A branch that is never taken costs less than a multiplication by zero.
      const std::uint32_t pixels = tap->pixels;
      for (int c = tap->length; c > 0; --c) {
        V w[kColumns];
        HWY_UNROLL(32)
        for (int k = 0; k < kColumns; ++k) w[k] = hn::LoadU(d, b + k / kVectors * b_stride + k % kVectors * kLanes);
        HWY_UNROLL(32)
        for (int i = 0; i < kPixels; ++i)
          if (pixels & (1u << i)) {
            const V x = hn::Set(d, a[i * pixel]);
            HWY_UNROLL(32)
            for (int k = 0; k < kColumns; ++k) sum[i][k] = hn::MulAdd(x, w[k], sum[i][k]);
          }
        a += channel;
        b += kTerm;
      }
    }
  }
  HWY_UNROLL(32)
  for (int i = 0; i < kPixels; ++i) HWY_UNROLL(32)
  for (int k = 0; k < kColumns; ++k) finish(sum[i][k], i, k);
}

// The functions of one walk as a table [pixels - 1][log2 of blocks].
template <Walk walk, int kPixels>
void fill(TileFunction (&table)[kLargestTile][4]) {
  if constexpr (kPixels <= kLargest) {
    table[kPixels - 1][0] = &tile<kPixels, 1, walk>;
    if constexpr (most_blocks_of(kPixels) >= 2) table[kPixels - 1][1] = &tile<kPixels, 2, walk>;
    if constexpr (most_blocks_of(kPixels) >= 4) table[kPixels - 1][2] = &tile<kPixels, 4, walk>;
    if constexpr (most_blocks_of(kPixels) >= 8) table[kPixels - 1][3] = &tile<kPixels, 8, walk>;
    fill<walk, kPixels + 1>(table);
  }
}

struct Tables {
  TileFunction of[kWalks][kLargestTile][4] = {};
  Tables() {
    fill<Walk::blocked1, 1>(of[static_cast<int>(Walk::blocked1)]);
    fill<Walk::blocked2, 1>(of[static_cast<int>(Walk::blocked2)]);
    fill<Walk::plain1, 1>(of[static_cast<int>(Walk::plain1)]);
    fill<Walk::plain2, 1>(of[static_cast<int>(Walk::plain2)]);
    fill<Walk::plain4, 1>(of[static_cast<int>(Walk::plain4)]);
    of[static_cast<int>(Walk::together)][0][0] = &tile<1, 1, Walk::together>;
    if constexpr (most_blocks_of(1) >= 2) of[static_cast<int>(Walk::together)][0][1] = &tile<1, 2, Walk::together>;
    if constexpr (most_blocks_of(1) >= 4) of[static_cast<int>(Walk::together)][0][2] = &tile<1, 4, Walk::together>;
    if constexpr (most_blocks_of(1) >= 8) of[static_cast<int>(Walk::together)][0][3] = &tile<1, 8, Walk::together>;
    fill<Walk::any, 1>(of[static_cast<int>(Walk::any)]);
  }
};

}  // namespace

int LargestTile() { return kLargest; }
int FilterBlocksOfTile(int pixels) { return blocks_of(pixels); }
int MostFilterBlocksOfTile(int pixels) { return most_blocks_of(pixels); }
TileFunction GetTileFunction(int pixels, int filter_blocks, Walk walk) {
  static const Tables tables;
  const int log2 = filter_blocks == 1 ? 0 : filter_blocks == 2 ? 1 : filter_blocks == 4 ? 2 : 3;
  return tables.of[static_cast<int>(walk)][pixels - 1][log2];
}
const char* TargetName() { return hwy::TargetName(HWY_TARGET); }

}  // namespace convroof::highway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convroof::highway {

HWY_EXPORT(LargestTile);
HWY_EXPORT(FilterBlocksOfTile);
HWY_EXPORT(MostFilterBlocksOfTile);
HWY_EXPORT(GetTileFunction);
HWY_EXPORT(TargetName);

int largest_tile() { return HWY_DYNAMIC_DISPATCH(LargestTile)(); }
int filter_blocks_of_tile(int pixels) { return HWY_DYNAMIC_DISPATCH(FilterBlocksOfTile)(pixels); }
int most_filter_blocks_of_tile(int pixels) { return HWY_DYNAMIC_DISPATCH(MostFilterBlocksOfTile)(pixels); }
TileFunction tile_function(int pixels, int filter_blocks, Walk walk) { return HWY_DYNAMIC_DISPATCH(GetTileFunction)(pixels, filter_blocks, walk); }
std::string target_name() { return HWY_DYNAMIC_DISPATCH(TargetName)(); }

TileSplit split_into_tiles(std::int64_t extent) {
  const std::int64_t largest = largest_tile();
  return {extent, (extent + largest - 1) / largest};
}

}  // namespace convroof::highway
#endif  // HWY_ONCE
