// The activation of a layer as kernels know it.
#pragma once

#include "backends/cuda/kernels/convolution_shape.h"
#include "workloads/layer.h"

namespace convroof::cuda {

inline gpu::Function function_of(Activation activation) {
  switch (activation) {
    case Activation::none:
      return gpu::Function::none;
    case Activation::relu:
      return gpu::Function::relu;
    case Activation::sigmoid:
      return gpu::Function::sigmoid;
    case Activation::tanh:
      return gpu::Function::tanh;
  }
  return gpu::Function::none;
}

}  // namespace convroof::cuda
