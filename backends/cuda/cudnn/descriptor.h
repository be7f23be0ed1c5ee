// One descriptor of cuDNN's backend API, owned, with attributes set and read by C++ type. Failures are exceptions that name the call and the attribute.
#pragma once

#include <cudnn_graph.h>

#include <cstdint>
#include <source_location>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace convroof::cuda {

class CudnnError : public std::runtime_error {
 public:
  CudnnError(cudnnStatus_t status, const std::string& call, std::source_location place);
  cudnnStatus_t status() const { return status_; }

 private:
  cudnnStatus_t status_;
};

void check_cudnn(cudnnStatus_t status, const std::string& call, std::source_location place = std::source_location::current());

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;

  cudnnBackendDescriptor_t raw() const { return raw_; }

  Descriptor& set(cudnnBackendAttributeName_t name, std::span<const std::int64_t> values);
  Descriptor& set(cudnnBackendAttributeName_t name, std::int64_t value) { return set(name, std::span(&value, 1)); }
  Descriptor& set(cudnnBackendAttributeName_t name, float value) { return set_raw(name, CUDNN_TYPE_FLOAT, 1, &value); }
  Descriptor& set(cudnnBackendAttributeName_t name, bool value) { return set_raw(name, CUDNN_TYPE_BOOLEAN, 1, &value); }
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnDataType_t value) { return set_raw(name, CUDNN_TYPE_DATA_TYPE, 1, &value); }
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnConvolutionMode_t value) { return set_raw(name, CUDNN_TYPE_CONVOLUTION_MODE, 1, &value); }
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnPointwiseMode_t value) { return set_raw(name, CUDNN_TYPE_POINTWISE_MODE, 1, &value); }
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendHeurMode_t value) { return set_raw(name, CUDNN_TYPE_HEUR_MODE, 1, &value); }
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendKnobType_t value) { return set_raw(name, CUDNN_TYPE_KNOB_TYPE, 1, &value); }
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnHandle_t value) { return set_raw(name, CUDNN_TYPE_HANDLE, 1, &value); }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& value) { return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.raw_); }
  Descriptor& set_descriptors(cudnnBackendAttributeName_t name, std::span<const cudnnBackendDescriptor_t> values);
  Descriptor& set_pointers(cudnnBackendAttributeName_t name, std::span<void* const> pointers);
  Descriptor& set_text(cudnnBackendAttributeName_t name, const std::string& text);
  Descriptor& finalize(std::source_location place = std::source_location::current());
  cudnnStatus_t try_finalize();  // for candidates that cuDNN may refuse

  std::int64_t integer(cudnnBackendAttributeName_t name) const;
  std::string text(cudnnBackendAttributeName_t name) const;
  std::vector<int> enums(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int most) const;
  int enumeration(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const;
  std::int64_t count(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const;
  // Up to `most` descriptors of the given type, copied out.
  std::vector<Descriptor> descriptors(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type, std::int64_t most) const;

 private:
  Descriptor& set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, const void* values);
  cudnnBackendDescriptor_t raw_ = nullptr;
};

}  // namespace convroof::cuda
