// A GPU without a GPU: the CUDA runtime's functions that the backend calls, over memory of the host, and launchers that run the kernels' own source on the
// emulated machine. A program that links this instead of the runtime and the compiled kernels runs the backend's host code as it is: buffers, streams,
// events, graph capture and replay, cold caches, errors that stick.
//
// Environment: CONVROOF_EMULATED_MEMORY (bytes of the device, default 256 MiB); CONVROOF_EMULATED_FAULT, one of
//   illegal-address=KERNEL   the kernel writes where it must not: from the next synchronisation on every call fails
//   hang=KERNEL              the kernel never ends
//   allocation=BYTES         an allocation of so much or more fails although memory was said to be free
// with KERNEL half2, mma, wgmma or plain.
#pragma once

#include <cstdint>

namespace convroof::cuda {

struct EmulatedCounts {
  std::int64_t kernels = 0;   // run, directly or by a graph
  std::int64_t captures = 0;  // ended
  std::int64_t graph_launches = 0;
  std::int64_t live_graphs = 0;  // instantiated and not destroyed
  std::int64_t live_streams = 0, live_events = 0;
  std::int64_t live_bytes = 0;     // allocated
  std::int64_t largest_bytes = 0;  // since the start
};
EmulatedCounts& emulated_counts();

}  // namespace convroof::cuda
