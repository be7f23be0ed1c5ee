#include "backends/cuda/network/buffer_plan.h"

#include <algorithm>
#include <numeric>

#include "workloads/checked.h"

namespace convroof::cuda {
namespace {

std::int64_t aligned(std::int64_t bytes) { return checked_product(ceil_div(bytes, kBufferAlignment), kBufferAlignment); }

bool overlap_in_time(const BufferNeed& a, const BufferNeed& b) { return a.first_step <= b.last_step && b.first_step <= a.last_step; }

}  // namespace

BufferPlan plan_buffers(std::span<const BufferNeed> needs) {
  BufferPlan plan;
  plan.offsets.assign(needs.size(), 0);
  std::vector<std::size_t> order(needs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return needs[a].bytes > needs[b].bytes; });
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t index : order) {
    const std::int64_t bytes = aligned(needs[index].bytes);
    std::int64_t offset = 0;
    for (const std::size_t other : placed) {
      if (!overlap_in_time(needs[index], needs[other])) continue;
      if (checked_sum(offset, bytes) <= plan.offsets[other]) break;  // the gap before it is wide enough
      offset = std::max(offset, checked_sum(plan.offsets[other], aligned(needs[other].bytes)));
    }
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, checked_sum(offset, bytes));
    placed.insert(std::ranges::upper_bound(placed, offset, {}, [&](std::size_t other) { return plan.offsets[other]; }), index);
  }
  return plan;
}

std::int64_t most_alive(std::span<const BufferNeed> needs) {
  std::int64_t most = 0;
  for (const BufferNeed& at : needs) {
    std::int64_t alive = 0;
    for (const BufferNeed& need : needs)
      if (need.first_step <= at.first_step && at.first_step <= need.last_step) alive = checked_sum(alive, aligned(need.bytes));
    most = std::max(most, alive);
  }
  return most;
}

}  // namespace convroof::cuda
