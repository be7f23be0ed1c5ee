#include "backends/cuda/cudnn/library.h"

#include <fmt/format.h>

namespace convroof::cuda {
namespace {

// Device descriptions as JSON came with 9.8; everything else here is older.
constexpr std::size_t kOldestVersion = 90800;

}  // namespace

const CudnnLibrary& CudnnLibrary::get() {
  static const CudnnLibrary library;
  return library;
}

std::string CudnnLibrary::version_text() const { return fmt::format("{}.{}.{}", version / 10000, version % 10000 / 100, version % 100); }

CudnnLibrary::CudnnLibrary() : library_(toolkit_candidates(fmt::format("libcudnn_graph.so.{}", CUDNN_MAJOR)), "CONVROOF_CUDNN_LIBRARY") {
  if (!library_) {
    reason = fmt::format("cuDNN {} was not found ({})", CUDNN_MAJOR, library_.why());
    return;
  }
  const auto find = [this]<typename Function>(Function*& pointer, const char* name) {
    pointer = library_.function<Function>(name);
    if (pointer == nullptr && reason.empty()) reason = fmt::format("{} lacks {}", library_.path(), name);
  };
  find(get_version, "cudnnGetVersion");
  find(error_string, "cudnnGetErrorString");
  find(last_error_string, "cudnnGetLastErrorString");
  find(create, "cudnnCreate");
  find(destroy, "cudnnDestroy");
  find(set_stream, "cudnnSetStream");
  find(create_descriptor, "cudnnBackendCreateDescriptor");
  find(destroy_descriptor, "cudnnBackendDestroyDescriptor");
  find(finalize, "cudnnBackendFinalize");
  find(set_attribute, "cudnnBackendSetAttribute");
  find(get_attribute, "cudnnBackendGetAttribute");
  find(execute, "cudnnBackendExecute");
  if (!reason.empty()) return;
  version = get_version();
  if (version < kOldestVersion) reason = fmt::format("cuDNN {} is too old: 9.8 or newer is needed", version_text());
}

}  // namespace convroof::cuda
