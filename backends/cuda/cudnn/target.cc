#include "backends/cuda/cudnn/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "backends/cuda/cudnn/library.h"
#include "backends/cuda/device/device.h"
#include "workloads/data_folder.h"
#include "workloads/nearest.h"

namespace convroof::cuda {
namespace {

constexpr const char* kProfileFolder = "backends/cuda/profiles";

std::string profile_path(const std::string& profile) {
  if (profile.find('/') != std::string::npos || profile.ends_with(".json")) return profile;
  const std::string path = find_data(fmt::format("{}/{}.json", kProfileFolder, profile));
  if (path.empty()) throw std::invalid_argument(unknown_name("device profile", profile, shipped_profiles()));
  return path;
}

}  // namespace

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
  const std::string path = profile_path(profile);
  std::ifstream file(path);
  if (!file) throw std::invalid_argument(fmt::format("{}: the device profile cannot be read", path));
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(file);
  } catch (const nlohmann::json::parse_error& error) {
    throw std::invalid_argument(fmt::format("{}: not JSON: {}", path, error.what()));
  }
  if (!json.is_object()) throw std::invalid_argument(fmt::format("{}: a device profile is one JSON object", path));
  json.erase("comment");  // ours; the rest is cuDNN's
  CudnnTarget target;
  target.name_ = std::filesystem::path(path).stem().string();
  target.properties_.emplace(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  try {
    target.properties_->set_text(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, json.dump()).finalize();
  } catch (const CudnnError& error) {
    throw std::invalid_argument(fmt::format("{}: cuDNN does not take this device profile: {}", path, error.what()));
  }
  return target;
}

std::vector<std::string> shipped_profiles() {
  std::vector<std::string> names;
  for (const std::string& folder : data_folders()) {
    std::error_code ignored;  // a data folder need not exist
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(folder) / kProfileFolder, ignored))
      if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace convroof::cuda
