// cuSPARSELt, found while the program runs: NVIDIA's matrix product with a 2:4 pruned operand, which has no convolution but does 1x1 layers.
// Its header is in few toolkits, so the prototypes stand here, as its reference documents them (docs.nvidia.com/cuda/cusparselt).
#pragma once

#include <cuda_runtime_api.h>
#include <library_types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "backends/cuda/device/shared_library.h"

namespace convroof::cuda {

// Larger than the library's opaque structures have been in any version (512 bytes in 0.10).
struct alignas(16) CusparseLtOpaque {
  std::uint8_t data[16384];
};

// Numbers of the enumerations that are used.
namespace cusparselt {
constexpr int kNoTranspose = 0, kTranspose = 1, kColumnMajor = 1, kHalfSparsity = 0, kCompute32F = 2, kDefaultAlgorithm = 0, kConfigId = 0;
constexpr unsigned kAlignment = 16;
}  // namespace cusparselt

struct CusparseLtLibrary {
  // The library of this process. Never throws; where it is missing or of a version whose numbers are not known here, `reason` says so.
  static const CusparseLtLibrary& get();
  // Looks for the library; $CONVROOF_CUSPARSELT_LIBRARY names the only file to be tried.
  CusparseLtLibrary();
  explicit operator bool() const { return reason.empty(); }
  // Throws std::runtime_error with the call and the library's word for the status.
  void check(int status, const char* call) const;

  std::string reason, version;
  int (*get_property)(libraryPropertyType, int*) = nullptr;
  const char* (*error_name)(int) = nullptr;
  int (*init)(CusparseLtOpaque* handle) = nullptr;
  int (*destroy)(const CusparseLtOpaque* handle) = nullptr;
  int (*dense)(const CusparseLtOpaque* handle, CusparseLtOpaque* matrix, std::int64_t rows, std::int64_t columns, std::int64_t pitch, std::uint32_t alignment,
               cudaDataType type, int order) = nullptr;
  int (*structured)(const CusparseLtOpaque* handle, CusparseLtOpaque* matrix, std::int64_t rows, std::int64_t columns, std::int64_t pitch,
                    std::uint32_t alignment, cudaDataType type, int order, int sparsity) = nullptr;
  int (*product)(const CusparseLtOpaque* handle, CusparseLtOpaque* product, int operation_a, int operation_b, const CusparseLtOpaque* a,
                 const CusparseLtOpaque* b, const CusparseLtOpaque* c, const CusparseLtOpaque* d, int compute) = nullptr;
  int (*selection)(const CusparseLtOpaque* handle, CusparseLtOpaque* selection, const CusparseLtOpaque* product, int algorithm) = nullptr;
  int (*selection_attribute)(const CusparseLtOpaque* handle, const CusparseLtOpaque* selection, int attribute, void* data, std::size_t bytes) = nullptr;
  int (*plan)(const CusparseLtOpaque* handle, CusparseLtOpaque* plan, const CusparseLtOpaque* product, const CusparseLtOpaque* selection) = nullptr;
  int (*plan_destroy)(const CusparseLtOpaque* plan) = nullptr;
  int (*matrix_destroy)(const CusparseLtOpaque* matrix) = nullptr;
  int (*workspace)(const CusparseLtOpaque* handle, const CusparseLtOpaque* plan, std::size_t* bytes) = nullptr;
  int (*prune_check)(const CusparseLtOpaque* handle, const CusparseLtOpaque* product, const void* matrix, int* is_wrong, cudaStream_t stream) = nullptr;
  int (*compressed_size)(const CusparseLtOpaque* handle, const CusparseLtOpaque* plan, std::size_t* bytes, std::size_t* scratch_bytes) = nullptr;
  int (*compress)(const CusparseLtOpaque* handle, const CusparseLtOpaque* plan, const void* dense, void* compressed, void* scratch,
                  cudaStream_t stream) = nullptr;
  int (*search)(const CusparseLtOpaque* handle, CusparseLtOpaque* plan, const void* alpha, const void* a, const void* b, const void* beta, const void* c,
                void* d, void* workspace, cudaStream_t* streams, std::int32_t count) = nullptr;
  int (*multiply)(const CusparseLtOpaque* handle, const CusparseLtOpaque* plan, const void* alpha, const void* a, const void* b, const void* beta,
                  const void* c, void* d, void* workspace, cudaStream_t* streams, std::int32_t count) = nullptr;

 private:
  SharedLibrary library_;
};

}  // namespace convroof::cuda
