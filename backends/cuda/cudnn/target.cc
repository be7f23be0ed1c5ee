#include "backends/cuda/cudnn/target.h"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>

#include "backends/cuda/cudnn/library.h"
#include "backends/cuda/device/device.h"
#include "backends/cuda/device/profiles.h"

namespace convroof::cuda {
void CudnnTarget::Destroy::operator()(cudnnContext* handle) const { CudnnLibrary::get().destroy(handle); }

CudnnTarget CudnnTarget::device() {
  CudnnTarget target;
  cudnnHandle_t handle = nullptr;
  check_cudnn(CudnnLibrary::get().create(&handle), "cudnnCreate");
  target.handle_.reset(handle);
  target.name_ = device_state().device.name;
  return target;
}

CudnnTarget CudnnTarget::described(const std::string& profile) {
  const std::string path = profile_path(profile), json = profile_json(profile);
  CudnnTarget target;
  target.name_ = std::filesystem::path(path).stem().string();
  target.properties_.emplace(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  try {
    target.properties_->set_text(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, json).finalize();
  } catch (const CudnnError& error) {
    throw std::invalid_argument(fmt::format("{}: cuDNN does not take this device profile: {}", path, error.what()));
  }
  return target;
}

}  // namespace convroof::cuda
