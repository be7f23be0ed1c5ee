// Runs our convolution kernels on the emulated machine, exactly as the backend would launch them on a device.
#pragma once

#include "backends/backend.h"
#include "backends/cuda/convolution/geometry.h"

namespace convroof::cuda {

struct EmulatedRun {
  KernelClass kind = KernelClass::mma;
  int tile = 0;                 // index into the tiles of the class
  int splits = 1;               // parts of the reduction
  bool always_gathers = false;  // wgmma: threads gather the pixels even where the copy engine could
};

// The output in the canonical layout. Buffers that a kernel must write start poisoned.
Tensor run_emulated(const EmulatedRun& run, const Case& c, const Operands& operands);

}  // namespace convroof::cuda
