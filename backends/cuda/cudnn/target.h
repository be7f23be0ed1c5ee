// What plans are made for: the device of this process through a handle, or a device that is only described (profiles/*.json), on machines without one.
#pragma once

#include <cudnn_graph.h>

#include <memory>
#include <optional>
#include <string>

#include "backends/cuda/cudnn/descriptor.h"

namespace convroof::cuda {

class CudnnTarget {
 public:
  // The device of this process. Throws CudnnError.
  static CudnnTarget device();
  // A description: a shipped profile's name ("h200"), or a path to a file of that form. Throws std::invalid_argument or CudnnError.
  static CudnnTarget described(const std::string& profile);

  const std::string& name() const { return name_; }  // the profile's name or the device's
  const Descriptor* properties() const { return properties_ ? &*properties_ : nullptr; }
  cudnnHandle_t handle() const { return handle_.get(); }

 private:
  struct Destroy {
    void operator()(cudnnContext* handle) const;
  };
  CudnnTarget() = default;
  std::string name_;
  std::unique_ptr<cudnnContext, Destroy> handle_;
  std::optional<Descriptor> properties_;
};

}  // namespace convroof::cuda
