#include "backends/cuda/cusparselt/library.h"

#include <fmt/format.h>

#include <stdexcept>

namespace convroof::cuda {
namespace {

// Versions whose enumerations have the numbers of library.h. Earlier ones counted compute types otherwise: a guess would compute something else.
constexpr int kMajor = 0, kMinor = 10;

}  // namespace

const CusparseLtLibrary& CusparseLtLibrary::get() {
  static const CusparseLtLibrary library;
  return library;
}

CusparseLtLibrary::CusparseLtLibrary() : library_(toolkit_candidates("libcusparseLt.so.0"), "CONVROOF_CUSPARSELT_LIBRARY") {
  if (!library_) {
    reason = fmt::format("cuSPARSELt was not found ({})", library_.why());
    return;
  }
  const auto find = [this]<typename Function>(Function*& pointer, const char* name) {
    pointer = library_.function<Function>(name);
    if (pointer == nullptr && reason.empty()) reason = fmt::format("{} lacks {}", library_.path(), name);
  };
  find(get_property, "cusparseLtGetProperty");
  find(error_name, "cusparseLtGetErrorName");
  find(init, "cusparseLtInit");
  find(destroy, "cusparseLtDestroy");
  find(dense, "cusparseLtDenseDescriptorInit");
  find(structured, "cusparseLtStructuredDescriptorInit");
  find(product, "cusparseLtMatmulDescriptorInit");
  find(selection, "cusparseLtMatmulAlgSelectionInit");
  find(selection_attribute, "cusparseLtMatmulAlgGetAttribute");
  find(plan, "cusparseLtMatmulPlanInit");
  find(plan_destroy, "cusparseLtMatmulPlanDestroy");
  find(matrix_destroy, "cusparseLtMatDescriptorDestroy");
  find(workspace, "cusparseLtMatmulGetWorkspace");
  find(prune_check, "cusparseLtSpMMAPruneCheck");
  find(compressed_size, "cusparseLtSpMMACompressedSize");
  find(compress, "cusparseLtSpMMACompress");
  find(search, "cusparseLtMatmulSearch");
  find(multiply, "cusparseLtMatmul");
  if (!reason.empty()) return;
  int major = -1, minor = -1, patch = -1;
  if (get_property(MAJOR_VERSION, &major) != 0 || get_property(MINOR_VERSION, &minor) != 0 || get_property(PATCH_LEVEL, &patch) != 0)
    reason = fmt::format("{} does not tell its version", library_.path());
  else if (major != kMajor || minor != kMinor)
    reason = fmt::format("cuSPARSELt {}.{}.{} was found; this binary knows {}.{}", major, minor, patch, kMajor, kMinor);
  version = fmt::format("{}.{}.{}", major, minor, patch);
}

void CusparseLtLibrary::check(int status, const char* call) const {
  if (status != 0) throw std::runtime_error(fmt::format("{} failed: {} ({})", call, error_name(status), status));
}

}  // namespace convroof::cuda
