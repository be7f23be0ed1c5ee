// A case of a layer without weights as its kernel wants it; pointers are left null.
#pragma once

#include "backends/backend.h"
#include "backends/cuda/kernels/function.h"
#include "backends/cuda/kernels/pointwise_kernels.h"

namespace convroof::cuda {

inline gpu::PlainShape plain_shape_of(const Case& c) {
  const LayerSpec& l = c.layer;
  const auto narrow = [](std::int64_t value) { return static_cast<std::int32_t>(value); };
  gpu::PlainShape s{};
  s.images = c.batch;
  s.channels = s.pixel_elements = narrow(l.in_channels), s.height = narrow(l.in_height), s.width = narrow(l.in_width);
  s.out_height = narrow(l.out_height), s.out_width = narrow(l.out_width);
  s.kernel_height = narrow(l.kernel_height), s.kernel_width = narrow(l.kernel_width);
  s.stride_height = narrow(l.stride_height), s.stride_width = narrow(l.stride_width);
  s.dilation_height = narrow(l.dilation_height), s.dilation_width = narrow(l.dilation_width);
  s.pad_top = narrow(l.pad_top), s.pad_left = narrow(l.pad_left);
  s.lrn_size = narrow(l.lrn_size);
  s.lrn_alpha = static_cast<float>(l.lrn_alpha), s.lrn_beta = static_cast<float>(l.lrn_beta), s.lrn_k = static_cast<float>(l.lrn_k);
  // A ReLU layer is its own activation; what the case adds on top changes nothing.
  s.function = l.op == Op::relu ? gpu::Function::relu : function_of(c.activation());
  return s;
}

}  // namespace convroof::cuda
