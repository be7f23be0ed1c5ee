// Fibers, barriers and warp operations of the emulated machine.
#include <ucontext.h>

#include <algorithm>
#include <cassert>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "backends/cuda/kernels/machine.h"

namespace convroof::gpu {
namespace {

constexpr int kWarp = 32, kWarpgroup = 128;
constexpr std::size_t kStackBytes = 64 * 1024;
constexpr std::size_t kAlignment = 1024;

struct DeferredCopy {
  void* shared;
  const void* global;
  int bytes;
  bool is_valid;
};

struct Fiber {
  ucontext_t context{};
  std::unique_ptr<std::uint8_t[]> stack;
  Lane lane{};
  bool is_done = false;
  std::vector<DeferredCopy> open_group;
  std::deque<std::vector<DeferredCopy>> groups;
};

// One meeting of a warp: the last lane to arrive computes.
struct Meeting {
  std::vector<std::uint8_t> operands;
  int arrived = 0, to_leave = 0;
};

struct Block {
  std::vector<Fiber> fibers;
  std::vector<Meeting> meetings;                          // of warps
  std::map<std::pair<int, int>, Meeting> group_meetings;  // of warpgroups, by purpose
  std::vector<std::uint8_t> shared;
  std::uint8_t* shared_base = nullptr;
  int running = 0, live = 0, at_barrier = 0;
  std::uint64_t barrier_generation = 0, progress = 0;
  ucontext_t scheduler{};
  const std::function<void()>* body = nullptr;
  std::exception_ptr failure;
};

Block* g_block = nullptr;

Fiber& current() { return g_block->fibers[static_cast<std::size_t>(g_block->running)]; }

void fiber_main() {
  try {
    (*g_block->body)();
  } catch (...) {
    if (!g_block->failure) g_block->failure = std::current_exception();
  }
  current().is_done = true;
  --g_block->live;
  ++g_block->progress;
  swapcontext(&current().context, &g_block->scheduler);
}

// Apart from its caller: getcontext may return twice, and locals around it would not be safe.
[[gnu::noinline]] void start_fiber(Fiber& fiber, const Lane& lane) {
  fiber.lane = lane;
  fiber.stack.reset(new std::uint8_t[kStackBytes]);  // not cleared: there are many
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackBytes;
  makecontext(&fiber.context, fiber_main, 0);
}

void run_block(Block& block) {
  g_block = &block;
  while (block.live > 0) {
    const std::uint64_t before = block.progress;
    for (std::size_t i = 0; i < block.fibers.size(); ++i) {
      if (block.fibers[i].is_done) continue;
      block.running = static_cast<int>(i);
      swapcontext(&block.scheduler, &block.fibers[i].context);
      if (block.failure) std::rethrow_exception(block.failure);
    }
    if (block.progress == before) throw std::logic_error("the emulated kernel hangs: every lane waits for another");
  }
  g_block = nullptr;
}

}  // namespace

void emulate(const LaunchShape& shape, const std::function<void()>& body) {
  for (int z = 0; z < shape.grid_z; ++z)
    for (int y = 0; y < shape.grid_y; ++y)
      for (int x = 0; x < shape.grid_x; ++x) {
        Block block;
        block.body = &body;
        block.shared.assign(shape.shared_bytes + kAlignment, 0xff);
        const auto address = reinterpret_cast<std::uintptr_t>(block.shared.data());
        block.shared_base = block.shared.data() + ((kAlignment - address % kAlignment) % kAlignment);
        block.fibers.resize(static_cast<std::size_t>(shape.threads));
        block.meetings.resize(static_cast<std::size_t>((shape.threads + kWarp - 1) / kWarp));
        block.live = shape.threads;
        for (int i = 0; i < shape.threads; ++i) {
          start_fiber(block.fibers[static_cast<std::size_t>(i)], {i, x, y, z, shape.grid_x, shape.threads});
        }
        run_block(block);
      }
}

const Lane& this_lane() { return current().lane; }
std::uint8_t* shared_memory() { return g_block->shared_base; }

void yield_lane() { swapcontext(&current().context, &g_block->scheduler); }

void sync_block() {
  const std::uint64_t generation = g_block->barrier_generation;
  ++g_block->progress;
  // Lanes that have returned do not count, as on the machine.
  if (++g_block->at_barrier == g_block->live) {
    g_block->at_barrier = 0;
    ++g_block->barrier_generation;
    return;
  }
  while (g_block->barrier_generation == generation) yield_lane();
  ++g_block->progress;
}

namespace {

// `size` lanes meet; this one is number `lane` of them.
void meet(Meeting& meeting, int size, int lane, void* operands, std::size_t bytes, const std::function<void(std::uint8_t*, std::size_t)>& compute) {
  while (meeting.to_leave > 0) yield_lane();  // the meeting before is not over
  if (meeting.arrived == 0) meeting.operands.resize(bytes * static_cast<std::size_t>(size));
  if (meeting.operands.size() != bytes * static_cast<std::size_t>(size)) throw std::logic_error("lanes of one group meet in different operations");
  std::uint8_t* const mine = meeting.operands.data() + static_cast<std::size_t>(lane) * bytes;
  if (bytes > 0) std::memcpy(mine, operands, bytes);
  ++g_block->progress;
  if (++meeting.arrived == size) {
    compute(meeting.operands.data(), bytes);
    meeting.arrived = 0;
    meeting.to_leave = size;
  } else {
    while (meeting.to_leave == 0) yield_lane();
  }
  if (bytes > 0) std::memcpy(operands, mine, bytes);
  --meeting.to_leave;
  ++g_block->progress;
}

}  // namespace

void warp_collective(void* operands, std::size_t bytes, const std::function<void(std::uint8_t*, std::size_t)>& compute) {
  meet(g_block->meetings[static_cast<std::size_t>(current().lane.thread / kWarp)], kWarp, current().lane.thread % kWarp, operands, bytes, compute);
}

void warpgroup_collective(int channel, void* operands, std::size_t bytes, const std::function<void(std::uint8_t*, std::size_t)>& compute) {
  const int group = current().lane.thread / kWarpgroup;
  meet(g_block->group_meetings[{group, channel}], kWarpgroup, current().lane.thread % kWarpgroup, operands, bytes, compute);
}

void note_progress() { ++g_block->progress; }

void defer_copy(void* shared, const void* global, int bytes, bool is_valid) { current().open_group.push_back({shared, global, bytes, is_valid}); }

void commit_copies() {
  current().groups.push_back(std::move(current().open_group));
  current().open_group.clear();
}

void wait_copies_pending(int pending) {
  auto& groups = current().groups;
  while (static_cast<int>(groups.size()) > pending) {
    for (const DeferredCopy& copy : groups.front()) {
      if (copy.is_valid)
        std::memcpy(copy.shared, copy.global, static_cast<std::size_t>(copy.bytes));
      else
        std::memset(copy.shared, 0, static_cast<std::size_t>(copy.bytes));
    }
    groups.pop_front();
  }
}

void load_matrices(std::uint32_t (&r)[4], const void* row) {
  struct Operand {
    const void* row;
    std::uint32_t r[4];
  } mine{row, {}};
  warp_collective(&mine, sizeof(mine), [](std::uint8_t* all, std::size_t) {
    auto* lanes = reinterpret_cast<Operand*>(all);
    for (int lane = 0; lane < kWarp; ++lane)
      for (int matrix = 0; matrix < 4; ++matrix)
        std::memcpy(&lanes[lane].r[matrix], static_cast<const std::uint8_t*>(lanes[matrix * 8 + lane / 4].row) + lane % 4 * 4, 4);
  });
  std::copy(std::begin(mine.r), std::end(mine.r), std::begin(r));
}

namespace {

struct DenseOperands {
  float d[4];
  std::uint32_t a[4], b[2];
};

float half_of(std::uint32_t word, int which) { return which == 0 ? low_float(word) : high_float(word); }

// PTX ISA, mma.m16n8k16 with .f16: for lane = 4 g + t, register i of A holds row g + 8 (i % 2), columns 2 t, 2 t + 1 (+ 8 for i >= 2);
// register i of B rows 2 t, 2 t + 1 (+ 8 i) of column g; D holds (g, 2 t), (g, 2 t + 1), (g + 8, 2 t), (g + 8, 2 t + 1).
void multiply_dense(std::uint8_t* all, std::size_t) {
  auto* lanes = reinterpret_cast<DenseOperands*>(all);
  float a[16][16], b[16][8];
  for (int lane = 0; lane < kWarp; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int half = 0; half < 2; ++half) {
      for (int i = 0; i < 4; ++i) a[g + 8 * (i % 2)][2 * t + half + 8 * (i / 2)] = half_of(lanes[lane].a[i], half);
      for (int i = 0; i < 2; ++i) b[2 * t + half + 8 * i][g] = half_of(lanes[lane].b[i], half);
    }
  }
  for (int lane = 0; lane < kWarp; ++lane)
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
      double sum = lanes[lane].d[i];
      for (int k = 0; k < 16; ++k) sum += static_cast<double>(a[row][k]) * b[k][column];
      lanes[lane].d[i] = static_cast<float>(sum);
    }
}

struct SparseOperands {
  float d[4];
  std::uint32_t a[4], b[4], selection;
};

// PTX ISA, sparse mma.m16n8k32 with .f16 and selector 0: A is held like a dense 16 x 16; register i of B holds rows 2 t, 2 t + 1 (+ 8 i) of column g.
// The selection word of lane 4 g + j (j = 0, 1) describes dense columns 16 j .. 16 j + 15: its low half row g, its high half row g + 8; four bits for four
// dense columns, the position of the first kept one in the lower two.
void multiply_sparse(std::uint8_t* all, std::size_t) {
  auto* lanes = reinterpret_cast<SparseOperands*>(all);
  float kept[16][16], a[16][32] = {}, b[32][8];
  for (int lane = 0; lane < kWarp; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int half = 0; half < 2; ++half)
      for (int i = 0; i < 4; ++i) {
        kept[g + 8 * (i % 2)][2 * t + half + 8 * (i / 2)] = half_of(lanes[lane].a[i], half);
        b[2 * t + half + 8 * i][g] = half_of(lanes[lane].b[i], half);
      }
  }
  for (int row = 0; row < 16; ++row)
    for (int quad = 0; quad < 8; ++quad) {
      const std::uint32_t word = lanes[row % 8 * 4 + quad / 4].selection;
      const std::uint32_t bits = (word >> (row / 8 * 16 + quad % 4 * 4)) & 0xf;
      const std::uint32_t first = bits & 3, second = bits >> 2;
      if (first >= second) throw std::logic_error("the selection of a sparse operand is not in order");
      a[row][quad * 4 + static_cast<int>(first)] = kept[row][quad * 2];
      a[row][quad * 4 + static_cast<int>(second)] = kept[row][quad * 2 + 1];
    }
  for (int lane = 0; lane < kWarp; ++lane)
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
      double sum = lanes[lane].d[i];
      for (int k = 0; k < 32; ++k) sum += static_cast<double>(a[row][k]) * b[k][column];
      lanes[lane].d[i] = static_cast<float>(sum);
    }
}

}  // namespace

void multiply_16x8x16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  DenseOperands mine{{d[0], d[1], d[2], d[3]}, {a[0], a[1], a[2], a[3]}, {b0, b1}};
  warp_collective(&mine, sizeof(mine), multiply_dense);
  std::copy(std::begin(mine.d), std::end(mine.d), std::begin(d));
}

void multiply_sparse_16x8x32(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[4], std::uint32_t selection) {
  SparseOperands mine{{d[0], d[1], d[2], d[3]}, {a[0], a[1], a[2], a[3]}, {b[0], b[1], b[2], b[3]}, selection};
  warp_collective(&mine, sizeof(mine), multiply_sparse);
  std::copy(std::begin(mine.d), std::end(mine.d), std::begin(d));
}

}  // namespace convroof::gpu
