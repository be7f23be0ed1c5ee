// Where the activations of a network lie in one piece of memory: two that are alive at the same time never share a byte. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace convroof::cuda {

struct BufferNeed {
  std::int64_t bytes = 0;
  int first_step = 0, last_step = 0;  // written in the first, read for the last time in the last; both included
};

struct BufferPlan {
  std::vector<std::int64_t> offsets;  // of each need, multiples of kBufferAlignment
  std::int64_t bytes = 0;             // of the whole piece
};

constexpr std::int64_t kBufferAlignment = 1024;  // what the copy engine's swizzle wants of a tile, and more than any other access

// Largest first, each at the lowest place that is free during its life (Pisarchyk and Lee, Efficient memory management for deep neural net inference,
// arXiv 2001.03288: "greedy by size"). Throws std::overflow_error.
BufferPlan plan_buffers(std::span<const BufferNeed> needs);

// The most bytes alive in any one step: no plan can need less.
std::int64_t most_alive(std::span<const BufferNeed> needs);

}  // namespace convroof::cuda
