// The operations that only Hopper has, for the compiler at hand.
#pragma once

#include "backends/cuda/kernels/machine.h"

#ifdef __CUDACC__
#include "backends/cuda/kernels/machine_ptx_hopper.h"
#else
#include "backends/cuda/kernels/emulated/hopper_emulated.h"
#endif
