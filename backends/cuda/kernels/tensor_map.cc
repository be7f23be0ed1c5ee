// Maps of the bulk copy engine, made by the driver. Its functions are asked for by name and version while the program runs: nothing here links the driver.
#include "backends/cuda/kernels/tensor_map.h"

#include <cuda.h>
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "backends/cuda/device/check.h"
#include "backends/cuda/kernels/convolution_launch.h"

namespace convroof::cuda {
namespace {

constexpr unsigned kSince = 12000;  // CUDA version that introduced the functions

template <typename Function>
Function* driver_function(const char* name) {
  void* pointer = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  CONVROOF_CUDA(cudaGetDriverEntryPointByVersion(name, &pointer, kSince, cudaEnableDefault, &found));
  if (found != cudaDriverEntryPointSuccess || pointer == nullptr) throw std::runtime_error(fmt::format("the driver lacks {}", name));
  return reinterpret_cast<Function*>(pointer);
}

gpu::TensorMap checked(CUresult status, const CUtensorMap& map, const char* call) {
  if (status != CUDA_SUCCESS) throw std::runtime_error(fmt::format("{} failed with driver status {}", call, static_cast<int>(status)));
  static_assert(sizeof(CUtensorMap) == sizeof(gpu::TensorMap));
  gpu::TensorMap result;
  std::memcpy(result.bytes, &map, sizeof(map));
  return result;
}

gpu::TensorMap encode(const gpu::MatrixDescription& m) {
  const std::array<cuuint64_t, 2> sizes = {static_cast<cuuint64_t>(m.elements), static_cast<cuuint64_t>(m.rows)};
  const std::array<cuuint64_t, 1> strides = {static_cast<cuuint64_t>(m.pitch_bytes)};
  const std::array<cuuint32_t, 2> box = {static_cast<cuuint32_t>(m.box_elements), static_cast<cuuint32_t>(m.box_rows)}, steps = {1, 1};
  CUtensorMap map{};
  const CUresult status = driver_function<decltype(cuTensorMapEncodeTiled)>("cuTensorMapEncodeTiled")(
      &map, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2, const_cast<void*>(m.address), sizes.data(), strides.data(), box.data(), steps.data(),
      CU_TENSOR_MAP_INTERLEAVE_NONE, m.box_elements == 64 ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_64B, CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
      CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return checked(status, map, "cuTensorMapEncodeTiled");
}

gpu::TensorMap encode(const gpu::PixelDescription& p) {
  const std::array<cuuint64_t, 4> sizes = {static_cast<cuuint64_t>(p.channels), static_cast<cuuint64_t>(p.width), static_cast<cuuint64_t>(p.height),
                                           static_cast<cuuint64_t>(p.images)};
  const std::array<cuuint64_t, 3> strides = {static_cast<cuuint64_t>(p.channels * 2), static_cast<cuuint64_t>(p.channels * p.width * 2),
                                             static_cast<cuuint64_t>(p.channels * p.width * p.height * 2)};
  const std::array<int, 2> lower = {p.lower_width, p.lower_height}, upper = {p.upper_width, p.upper_height};
  const std::array<cuuint32_t, 4> steps = {1, static_cast<cuuint32_t>(p.stride_width), static_cast<cuuint32_t>(p.stride_height), 1};
  CUtensorMap map{};
  const CUresult status = driver_function<decltype(cuTensorMapEncodeIm2col)>("cuTensorMapEncodeIm2col")(
      &map, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4, const_cast<void*>(p.address), sizes.data(), strides.data(), lower.data(), upper.data(), 64,
      static_cast<cuuint32_t>(p.box_pixels), steps.data(), CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
      CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return checked(status, map, "cuTensorMapEncodeIm2col");
}

}  // namespace

gpu::WgmmaMaps wgmma_maps(const gpu::MatrixDescription& filters, const gpu::PixelDescription* pixels) {
  gpu::WgmmaMaps maps{};
  maps.filters = encode(filters);
  if (pixels != nullptr) maps.pixels = encode(*pixels);
  return maps;
}

}  // namespace convroof::cuda
