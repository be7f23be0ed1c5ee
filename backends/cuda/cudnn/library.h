// cuDNN, found while the program runs. Only the graph library is opened; it opens its engines itself.
#pragma once

#include <cudnn_graph.h>

#include <string>

#include "backends/cuda/device/shared_library.h"

namespace convroof::cuda {

struct CudnnLibrary {
  // The library of this process. Never throws; where it is missing or too old, `reason` says so and the functions are null.
  static const CudnnLibrary& get();

  explicit operator bool() const { return reason.empty(); }
  std::string version_text() const;  // "9.19.0"
  std::string path() const { return library_.path(); }

  std::string reason;
  std::size_t version = 0;  // 91900 = 9.19.0
  decltype(cudnnGetVersion)* get_version = nullptr;
  decltype(cudnnGetErrorString)* error_string = nullptr;
  decltype(cudnnGetLastErrorString)* last_error_string = nullptr;
  decltype(cudnnCreate)* create = nullptr;
  decltype(cudnnDestroy)* destroy = nullptr;
  decltype(cudnnSetStream)* set_stream = nullptr;
  decltype(cudnnBackendCreateDescriptor)* create_descriptor = nullptr;
  decltype(cudnnBackendDestroyDescriptor)* destroy_descriptor = nullptr;
  decltype(cudnnBackendFinalize)* finalize = nullptr;
  decltype(cudnnBackendSetAttribute)* set_attribute = nullptr;
  decltype(cudnnBackendGetAttribute)* get_attribute = nullptr;
  decltype(cudnnBackendExecute)* execute = nullptr;

 private:
  CudnnLibrary();
  SharedLibrary library_;
};

}  // namespace convroof::cuda
