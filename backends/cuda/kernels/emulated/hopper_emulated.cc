#include "backends/cuda/kernels/emulated/hopper_emulated.h"

#include <bit>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace convroof::gpu {
namespace {

enum class MapKind : std::uint8_t { matrix = 1, pixels = 2 };

template <typename Description>
TensorMap packed(MapKind kind, const Description& description) {
  static_assert(sizeof(Description) + 8 <= sizeof(TensorMap));
  TensorMap map{};
  map.bytes[0] = static_cast<std::uint8_t>(kind);
  std::memcpy(map.bytes + 8, &description, sizeof(description));
  return map;
}

template <typename Description>
Description unpacked(MapKind kind, const TensorMap& map) {
  if (map.bytes[0] != static_cast<std::uint8_t>(kind)) throw std::logic_error("a copy uses a map of the other kind");
  Description description;
  std::memcpy(&description, map.bytes + 8, sizeof(description));
  return description;
}

// Eight bytes in shared memory, as on the device: the arrivals of a phase, those still missing, and the bytes still missing with the phase's parity.
struct Barrier {
  std::int16_t arrivals, missing;
  std::int32_t bytes_and_parity;
  int parity() const { return bytes_and_parity & 1; }
  int bytes() const { return bytes_and_parity >> 1; }
  void add_bytes(int bytes) { bytes_and_parity += 2 * bytes; }
  void end_phase_if_complete() {
    if (missing != 0 || bytes() != 0) return;
    missing = arrivals;
    bytes_and_parity ^= 1;
  }
};
static_assert(sizeof(Barrier) == 8);

void change(std::uint64_t* barrier, int arrived, int expected_bytes) {
  auto state = std::bit_cast<Barrier>(*barrier);
  state.missing = static_cast<std::int16_t>(state.missing - arrived);
  if (state.missing < 0) throw std::logic_error("more arrivals at a barrier than it was made for");
  state.add_bytes(expected_bytes);
  state.end_phase_if_complete();
  *barrier = std::bit_cast<std::uint64_t>(state);
  note_progress();
}

// The copy engine exchanges 16-byte pieces within rows of `span` bytes by bits 7.. of the address (128-byte swizzle: three bits, 64-byte: two).
std::uint32_t swizzle(std::uint32_t offset, int span) { return span == 128 ? offset ^ ((offset >> 7 & 7) << 4) : offset ^ ((offset >> 7 & 3) << 4); }

std::uint16_t half_at(std::uint32_t shared_offset) {
  std::uint16_t bits;
  std::memcpy(&bits, shared_memory() + shared_offset, 2);
  return bits;
}

void put_half(void* shared, std::uint32_t offset, int span, std::uint16_t bits) {
  std::memcpy(shared_memory() + swizzle(shared_address(shared) + offset, span), &bits, 2);
}

// Element (row, k) of an operand: rows of the swizzle's span, groups of 8 rows at the stated distance, the swizzle applied to the whole address.
float operand_element(std::uint64_t descriptor, int row, int k) {
  const auto start = static_cast<std::uint32_t>(descriptor & 0x3fff) << 4, distance = static_cast<std::uint32_t>(descriptor >> 32 & 0x3fff) << 4;
  const int span = descriptor >> 62 == 1 ? 128 : descriptor >> 62 == 2 ? 64 : 0;
  if (span == 0) throw std::logic_error("an operand without the swizzles used here");
  const auto offset = start + static_cast<std::uint32_t>(row / 8) * distance + static_cast<std::uint32_t>(row % 8 * span + k * 2);
  return half_value(half_at(swizzle(offset, span)));
}

constexpr int kLanes = 128, kMostSums = 128;
struct WgmmaOperands {
  float d[kMostSums];
  std::uint64_t a, b;
  std::uint32_t selection;
  int columns, adds;
};

// D: lane 4 g + t of warp w holds  d[4 j + e]  of row  16 w + g + 8 (e / 2),  column  8 j + 2 t + e % 2  (PTX ISA, wgmma accumulator layout).
template <int kDepth>
void multiply(WgmmaOperands* lanes, const std::vector<float>& a) {
  const int columns = lanes[0].columns;
  std::vector<float> b(static_cast<std::size_t>(columns * kDepth));
  for (int column = 0; column < columns; ++column)
    for (int k = 0; k < kDepth; ++k) b[static_cast<std::size_t>(column * kDepth + k)] = operand_element(lanes[0].b, column, k);
  for (int lane = 0; lane < kLanes; ++lane)
    for (int i = 0; i < columns / 2; ++i) {
      const int row = lane / 32 * 16 + lane % 32 / 4 + 8 * (i % 4 / 2), column = i / 4 * 8 + 2 * (lane % 4) + i % 2;
      double sum = lanes[lane].adds != 0 ? lanes[lane].d[i] : 0.0;
      for (int k = 0; k < kDepth; ++k)
        sum += static_cast<double>(a[static_cast<std::size_t>(row * kDepth + k)]) * b[static_cast<std::size_t>(column * kDepth + k)];
      lanes[lane].d[i] = static_cast<float>(sum);
    }
}

void multiply_dense(std::uint8_t* all, std::size_t) {
  auto* lanes = reinterpret_cast<WgmmaOperands*>(all);
  std::vector<float> a(64 * 16);
  for (int row = 0; row < 64; ++row)
    for (int k = 0; k < 16; ++k) a[static_cast<std::size_t>(row * 16 + k)] = operand_element(lanes[0].a, row, k);
  multiply<16>(lanes, a);
}

// Selections as for sparse mma.m16n8k32, each warp its 16 rows.
void multiply_sparse(std::uint8_t* all, std::size_t) {
  auto* lanes = reinterpret_cast<WgmmaOperands*>(all);
  std::vector<float> a(64 * 32);
  for (int row = 0; row < 64; ++row)
    for (int quad = 0; quad < 8; ++quad) {
      const std::uint32_t word = lanes[row / 16 * 32 + row % 8 * 4 + quad / 4].selection;
      const std::uint32_t bits = word >> (row % 16 / 8 * 16 + quad % 4 * 4) & 0xf;
      if ((bits & 3) >= bits >> 2) throw std::logic_error("the selection of a sparse operand is not in order");
      a[static_cast<std::size_t>(row * 32 + quad * 4) + (bits & 3)] = operand_element(lanes[0].a, row, quad * 2);
      a[static_cast<std::size_t>(row * 32 + quad * 4) + (bits >> 2)] = operand_element(lanes[0].a, row, quad * 2 + 1);
    }
  multiply<32>(lanes, a);
}

void run_wgmma(float* d, int columns, std::uint64_t a, std::uint64_t b, std::uint32_t selection, bool adds, void (*compute)(std::uint8_t*, std::size_t)) {
  WgmmaOperands mine{};
  if (adds) std::memcpy(mine.d, d, static_cast<std::size_t>(columns / 2) * sizeof(float));
  mine.a = a, mine.b = b, mine.selection = selection, mine.columns = columns, mine.adds = adds ? 1 : 0;
  warpgroup_collective(0, &mine, sizeof(mine), compute);
  std::memcpy(d, mine.d, static_cast<std::size_t>(columns / 2) * sizeof(float));
}

}  // namespace

TensorMap emulated_map(const MatrixDescription& matrix) { return packed(MapKind::matrix, matrix); }
TensorMap emulated_map(const PixelDescription& pixels) { return packed(MapKind::pixels, pixels); }

void barrier_init(std::uint64_t* barrier, int arrivals) {
  *barrier = std::bit_cast<std::uint64_t>(Barrier{static_cast<std::int16_t>(arrivals), static_cast<std::int16_t>(arrivals), 0});
}
void barrier_expect(std::uint64_t* barrier, int bytes) { change(barrier, 1, bytes); }
void barrier_arrive(std::uint64_t* barrier) { change(barrier, 1, 0); }
// A phase of parity p has ended when the current one has the other parity.
void barrier_wait(std::uint64_t* barrier, int parity) {
  while (std::bit_cast<Barrier>(*barrier).parity() == parity) yield_lane();
}
void sync_warpgroup(int id) {
  warpgroup_collective(id, nullptr, 0, [](std::uint8_t*, std::size_t) {});
}

void copy_matrix_async(void* shared, const TensorMap* map, std::uint64_t* barrier, int element, int row) {
  const auto matrix = unpacked<MatrixDescription>(MapKind::matrix, *map);
  const int span = matrix.box_elements * 2;
  for (int r = 0; r < matrix.box_rows; ++r)
    for (int e = 0; e < matrix.box_elements; ++e) {
      std::uint16_t bits = 0;
      if (row + r < matrix.rows && element + e < matrix.elements)
        std::memcpy(&bits, static_cast<const std::uint8_t*>(matrix.address) + (row + r) * matrix.pitch_bytes + (element + e) * 2, 2);
      put_half(shared, static_cast<std::uint32_t>(r * span + e * 2), span, bits);
    }
  change(barrier, 0, -matrix.box_rows * span);
}

// im2col mode: from the given window origin on, window origins in the order of the bounding box; the element read lies `tap` further.
void copy_pixels_async(void* shared, const TensorMap* map, std::uint64_t* barrier, int channel, int column, int row, int image, int tap_column, int tap_row) {
  const auto p = unpacked<PixelDescription>(MapKind::pixels, *map);
  constexpr int kChannels = 64;
  for (int pixel = 0; pixel < p.box_pixels; ++pixel) {
    const std::int64_t x = column + tap_column, y = row + tap_row;
    const bool inside = image < p.images && y >= 0 && y < p.height && x >= 0 && x < p.width;
    for (int c = 0; c < kChannels; ++c) {
      std::uint16_t bits = 0;
      if (inside && channel + c < p.channels)
        std::memcpy(&bits, static_cast<const std::uint16_t*>(p.address) + ((image * p.height + y) * p.width + x) * p.channels + channel + c, 2);
      put_half(shared, static_cast<std::uint32_t>(pixel * 128 + c * 2), 128, bits);
    }
    column += p.stride_width;
    if (column <= p.width - 1 + p.upper_width) continue;
    column = p.lower_width;
    row += p.stride_height;
    if (row <= p.height - 1 + p.upper_height) continue;
    row = p.lower_height;
    ++image;
  }
  change(barrier, 0, -p.box_pixels * kChannels * 2);
}

void wgmma_emulated(float* d, int columns, std::uint64_t a, std::uint64_t b, bool adds) { run_wgmma(d, columns, a, b, 0, adds, multiply_dense); }
void wgmma_sparse_emulated(float* d, int columns, std::uint64_t a, std::uint64_t b, std::uint32_t selection, bool adds) {
  run_wgmma(d, columns, a, b, selection, adds, multiply_sparse);
}

}  // namespace convroof::gpu
