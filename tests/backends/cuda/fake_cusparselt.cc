// A sparse matrix product whose device is the host: what the documented calls mean, with every check that the real library makes of sizes and order.
// "Compressed" is a copy; the search and the workspace are there so that their calls are seen.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "backends/float16.h"

namespace {

constexpr int kSuccess = 0, kInvalid = 3;
using convroof::Float16;

struct Matrix {
  std::int64_t rows, columns, pitch;
  int is_structured;
};
struct Product {
  Matrix a, b, d;
};

bool is_valid(std::int64_t rows, std::int64_t columns, std::int64_t pitch, unsigned alignment, int type, int order) {
  return rows > 0 && columns > 0 && rows % 16 == 0 && columns % 16 == 0 && pitch >= rows && alignment == 16 && type == 2 && order == 1;
}

}  // namespace

extern "C" {

int cusparseLtGetProperty(int property, int* value) {
  const char* minor = std::getenv("CONVROOF_FAKE_CUSPARSELT_MINOR");
  *value = property == 1 ? (minor != nullptr ? std::atoi(minor) : 10) : 0;
  return kSuccess;
}
const char* cusparseLtGetErrorName(int) { return "CUSPARSE_STATUS_INVALID_VALUE"; }
int cusparseLtInit(void*) { return kSuccess; }
int cusparseLtDestroy(const void*) { return kSuccess; }
int cusparseLtDenseDescriptorInit(const void*, Matrix* matrix, std::int64_t rows, std::int64_t columns, std::int64_t pitch, unsigned alignment, int type,
                                  int order) {
  *matrix = {rows, columns, pitch, 0};
  return is_valid(rows, columns, pitch, alignment, type, order) ? kSuccess : kInvalid;
}
int cusparseLtStructuredDescriptorInit(const void*, Matrix* matrix, std::int64_t rows, std::int64_t columns, std::int64_t pitch, unsigned alignment, int type,
                                       int order, int sparsity) {
  *matrix = {rows, columns, pitch, 1};
  return is_valid(rows, columns, pitch, alignment, type, order) && sparsity == 0 ? kSuccess : kInvalid;
}
int cusparseLtMatDescriptorDestroy(const void*) { return kSuccess; }
int cusparseLtMatmulDescriptorInit(const void*, Product* product, int operation_a, int operation_b, const Matrix* a, const Matrix* b, const Matrix* c,
                                   const Matrix* d, int compute) {
  *product = {*a, *b, *d};
  const bool fits = a->is_structured == 1 && a->rows == b->rows && d->rows == a->columns && d->columns == b->columns && c == d;
  return operation_a == 1 && operation_b == 0 && compute == 2 && fits ? kSuccess : kInvalid;
}
int cusparseLtMatmulAlgSelectionInit(const void*, void*, const Product*, int algorithm) { return algorithm == 0 ? kSuccess : kInvalid; }
int cusparseLtMatmulAlgGetAttribute(const void*, const void*, int attribute, void* data, std::size_t bytes) {
  if (attribute != 0 || bytes != sizeof(int)) return kInvalid;
  const int chosen = 7;
  std::memcpy(data, &chosen, sizeof(chosen));
  return kSuccess;
}
int cusparseLtMatmulPlanInit(const void*, Product* plan, const Product* product, const void*) {
  *plan = *product;
  return kSuccess;
}
int cusparseLtMatmulPlanDestroy(const void*) { return kSuccess; }
int cusparseLtMatmulGetWorkspace(const void*, const Product*, std::size_t* bytes) {
  *bytes = 64;
  return kSuccess;
}
int cusparseLtSpMMAPruneCheck(const void*, const Product* product, const Float16* matrix, int* is_wrong, void*) {
  for (std::int64_t column = 0; column < product->a.columns; ++column)
    for (std::int64_t row = 0; row < product->a.rows; row += 4) {
      int kept = 0;
      for (int i = 0; i < 4; ++i) kept += (matrix[column * product->a.pitch + row + i].bits & 0x7fff) != 0 ? 1 : 0;
      if (kept > 2) *is_wrong = 1;
    }
  return kSuccess;
}
int cusparseLtSpMMACompressedSize(const void*, const Product* plan, std::size_t* bytes, std::size_t* scratch_bytes) {
  *bytes = static_cast<std::size_t>(plan->a.pitch * plan->a.columns) * sizeof(Float16);
  *scratch_bytes = 16;
  return kSuccess;
}
int cusparseLtSpMMACompress(const void*, const Product* plan, const void* dense, void* compressed, void*, void*) {
  std::memcpy(compressed, dense, static_cast<std::size_t>(plan->a.pitch * plan->a.columns) * sizeof(Float16));
  return kSuccess;
}
int cusparseLtMatmul(const void*, const Product* plan, const float* alpha, const Float16* a, const Float16* b, const float* beta, const Float16*, Float16* d,
                     void* workspace, void**, std::int32_t streams) {
  if (*alpha != 1 || *beta != 0 || workspace == nullptr || streams != 1) return kInvalid;
  for (std::int64_t column = 0; column < plan->d.columns; ++column)
    for (std::int64_t row = 0; row < plan->d.rows; ++row) {
      float sum = 0;
      for (std::int64_t k = 0; k < plan->a.rows; ++k) sum += static_cast<float>(a[row * plan->a.pitch + k]) * static_cast<float>(b[column * plan->b.pitch + k]);
      d[column * plan->d.pitch + row] = Float16(sum);
    }
  return kSuccess;
}
int cusparseLtMatmulSearch(const void* handle, Product* plan, const float* alpha, const Float16* a, const Float16* b, const float* beta, const Float16* c,
                           Float16* d, void* workspace, void** streams, std::int32_t count) {
  return workspace == nullptr ? cusparseLtMatmul(handle, plan, alpha, a, b, beta, c, d, d, streams, count) : kInvalid;
}
}
